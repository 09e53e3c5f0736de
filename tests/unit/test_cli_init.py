"""Does `init` make a home that works in a project, and touch nothing else?"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.support.cli import Cli

FILES = {
    ".llmauto/.gitignore",
    ".llmauto/chain.schema.json",
    ".llmauto/chains/example.json",
    ".llmauto/config.json",
    ".llmauto/config.schema.json",
    ".llmauto/prompts/example_reviewer.txt",
    ".llmauto/prompts/example_worker.txt",
}


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cli:
    return Cli(tmp_path, monkeypatch)


@pytest.fixture
def project(tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_init_makes_the_home_and_nothing_outside_of_it(cli: Cli, project: Path) -> None:
    ran = cli.run("init", home=False)
    assert (ran.code, files(project)) == (0, FILES)
    assert "llmauto chain check example" in ran.out
    assert 'llmauto chain start example --task "…"' in ran.out


def test_the_example_of_a_new_project_has_no_mistake(cli: Cli, project: Path) -> None:
    cli.run("init", home=False)
    ran = cli.run("chain", "check", "example", home=False)
    assert ran.code == 0, ran.err


def test_the_schemas_that_the_files_name_are_there(cli: Cli, project: Path) -> None:
    cli.run("init", home=False)
    for name in ("config.json", "chains/example.json"):
        file = project / ".llmauto" / name
        schema = json.loads(file.read_text(encoding="utf-8"))["$schema"]
        assert json.loads((file.parent / schema).read_text(encoding="utf-8"))["title"].startswith("llmauto")


def test_files_that_are_there_are_kept_and_told(cli: Cli, project: Path) -> None:
    cli.run("init", home=False)
    example = project / ".llmauto" / "chains" / "example.json"
    example.write_text("mine", encoding="utf-8")
    (project / ".llmauto" / "config.json").unlink()
    ran = cli.run("init", home=False)
    assert (ran.code, example.read_text(encoding="utf-8"), files(project)) == (0, "mine", FILES)
    assert f"kept  {Path('.llmauto/chains/example.json')}" in ran.out
    assert f"wrote {Path('.llmauto/config.json')}" in ran.out


def test_a_project_can_be_named_and_the_next_commands_lead_there(
    cli: Cli, project: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    ran = cli.run("init", str(other), home=False)
    assert (ran.code, files(other), files(project)) == (0, FILES, set())
    assert f"cd {other} && llmauto chain check example" in ran.out


def test_a_project_that_is_not_there_is_not_made(cli: Cli, project: Path) -> None:
    ran = cli.run("init", "nowhere", home=False)
    assert (ran.code, files(project)) == (2, set())
    assert "does not exist" in ran.err


def test_a_link_in_place_of_the_home_is_not_written_through(cli: Cli, project: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (project / ".llmauto").symlink_to(elsewhere, target_is_directory=True)
    ran = cli.run("init", home=False)
    assert (ran.code, files(elsewhere)) == (2, set())
    assert "is a link" in ran.err


def test_inside_of_the_home_init_means_the_project_around_it(
    cli: Cli, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / ".llmauto").mkdir()
    monkeypatch.chdir(project / ".llmauto")
    assert cli.run("init", home=False).code == 0
    assert files(project) == FILES


def test_what_hides_the_new_home_or_is_hidden_by_it_is_told(
    cli: Cli, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / "chains").mkdir()
    (project / "chains" / "old.json").write_text('{"links": []}', encoding="utf-8")
    monkeypatch.setenv("LLMAUTO_HOME", str(cli.home))
    ran = cli.run("init", home=False)
    assert "no longer this folder" in ran.err
    assert "`LLMAUTO_HOME` is set" in ran.err


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_project_that_cannot_be_written_is_an_error_with_the_way_out(cli: Cli, project: Path) -> None:
    project.chmod(0o500)
    ran = cli.run("init", home=False)
    assert (ran.code, ran.err.startswith("error: cannot ")) == (1, True)


def test_init_below_another_home_says_that_it_is_a_second_one(
    cli: Cli, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = cli.run("init", home=False)
    below = project / "package"
    below.mkdir()
    monkeypatch.chdir(below)
    second, again = cli.run("init", home=False), cli.run("init", home=False)
    assert (second.code, files(below)) == (0, FILES)
    assert f"warning: a second home: from here `{project / '.llmauto'}` is no longer found" in second.err
    assert "second home" not in first.err + again.err
