"""Does a fresh clone run, with nothing installed, and stay clean?"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from tests.support.packages import Installed, build_tools, clean_env, run

pytestmark = pytest.mark.package


def llmauto(clone: Path, *words: str) -> str:
    return run([sys.executable, "-S", "-m", "llmauto", *words], cwd=clone, env=clean_env(clone.parent))


def changed(clone: Path) -> str:
    return run(["git", "status", "--porcelain"], cwd=clone, env=clean_env(clone.parent))


def test_a_clone_explains_itself_with_nothing_installed(clone: Path) -> None:
    said = llmauto(clone, "--help")
    assert "llmauto chain start demo" in said


def test_the_demo_leaves_a_clone_clean(clone: Path) -> None:
    llmauto(clone, "chain", "start", "demo", "--fresh")
    assert (clone / "state" / "demo" / "handoff.md").is_file()
    assert changed(clone) == ""


def test_a_clone_that_is_installed_in_place_keeps_its_own_home(
    clone: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """`pip install -e .`; what builds is borrowed from the tests' own Python, since there is no network."""
    made = Installed(tmp_path_factory.mktemp("editable").resolve())
    made.pip("--no-build-isolation", "-e", str(clone), env=made.env | {"PYTHONPATH": build_tools()})
    made.llmauto("chain", "start", "demo", "--fresh")
    assert Path(json.loads(made.llmauto("status", "--json"))["home"]) == clone
    assert list(made.empty.iterdir()) == []
    assert changed(clone) == ""
