"""Are prompts listed as chains find them, shown as they stand, and never written over?"""

from __future__ import annotations

from pathlib import Path

import pytest

from llmauto import __version__
from tests.support.cli import Cli

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cli:
    return Cli(tmp_path, monkeypatch)


def prompt(cli: Cli, name: str, text: str = "Do it.\n") -> Path:
    path = cli.home / "prompts" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_the_homes_prompts_come_before_the_shipped_ones_and_each_once(cli: Cli) -> None:
    mine = prompt(cli, "worker.txt")
    rows = cli.run("prompt", "list", "--json").json()
    assert rows[0] == {"name": "worker.txt", "path": str(mine), "shipped": False}
    assert [row["name"] for row in rows].count("worker.txt") == 1
    assert {"name": "reviewer.txt", "path": str(ROOT / "prompts" / "reviewer.txt"), "shipped": True} in rows


def test_the_list_for_people_shows_how_each_begins(cli: Cli) -> None:
    prompt(cli, "mine.txt", "\n\x1b[31mMend the parser\n")
    out = cli.run("prompt", "list").out
    assert "Mend the parser" in out
    assert "\x1b" not in out


@pytest.mark.parametrize("name", ["mine", "mine.md"])
def test_a_prompt_is_shown_as_it_stands(cli: Cli, name: str) -> None:
    prompt(cli, "_private/mine.md", "Mend {TASK}\nnow\n")
    assert cli.run("prompt", "show", name).out == "Mend {TASK}\nnow\n"
    shown = cli.run("prompt", "show", name, "--json").json()
    assert (shown["name"], shown["shipped"], shown["text"]) == ("mine.md", False, "Mend {TASK}\nnow\n")


def test_a_prompt_that_is_not_there_gets_a_guess(cli: Cli) -> None:
    ran = cli.run("prompt", "show", "wroker")
    assert (ran.code, 'did you mean "worker"?' in ran.err) == (2, True)


def test_a_new_prompt_is_a_copy_of_its_roles(cli: Cli) -> None:
    ran = cli.run("prompt", "new", "mine", "--role", "reviewer")
    text = (cli.home / "prompts" / "mine.txt").read_text(encoding="utf-8")
    assert (ran.code, text) == (0, (ROOT / "prompts" / "reviewer.txt").read_text(encoding="utf-8"))
    assert '"prompt": "mine.txt"' in ran.out


@pytest.mark.parametrize("name", ["mine", "mine.txt", "MINE"])
def test_a_prompt_is_never_written_over(cli: Cli, name: str) -> None:
    path = prompt(cli, "mine.txt")
    assert cli.run("prompt", "new", name).code == 2
    assert path.read_text(encoding="utf-8") == "Do it.\n"


def test_a_shipped_prompts_name_may_be_taken_and_is_told(cli: Cli) -> None:
    ran = cli.run("prompt", "new", "worker")
    assert (ran.code, "yours comes first" in ran.err) == (0, True)


@pytest.mark.parametrize("which", ["chain", "config"])
def test_schema_prints_the_schema_that_ships(cli: Cli, which: str) -> None:
    out = cli.run("schema", which).out
    assert out == (ROOT / "llmauto" / f"{which}.schema.json").read_text(encoding="utf-8")


def test_version_prints_the_version(cli: Cli) -> None:
    assert cli.run("version").out == f"llmauto {__version__}\n"
