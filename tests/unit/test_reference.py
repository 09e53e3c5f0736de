"""Does the reference say what the code says: every key, variable, event, outcome and stop reason?"""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

import pytest

from llmauto.authoring import chain_keys, config_keys, link_keys, unbuilt
from llmauto.authoring.fields import Table
from llmauto.events import KINDS
from llmauto.home import Home, HowFound, shipped_root
from llmauto.outcomes import Outcome, Status
from llmauto.settings import load_settings
from tests.support.reference_pages import PARTS, REFERENCE, endings, made, parts_in, variable
from tests.support.source_tree import read_package

HOW = "`python -m tests.support.reference_pages` brings the pages up to date"


def text(page: str) -> str:
    return (REFERENCE / page).read_text(encoding="utf-8")


def rows(page: str, section: str = "") -> dict[str, list[str]]:
    """The rows of the tables of a page, or of one section of it, by each name in their first cell."""
    whole = text(page)
    if section:
        begin = whole.index(f"## {section}\n")
        end = whole.find("\n## ", begin)
        whole = whole[begin:end] if end > 0 else whole[begin:]
    found = {}
    for line in whole.splitlines():
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        for name in re.findall(r"`([^`]+)`", cells[0]) if cells else ():
            found[name] = cells
    return found


# --- what is made from the code ----------------------------------------------------------------------


@pytest.mark.parametrize("page", sorted(REFERENCE.glob("*.md")), ids=lambda page: page.name)
def test_what_is_made_from_the_code_is_up_to_date(page: Path) -> None:
    found = page.read_text(encoding="utf-8")
    assert found == made(found), HOW


def test_every_made_part_stands_on_exactly_one_page() -> None:
    found = [name for page in REFERENCE.glob("*.md") for name in parts_in(page.read_text(encoding="utf-8"))]
    assert sorted(found) == sorted(PARTS)


# --- keys --------------------------------------------------------------------------------------------


def living(table: Table) -> set[str]:
    return {one.key for one in table.fields if not one.dead}


TABLES = {
    "Chain": (chain_keys.CHAIN, unbuilt.CHAIN_KEYS),
    "Link": (link_keys.ENTRY, unbuilt.LINK_KEYS),
}


@pytest.mark.parametrize("section", TABLES)
def test_the_page_about_chain_files_names_every_key_that_can_be_used(section: str) -> None:
    table, unbuilt_keys = TABLES[section]
    whole = text("chain.md")
    without = set(unbuilt_keys)
    if "task_pools" in unbuilt.CHAIN_KEYS:  # without pools, what shapes them means nothing
        without |= {*unbuilt.POOL_KEYS, "task_pool"}
    assert not [key for key in sorted(living(table) - without) if f"`{key}`" not in whole]


@pytest.mark.parametrize("section", TABLES)
def test_the_page_about_chain_files_names_no_key_that_does_not_exist(section: str) -> None:
    assert set(rows("chain.md", section)) <= living(TABLES[section][0])


@pytest.mark.parametrize("section", TABLES)
def test_defaults_of_chain_files_are_those_of_the_program(section: str) -> None:
    wrong = {}
    for key, (_, _, default, *_rest) in rows("chain.md", section).items():
        field = TABLES[section][0].field(key)
        if field is not None and isinstance(field.default, bool | int | float | str) and field.default != "":
            said = default.strip("`").replace("\\|", "|")
            if said != json.dumps(field.default).strip('"'):
                wrong[key] = (said, field.default)
    assert not wrong


def test_the_page_about_the_configuration_names_every_key_and_no_other() -> None:
    named = {name for name in rows("config.md") if not name.isupper()}  # else a variable
    keys = living(config_keys.CONFIG) - {"telegram", "backends"}
    keys |= {f"telegram.{key}" for key in living(config_keys.TELEGRAM)}
    keys |= {f"backends.<name>.{key}" for key in living(config_keys.BACKEND)}
    assert keys <= named
    assert named <= keys


# --- variables ---------------------------------------------------------------------------------------


def test_every_variable_in_the_sources_is_in_the_reference() -> None:
    whole = text("config.md")
    texts = [
        node.value
        for module in read_package().values()
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    used = {text for text in texts if re.fullmatch(r"LLMAUTO_[A-Z_]*[A-Z]", text)}
    assert used >= {"LLMAUTO_HOME", "LLMAUTO_RUN"}
    assert not [name for name in sorted(used) if f"`{name}`" not in whole]


def test_every_variable_of_the_reference_overrides_its_key(tmp_path: Path) -> None:
    home = Home(
        path=tmp_path, how_found=HowFound.OPTION, workdir_base=tmp_path, private=False, shipped=shipped_root()
    )
    origins = load_settings(home, {}).origins
    keys = [key for key in origins if key != "env"]
    fitting = {"telegram.bot_token_env": "TOKEN", "telegram.api_url": "https://127.0.0.1/"}
    for key in keys:
        name = variable(*key.split("."))
        seen = load_settings(home, {name: fitting.get(key, "1")})
        assert seen.origins[key] == f"`{name}`"
        assert f"| `{name}` | `{key}` |" in text("config.md")


# --- events, outcomes, ends --------------------------------------------------------------------------


def test_every_kind_of_event_has_its_place() -> None:
    headings = re.findall(r"^### (\w+)$", text("events.md"), re.MULTILINE)
    assert headings == list(KINDS)


def test_every_outcome_has_its_place_and_its_row() -> None:
    names = {outcome.value for outcome in Outcome}
    assert set(re.findall(r"^### (\w+)$", text("outcomes.md"), re.MULTILINE)) == names
    assert set(rows("outcomes.md")) >= names


def test_every_outcome_is_told_in_words() -> None:
    told = re.split(r"^### \w+$", text("outcomes.md"), flags=re.MULTILINE)[1:]
    assert all(len(words.strip()) > 20 for words in told)


def test_every_stop_reason_stands_with_its_status_its_exit_code_and_what_follows() -> None:
    found = rows("exit-codes.md")
    for reason, (status, code, finished) in endings().items():
        _, _, *said = found[reason]
        assert said == [status, code, finished], reason


def test_every_exit_code_is_explained() -> None:
    whole = text("exit-codes.md")
    codes = {code for _, code, _ in endings().values()} | {"2", "75"}
    for code in codes:
        assert re.search(rf"\| {code} \|", whole), code


def test_every_status_word_is_explained() -> None:
    for status in Status:
        assert status.value in text("state.md")
