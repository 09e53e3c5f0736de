"""How do the JSON Schemas of chain files, of config.json and of rehearsals read?

`python -m llmauto.authoring.schema` writes them beside the package's modules; a test fails where
they are not what the field tables say.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from llmauto.authoring.chain_keys import CHAIN
from llmauto.authoring.config_keys import CONFIG
from llmauto.authoring.fields import Table
from llmauto.authoring.rehearsal_keys import REHEARSAL

DIALECT = "https://json-schema.org/draft/2020-12/schema"
PACKAGE = Path(__file__).resolve().parent.parent
FILES = {which: PACKAGE / f"{which}.schema.json" for which in ("chain", "config", "rehearsal")}


def schemas() -> dict[str, dict[str, Any]]:
    """All schemas, by what they describe."""
    return {
        "chain": _schema(CHAIN, "llmauto chain"),
        "config": _schema(CONFIG, "llmauto config.json"),
        "rehearsal": _schema(REHEARSAL, "llmauto rehearsal"),
    }


def _schema(table: Table, title: str) -> dict[str, Any]:
    return {"$schema": DIALECT, "title": title, **table.schema()}


def as_text(schema: dict[str, Any]) -> str:
    """A schema as its file has it."""
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def committed(what: str) -> str:
    """The text of the schema that ships: `chain`, `config` or `rehearsal`."""
    return FILES[what].read_text(encoding="utf-8")


def write() -> None:
    """Bring the files up to date."""
    for what, schema in schemas().items():
        FILES[what].write_text(as_text(schema), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    write()
