"""Do the commands that we tell people to type work for who called us as `python -m llmauto`?"""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from llmauto.cli.called import as_called, called_as, line_as_called
from llmauto.cli.output import Output
from llmauto.errors import UsageError

PYTHON = "python3 -m llmauto"


@pytest.mark.parametrize(
    ("argv", "called"),
    [
        (["python3", "-m", "llmauto", "chain", "list"], "python3 -m llmauto"),
        (["/opt/py 3/python", "-m", "llmauto"], '"/opt/py 3/python" -m llmauto'),
        (["/usr/bin/python3", "/usr/bin/llmauto", "chain", "list"], "llmauto"),
        (["python3", "-m", "pytest"], "llmauto"),
        (["python3", "-m", "llmauto", "chain", "start", "x", "--begun-file=/tmp/b"], "llmauto"),
        (["python3"], "llmauto"),
    ],
)
def test_the_program_is_named_as_the_person_did(argv: list[str], called: str) -> None:
    assert called_as(argv) == called


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("`llmauto chain list` shows all", f"`{PYTHON} chain list` shows all"),
        ("  next: llmauto doctor    says it", f"  next: {PYTHON} doctor    says it"),
        ("`llmauto --help` lists what there is", f"`{PYTHON} --help` lists what there is"),
        ("`llmauto version --help` lists", f"`{PYTHON} version --help` lists"),
        ("see /srv/llmauto chain.txt", "see /srv/llmauto chain.txt"),
        ("a fault in llmauto: it", "a fault in llmauto: it"),
        ("pip install 'llmauto[web]'", "pip install 'llmauto[web]'"),
    ],
)
def test_only_commands_are_worded_anew(text: str, told: str) -> None:
    assert as_called(text, PYTHON) == told


def test_results_stay_as_they_are_but_for_the_line_that_says_what_is_next() -> None:
    stdout, stderr = io.StringIO(), io.StringIO()
    out = Output(stdout, stderr, {}, called=PYTHON)
    out.line("# put `source <(llmauto completion bash)` into ~/.bashrc")
    out.line("  next: llmauto chain handoff x    shows it")
    out.agent_text("`llmauto chain list`")
    out.error(UsageError("no chain `y`", hint="`llmauto chain list` shows all"))
    assert stdout.getvalue().splitlines() == [
        "# put `source <(llmauto completion bash)` into ~/.bashrc",
        f"  next: {PYTHON} chain handoff x    shows it",
        "`llmauto chain list`",
    ]
    assert f"hint: `{PYTHON} chain list` shows all" in stderr.getvalue()


def test_colours_are_no_hindrance() -> None:
    line = "  \x1b[2mnext    \x1b[0m  \x1b[1mllmauto chain log x\x1b[0m    says what failed"
    assert line_as_called(line, PYTHON) == line.replace("llmauto chain", f"{PYTHON} chain")


def test_from_a_clone_the_next_command_is_one_that_is_there(tmp_path: Path) -> None:
    (tmp_path / "home" / "chains").mkdir(parents=True)
    done = subprocess.run(
        [sys.executable, "-m", "llmauto", "--home", str(tmp_path / "home"), "chain", "status", "demo"],
        cwd=Path(__file__).resolve().parents[2], env={**os.environ, "NO_COLOR": "1"}, capture_output=True,
        encoding="utf-8", check=True, timeout=60,
    )  # fmt: skip
    assert f"next      {sys.executable} -m llmauto chain start demo" in done.stdout
