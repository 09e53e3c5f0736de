"""Do the documents hold: does every link lead somewhere, can every chain in them be read?"""

from __future__ import annotations

import argparse
import json
import re
import shlex
import shutil
from datetime import datetime, timezone
from pathlib import Path

import pytest

from llmauto.authoring.load import load
from llmauto.authoring.rehearsal_keys import REHEARSAL
from llmauto.cli.parser import build, parse
from llmauto.home import find_home
from llmauto.settings import Settings
from tests.support.command_line import walk

ROOT = Path(__file__).resolve().parents[2]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def prose(path: Path) -> str:
    return _FENCE.sub("", path.read_text(encoding="utf-8"))


def anchors(path: Path) -> set[str]:
    """The anchors that GitHub makes of the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", prose(path), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


def json_blocks() -> list[object]:
    return [
        pytest.param(text, id=f"{name_of(page)}:{number}")
        for page in PAGES
        for number, (language, text) in enumerate(_FENCE.findall(page.read_text(encoding="utf-8")))
        if language == "json"
    ]


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_within_the_documents_lead_somewhere(page: Path) -> None:
    for target in _LINK.findall(prose(page)):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        found = (page.parent / path).resolve() if path else page
        assert found.exists(), target
        assert not anchor or anchor in anchors(found), target


@pytest.mark.parametrize("text", json_blocks())
def test_each_json_block_is_a_whole_chain_a_config_or_a_rehearsal(text: str) -> None:
    data = json.loads(text)
    if "plays" in data:
        assert not list(REHEARSAL.problems(data, ()))
        return
    assert "links" in data or set(data) <= {key for key in _config() if key != "$schema"}


@pytest.mark.parametrize("text", json_blocks())
def test_each_chain_in_the_documents_loads(text: str, tmp_path: Path) -> None:
    if "links" in json.loads(text):
        path = tmp_path / "chains" / "c.json"
        path.parent.mkdir()
        # A chain that a guide makes has the prompts that `llmauto init` makes.
        shutil.copytree(ROOT / "templates" / "init" / "prompts", tmp_path / "prompts")
        path.write_text(text, encoding="utf-8")
        home = find_home(tmp_path, {}, tmp_path)
        loaded = load(path, home=home, settings=Settings(), now=datetime(2026, 1, 1, tzinfo=timezone.utc))
        assert not [warning for warning in loaded.warnings if "deadline" not in warning]


def _config() -> dict[str, object]:
    config = json.loads((ROOT / "config.json").read_text(encoding="utf-8"))
    assert isinstance(config, dict)
    return config


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_fence_is_closed(page: Path) -> None:
    fences = re.findall(r"^```", page.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(fences) % 2 == 0


def test_the_index_names_every_page() -> None:
    linked = set(_LINK.findall(prose(ROOT / "docs" / "README.md")))
    linked |= {f"design/{target}" for target in _LINK.findall(prose(ROOT / "docs" / "design" / "README.md"))}
    pages = {page.relative_to(ROOT / "docs").as_posix() for page in PAGES if ROOT / "docs" in page.parents}
    assert pages - {"README.md"} <= linked


def test_each_picture_is_shown_and_each_that_is_shown_is_there() -> None:
    texts = {page: page.read_text(encoding="utf-8") for page in PAGES}
    shown = {
        (page.parent / path).resolve()
        for page, text in texts.items()
        for path in re.findall(r"""(?:src(?:set)?="|!\[[^\]]*\]\()([^")\s]+)[")]""", text)
    }
    assert shown == set((ROOT / "docs" / "images").glob("*.png"))


def test_every_shipped_chain_and_prompt_is_described() -> None:
    text = (ROOT / "docs" / "reference" / "prompts.md").read_text(encoding="utf-8")
    for file in [*(ROOT / "prompts").glob("*.txt"), *(ROOT / "chains").glob("*.json")]:
        assert f"`{file.name.removesuffix('.json')}`" in text, file.name


def test_every_command_and_every_option_is_in_the_reference() -> None:
    text = (ROOT / "docs" / "reference" / "commands.md").read_text(encoding="utf-8")
    for parser in walk(build()):
        command = parser.prog.removeprefix("llmauto").strip()
        if command not in ("", "chain", "prompt"):  # these only lead to others
            assert re.search(rf"`{re.escape(command)}[ `]", text), command
        for action in parser._actions:
            if action.help != argparse.SUPPRESS:
                for option in action.option_strings:
                    assert re.search(rf"`(\w+ )?{option}[ `]", text), f"{command} {option}"


def typed(page: Path) -> set[str]:
    """The commands of ours that a page lets its reader type, without the words before and behind."""
    text = page.read_text(encoding="utf-8")
    lines = [line for lang, body in _FENCE.findall(text) if lang == "sh" for line in body.splitlines()]
    lines += re.findall(r"`(llmauto [^`\n]+)`", prose(page))
    parts = [part.strip() for line in lines for part in re.split(r"\s[|\\]+|\s(?:&&|>)\s|\$\(|\)", line)]
    found = {match[1] for part in parts if (match := re.match(r"(?:python -m )?llmauto (.+)", part))}
    return {words for words in found if not {"…", "["} & set(words.replace('"…"', ""))}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_each_command_in_the_documents_is_one_that_there_is(page: Path) -> None:
    for words in typed(page):
        parse(shlex.split(words, comments=True))


def test_each_test_that_the_promises_name_is_there() -> None:
    page = (ROOT / "docs" / "design" / "judgement.md").read_text(encoding="utf-8")
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", page)
    assert len(named) > 30
    for file, test in named:
        assert f"def {test}(" in (ROOT / file).read_text(encoding="utf-8"), f"{file}::{test}"


def test_the_readme_carries_the_table_of_faults_as_it_was_made() -> None:
    def made(path: Path) -> str:
        text = path.read_text(encoding="utf-8")
        return text.split("<!-- made: faults -->")[1].split("<!-- end of what is made -->")[0].strip()

    table = made(ROOT / "docs" / "reference" / "faults.md")
    assert "| S1 |" in table
    assert made(ROOT / "README.md") == table
