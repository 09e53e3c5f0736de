"""How do the reference tables of all keys read?

`python -m llmauto.authoring.reference` writes `docs/reference/keys.md` of a source checkout; a test
fails where it is not what the field tables say.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from llmauto.authoring import chain_keys, config_keys, link_keys, rehearsal_keys, unbuilt
from llmauto.authoring.fields import Field, Table

FILE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "keys.md"
_NOT_BUILT = "**Not built yet.**"

_HEAD = """\
# All keys

Every key of a [chain file](chain.md), of [config.json](config.md) and of a
[rehearsal](../guides/rehearsing.md), as the program itself has them.
This page is made from the tables that the program checks files with. The same tables make
`llmauto/chain.schema.json`, `config.schema.json` and `rehearsal.schema.json` beside it, which editors
understand.

A value may be `null` where that is listed: the key then counts as not given, and the `defaults` of the
chain do not hold for it either.
A key marked as not built yet is answered with an error, unless its value means off.
"""


def page() -> str:
    """The whole page."""
    parts = [_HEAD]
    for title, table, rows in _SECTIONS:
        parts.append(f"\n## {title}\n\n{keys_table(table.fields, rows)}")
    return "".join(parts)


def keys_table(fields: tuple[Field, ...], rows: Mapping[str, unbuilt.Unbuilt]) -> str:
    """A Markdown table of the fields that mean something; `rows` are those that are not built yet."""
    lines = ["| key | value | default | meaning |", "|---|---|---|---|"]
    for one in fields:
        if one.dead:
            continue
        default = one.default_words
        if not default and one.default is not None:
            default = f"`{json.dumps(one.default)}`"
        meaning = one.help + _unbuilt(one, rows)
        cells = (f"`{one.key}`", one.shape.words, default, meaning)
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines) + "\n"


def _unbuilt(one: Field, rows: Mapping[str, unbuilt.Unbuilt]) -> str:
    if one.key not in rows:
        return ""
    # Of some keys only certain values are not built.
    values = [value for value in _values(one) if rows[one.key].asks(value)]
    if values and one.key in ("mode", "role", "on_limit"):
        return f". {_NOT_BUILT[:-3]}: {', '.join(f'`{value}`' for value in values)}**"
    return f". {_NOT_BUILT}"


def _values(one: Field) -> tuple[str, ...]:
    values: tuple[str, ...] = getattr(one.shape, "of", ())
    return values


_SECTIONS: tuple[tuple[str, Table, Mapping[str, unbuilt.Unbuilt]], ...] = (
    ("Chain", chain_keys.CHAIN, unbuilt.CHAIN_KEYS),
    ("Link", link_keys.ENTRY, unbuilt.LINK_KEYS),
    ("`breakers`", chain_keys.BREAKERS, {}),
    ("An entry of `prompts`", chain_keys.PROMPT, {}),
    ("`telegram` of a chain", chain_keys.TELEGRAM, {}),
    ("`shutdown`", chain_keys.SHUTDOWN, {}),
    ("`quota`", chain_keys.QUOTA, {}),
    ("An entry of `task_pools`", chain_keys.POOL, {}),
    ("`fallback`", link_keys.FALLBACK, {}),
    ("config.json", config_keys.CONFIG, {}),
    ("`telegram` of config.json", config_keys.TELEGRAM, {}),
    ("An entry of `backends`", config_keys.BACKEND, {}),
    ("A rehearsal", rehearsal_keys.REHEARSAL, {}),
    ("A play of a rehearsal", rehearsal_keys.PLAY, {}),
    ("`expect` of a rehearsal", rehearsal_keys.EXPECT, {}),
)


def write() -> None:
    """Bring the page up to date."""
    FILE.write_text(page(), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    write()
