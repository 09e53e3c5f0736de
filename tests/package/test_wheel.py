"""Does the wheel carry all that runs, and nothing that is private? Does it run where nothing else is?"""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from tests.support.packages import ROOT, Installed

pytestmark = pytest.mark.package


def names_in(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as file:
        return set(file.namelist())


def test_the_wheel_carries_chains_prompts_templates_schemas_and_types(wheel: Path) -> None:
    names = names_in(wheel)
    for folder in ("chains", "prompts", "templates"):
        for path in (ROOT / folder).rglob("*"):
            if path.is_file() and "_private" not in path.parts and "__pycache__" not in path.parts:
                assert f"llmauto/shipped/{path.relative_to(ROOT).as_posix()}" in names
    wanted = {"py.typed", "chain.schema.json", "config.schema.json", "shipped/config.json", "__main__.py"}
    assert {f"llmauto/{name}" for name in wanted} <= names


def test_the_wheel_carries_every_module(wheel: Path) -> None:
    names = names_in(wheel)
    modules = {path.relative_to(ROOT).as_posix() for path in (ROOT / "llmauto").rglob("*.py")}
    assert modules <= names


def test_the_wheel_carries_nothing_else(wheel: Path) -> None:
    """No private prompts, no traces of runs, no tests."""
    tops = {name.split("/")[0] for name in names_in(wheel)}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"llmauto"}
    assert not [name for name in names_in(wheel) if "_private" in name or "state/" in name or ".db" in name]


def test_a_wheel_made_without_the_source_distribution_has_no_private_prompts_either(
    source: Path, tmp_path: Path
) -> None:
    from hatchling.builders.wheel import WheelBuilder

    (made,) = WheelBuilder(str(source)).build(directory=str(tmp_path), versions=["standard"])
    assert not [name for name in names_in(Path(made)) if "_private" in name]


def test_the_wheel_needs_no_other_package(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as file:
        (name,) = [name for name in file.namelist() if name.endswith(".dist-info/METADATA")]
        metadata = file.read(name).decode("utf-8")
    assert not [
        line for line in metadata.splitlines() if line.startswith("Requires-Dist") and "extra" not in line
    ]
    assert "Requires-Python: >=3.10" in metadata.splitlines()


def test_the_installed_program_tells_its_version_and_the_shipped_chains(installed: Installed) -> None:
    assert installed.llmauto("--version").startswith("llmauto ")
    listed = installed.llmauto("chain", "list")
    for path in (ROOT / "chains").glob("*.json"):
        assert path.stem in listed


def test_the_installed_program_plays_the_demo_in_an_empty_folder(installed: Installed) -> None:
    installed.llmauto("chain", "start", "demo")
    status = json.loads(installed.llmauto("chain", "status", "demo", "--json"))
    assert status["stop_reason"] == "max_rounds"
    assert list(installed.empty.iterdir()) == [], "what runs write stays in the user's data folder"
