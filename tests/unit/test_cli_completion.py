"""Do shells complete what the command line knows? Really in bash, and in zsh and fish where they are."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from llmauto.cli.completion import CHAIN, CHAIN_OR_FILE, FILE, FOLDER, PROMPT, SHELLS, commands, kinds
from llmauto.cli.parser import build
from tests.support.cli import Cli
from tests.support.command_line import walk

ROOT = Path(__file__).resolve().parents[2]
BASH = shutil.which("bash")

ASK_BASH = """
llmauto() { %(python)s -m llmauto --home %(home)s "$@"; }
source %(script)s
COMP_WORDS=(%(words)s)
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
_llmauto
printf '%%s\\n' "${COMPREPLY[@]}"
"""

ASK_ZSH = """
compdef() { : }
compset() { : }
compadd() { print -rl -- ${(P)2} }
_describe() { print -rl -- ${${(P)@[-1]}%%%%:*} }
_files() { print -r -- files $* }
llmauto() { %(python)s -m llmauto --home %(home)s "$@" }
source %(script)s
words=(%(words)s)
CURRENT=$#words
_llmauto
"""

ASK_FISH = """
function llmauto; %(python)s -m llmauto --home %(home)s $argv; end
function __fish_complete_directories; echo a-folder/; end
source %(script)s
complete -C %(line)s | string replace -r '\\t.*' ''
"""


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cli:
    cli = Cli(tmp_path, monkeypatch)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    cli.chain("mine")
    return cli


def script(cli: Cli, shell: str) -> Path:
    path = cli.folder / f"completion.{shell}"
    path.write_text(cli.run("completion", shell).out, encoding="utf-8")
    return path


def asked(cli: Cli, shell: str, program: str, text: str, *words: str) -> list[str]:
    """What the shell offers for the last of these words."""
    line = text % {
        "python": shlex.quote(sys.executable),
        "home": shlex.quote(str(cli.home)),
        "script": shlex.quote(str(script(cli, shell))),
        "words": shlex.join(("llmauto", *words)),
        "line": shlex.quote(" ".join(("llmauto", *words))),
    }
    flags = {"bash": ["-c"], "zsh": ["-f", "-c"], "fish": ["-N", "-c"]}[shell]
    done = subprocess.run(
        [program, *flags, line], stdin=subprocess.DEVNULL, capture_output=True, text=True,
        encoding="utf-8", env={**os.environ}, timeout=60, check=False,
    )  # fmt: skip
    assert done.stderr == "", done.stderr
    return [each for each in done.stdout.splitlines() if each]


def bash(cli: Cli, *words: str) -> list[str]:
    if BASH is None:
        pytest.skip("there is no bash")
    return asked(cli, "bash", BASH, ASK_BASH, *words)


def test_every_command_and_every_option_is_in_every_script(cli: Cli) -> None:
    for shell in SHELLS:
        text = cli.run("completion", shell).out
        for parser in walk(build()):
            at = parser.prog.removeprefix("llmauto").strip()
            assert f"'{at}'" in text.replace("\\'", "'"), (shell, at)
    options = {each.at: [word for word, _, _ in each.options] for each in commands()}
    assert "--task-file" in options["chain start"]
    assert "--begun-file" not in options["chain start"]


def test_what_stands_where_is_told_by_the_parser() -> None:
    found = kinds(commands(["one", "two"]))
    assert "chain start:1" in found[CHAIN_OR_FILE]
    assert {"chain stop:1", "chain copy:1"} <= set(found[CHAIN])
    assert {"prompt show:1", "pipe:--template"} <= set(found[PROMPT])
    assert {"*:--home", "init:1"} <= set(found[FOLDER])
    assert "pipe:-f" in found[FILE]
    assert found["one two"] == ["chain create:--template"]
    assert not any("chain create:1" in places or "chain copy:2" in places for places in found.values())
    assert not any(":-f" in place and "log" in place for places in found.values() for place in places)


def test_bash_completes_commands_and_options(cli: Cli) -> None:
    assert bash(cli, "ch") == ["chain"]
    assert bash(cli, "--home", "x", "chain", "st") == ["start", "status", "stats", "stop", "steer"]
    assert bash(cli, "chain", "start", "mine", "--fr") == ["--fresh", "--from"]
    assert bash(cli, "prompt", "new", "x", "--role", "") == ["worker", "reviewer", "controller"]
    assert bash(cli, "chain", "create", "--template", "s") == ["single-worker"]
    assert bash(cli, "schema", "") == ["chain", "config", "rehearsal"]


def test_bash_completes_the_names_of_chains_and_prompts(cli: Cli) -> None:
    assert bash(cli, "chain", "log", "-f", "m") == ["mine"]
    assert bash(cli, "chain", "start", "") == [
        "mine", "controller-worker-loop", "demo", "fix-failing-test", "gated-release", "review-once",
        "review-until-converged", "worker-reviewer-loop",
    ]  # fmt: skip
    assert bash(cli, "pipe", "-t", "review_") == ["review_findings.txt", "review_once.txt"]
    assert bash(cli, "chain", "copy", "mine", "m") == []


def test_bash_completes_files_where_files_are_named(cli: Cli) -> None:
    (cli.folder / "my plan.md").write_text("x", encoding="utf-8")
    assert bash(cli, "chain", "start", "mine", "--task-file", "my") == ["my plan.md"]
    assert bash(cli, "chain", "start", "mine", "--task-file", "=", "my") == ["my plan.md"]
    assert bash(cli, "chain", "start", "home/ch") == ["home/chains"]
    assert bash(cli, "init", "ho") == ["home"]
    assert bash(cli, "chain", "start", "mine", "--task", "my") == []


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_takes_its_script_without_a_complaint(cli: Cli, shell: str) -> None:
    program = shutil.which(shell)
    if program is None:
        pytest.skip(f"there is no {shell}")
    done = subprocess.run(
        [program, "-n", str(script(cli, shell))], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(("shell", "text"), [("zsh", ASK_ZSH), ("fish", ASK_FISH)])
def test_zsh_and_fish_offer_the_same(cli: Cli, shell: str, text: str) -> None:
    program = shutil.which(shell)
    if program is None:
        pytest.skip(f"there is no {shell}")
    assert "chain" in asked(cli, shell, program, text, "")
    assert "mine" in asked(cli, shell, program, text, "chain", "stop", "")
    assert "--fresh" in asked(cli, shell, program, text, "--home", "x", "chain", "start", "--fr")
    assert "controller" in asked(cli, shell, program, text, "prompt", "new", "x", "--role", "")
    assert "mine" not in asked(cli, shell, program, text, "chain", "copy", "mine", "")
