"""Where an agent's program is found."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from llmauto.backends import BUILT_IN, NOT_BUILT_YET, load_backend, programs
from llmauto.errors import BackendError
from llmauto.model import Link

posix = pytest.mark.skipif(os.name == "nt", reason="Windows knows programs by their suffix")
Make = Callable[..., Path]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    def program(name: str, mode: int = 0o755) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("#!/bin/sh\n", encoding="utf-8")
        path.chmod(mode)
        return path

    return program


def claude(tmp_path: Path, paths: dict[str, str] | None = None, **env: str) -> str:
    backend = load_backend("claude")
    return backend.program(Link(name="w"), paths=paths or {}, env=env, cwd=tmp_path)[0]


@pytest.mark.parametrize("name", BUILT_IN)
def test_every_backend_of_the_table_can_be_loaded(name: str) -> None:
    assert load_backend(name).name == name


@pytest.mark.parametrize("name", NOT_BUILT_YET)
def test_a_backend_that_is_promised_says_that_it_is_not_built(name: str) -> None:
    with pytest.raises(BackendError, match="not built yet"):
        load_backend(name)


def test_a_backend_that_nobody_knows_names_those_that_are_known() -> None:
    with pytest.raises(BackendError) as caught:
        load_backend("cluade")
    assert "claude, command, demo" in str(caught.value.hint)


@posix
def test_the_program_is_looked_up_on_path(tmp_path: Path, make: Make) -> None:
    program = make("bin/claude")

    assert claude(tmp_path, PATH=f"/nowhere:{program.parent}") == str(program)


@posix
def test_the_variable_comes_before_the_config_and_the_config_before_path(tmp_path: Path, make: Make) -> None:
    first, second, third = make("a/one"), make("b/two"), make("c/claude")
    paths = {"claude": str(second)}

    assert claude(tmp_path, paths, PATH=str(third.parent), LLMAUTO_CLAUDE_PATH=str(first)) == str(first)
    assert claude(tmp_path, paths, PATH=str(third.parent)) == str(second)


@posix
def test_a_path_may_begin_at_the_home_or_the_workdir_and_a_word_is_one_on_path(
    tmp_path: Path, make: Make
) -> None:
    program = make("bin/own-claude")

    assert claude(tmp_path, {"claude": "~/bin/own-claude"}, HOME=str(tmp_path)) == str(program)
    assert claude(tmp_path, {"claude": "bin/own-claude"}) == str(program)
    assert claude(tmp_path, {"claude": "own-claude"}, PATH=str(program.parent)) == str(program)


@posix
def test_relative_entries_of_path_do_not_count(
    tmp_path: Path, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    make("claude")
    monkeypatch.chdir(tmp_path)

    with pytest.raises(BackendError):
        claude(tmp_path, PATH=".:")


@posix
@pytest.mark.parametrize(
    ("named", "says"),
    [
        ("nowhere/claude", "there is no `"),
        ("plain", "is not executable"),
        ("folder/", "is a folder"),
        ("unknown-word", "is not on PATH"),
    ],
)
def test_each_reason_why_a_program_cannot_be_used_is_told(
    tmp_path: Path, make: Make, named: str, says: str
) -> None:
    make("plain", 0o644)
    (tmp_path / "folder").mkdir()
    word = named if named == "unknown-word" else f"./{named}"

    with pytest.raises(BackendError, match=says) as caught:
        claude(tmp_path, {"claude": word}, PATH="/nowhere")
    assert str(caught.value).startswith("`backends.claude.path`")
    assert caught.value.hint


def test_a_missing_claude_says_how_to_install_it(tmp_path: Path) -> None:
    with pytest.raises(BackendError, match="`claude` is not on PATH") as caught:
        claude(tmp_path, PATH="")
    assert "npm install -g" in str(caught.value.hint)
    assert caught.value.exit_code == 7


def test_a_batch_file_is_refused_and_the_program_behind_an_npm_shim_is_taken(
    tmp_path: Path, make: Make
) -> None:
    shim, other = make("npm/claude.cmd"), make("npm/other.cmd")
    real = make("npm/node_modules/@anthropic-ai/claude-code/bin/claude.exe")

    assert programs._no_batch(str(shim)) == str(real)
    with pytest.raises(BackendError, match="batch file"):
        programs._no_batch(str(other))


@posix
def test_a_command_is_found_on_the_path_of_its_link(tmp_path: Path, make: Make) -> None:
    program = make("tools/check")
    link = Link(name="c", backend="command", run=("check", "-q"), env={"PATH": str(program.parent)})
    found = load_backend("command").program(link, paths={}, env={"PATH": "/nowhere"}, cwd=tmp_path)

    assert found == (str(program), "-q")


def test_a_command_without_a_program_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(BackendError, match="link `c` has no `run`"):
        load_backend("command").program(Link(name="c"), paths={}, env={}, cwd=tmp_path)


@posix
def test_a_program_on_path_that_is_not_executable_is_told_apart(tmp_path: Path, make: Make) -> None:
    program = make("bin/claude", 0o644)

    with pytest.raises(BackendError, match="is not executable") as caught:
        claude(tmp_path, PATH=str(program.parent))
    assert str(caught.value.hint).endswith(f"`chmod +x {program}`")


@posix
@pytest.mark.parametrize(
    ("first", "said", "hint"),
    [
        ("#!/no/such/python3", "its first line names `/no/such/python3`, which is missing", "correct"),
        ("#! /no/such/python3 -u", "its first line names `/no/such/python3`, which is missing", "correct"),
        ("#!/bin/sh\r", "its first line names `/bin/sh\\r`, which is missing", "line ends of Unix"),
    ],
)
def test_a_script_whose_interpreter_is_missing_says_so(
    tmp_path: Path, make: Make, first: str, said: str, hint: str
) -> None:
    program = make("bin/claude")
    program.write_text(f"{first}\nexit 0\n", encoding="utf-8", newline="")
    with pytest.raises(BackendError) as caught:
        claude(tmp_path, PATH=str(program.parent))
    assert str(caught.value) == f"`{program}` cannot be started: {said}"
    assert hint in (caught.value.hint or "")


@posix
@pytest.mark.parametrize("first", ["#!/bin/sh", "#!/usr/bin/env no-such-program", "#!", "\x7fELF", ""])
def test_what_cannot_be_told_of_a_program_is_left_to_its_start(
    tmp_path: Path, make: Make, first: str
) -> None:
    program = make("bin/claude")
    program.write_text(f"{first}\n", encoding="utf-8")
    assert claude(tmp_path, PATH=str(program.parent)) == str(program)
