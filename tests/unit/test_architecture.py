"""Do the layers hold? Imports point down, the core needs nothing installed, and modules stay small."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.source_tree import ROOT, Import, Module, functions, lines_of, part_of, read_package, ring

MODULES = read_package()

# From below. A part may import those of its own and of lower layers; what stands in no row has none yet.
LAYERS: tuple[tuple[str, frozenset[str]], ...] = (
    ("values", frozenset({"errors", "outcomes", "model", "events", "ports", "summaries"})),
    ("rules", frozenset({"rules"})),
    ("views", frozenset({"views"})),
    (
        "adapters",
        frozenset(
            {
                "agents",
                "authoring",
                "awake",
                "backends",
                "checkpoints",
                "clock",
                "desk",
                "files",
                "git",
                "home",
                "journal",
                "keeper",
                "localtime",
                "locks",
                "logs",
                "merging",
                "notices",
                "presence",
                "report",
                "sayings",
                "secrecy",
                "settings",
                "signals",
                "watcher",
                "worktree",
            }
        ),
    ),
    ("testing", frozenset({"testing"})),
    ("engine", frozenset({"engine"})),
    ("assembly", frozenset({"assembly", "piping", "running"})),
    ("surface", frozenset({"__main__", "cli", "library", "rehearsal"})),
)
RANK = {part: rank for rank, (_, parts) in enumerate(LAYERS) for part in parts}
LAYER = {part: name for name, parts in LAYERS for part in parts}

EXTRAS = frozenset({"fleet", "mcp", "notify", "otel", "tui", "web"})
"""Parts that may need what is not in the standard library; the core never imports them."""

LONGEST_MODULE = 300
LONGEST_FUNCTION = 40
LONGER: dict[str, tuple[int, str]] = {
    "llmauto/ports.py": (380, "the seams of the engine are read side by side, on one page"),
}
"""file: (lines it may have, why splitting it would be worse)."""

PURE = ("values", "rules", "views")
IMPURE = frozenset(
    {
        "asyncio", "ctypes", "fcntl", "glob", "http", "io", "locale", "logging", "multiprocessing", "os",
        "platform", "random", "secrets", "select", "shutil", "signal", "socket", "sqlite3", "subprocess",
        "sys", "tempfile", "threading", "time", "urllib", "uuid",
    }
)  # fmt: skip
"""Modules of the standard library by which one meets the world; chance and the time are a part of it."""


def ours(module: Module) -> list[Import]:
    """What a module imports of this package."""
    return [one for one in module.imports if one.target.split(".")[0] == "llmauto"]


def arrows() -> dict[str, set[str]]:
    """Who imports whom, at any depth and for types as well.

    A package that names its own modules, and loads them when they are first asked for, hangs on none.
    """
    found: dict[str, set[str]] = {}
    for name, module in MODULES.items():
        found[name] = {
            one.target
            for one in ours(module)
            if one.target != name and not ((one.late or one.for_types) and one.target.startswith(f"{name}."))
        }
    return found


def test_every_part_of_the_package_has_its_layer() -> None:
    parts = {module.layer for module in MODULES.values()} - {""}
    assert parts - EXTRAS <= set(RANK), "put the new part into LAYERS"


@pytest.mark.parametrize("part", sorted({module.layer for module in MODULES.values()} & set(RANK)))
def test_imports_point_down(part: str) -> None:
    """At any depth, and also those that only a type checker does: what is named is depended on."""
    wrong = [
        f"{module}:{one.line}: {LAYER[part]} must not import {one.target} ({LAYER[part_of(one.target)]})"
        for module in MODULES.values()
        if module.layer == part
        for one in ours(module)
        if RANK.get(part_of(one.target), -1) > RANK[part]
    ]
    assert not wrong, "\n".join(wrong)


def test_the_package_itself_loads_nothing_when_it_is_imported() -> None:
    assert not [one for one in ours(MODULES["llmauto"]) if not one.late and not one.for_types]


def test_no_exemption_outlives_its_cause() -> None:
    for file, (most, _) in LONGER.items():
        assert LONGEST_MODULE < len((ROOT / file).read_text(encoding="utf-8").splitlines()) <= most, file


def test_only_the_surface_uses_the_fakes_of_the_tests() -> None:
    users = {
        module.layer
        for module in MODULES.values()
        for one in ours(module)
        if part_of(one.target) == "testing"
    }
    assert {LAYER[part] for part in users} <= {"testing", "surface"}


def test_the_core_imports_no_extra() -> None:
    for module in MODULES.values():
        if module.layer not in EXTRAS:
            assert not [one.target for one in ours(module) if part_of(one.target) in EXTRAS], str(module)


def test_the_keepers_program_stands_alone() -> None:
    """It is started by its path, without the package: so that it is small, and starts in milliseconds."""
    for name, module in MODULES.items():
        if name.startswith("llmauto.keeper.child"):
            found = [one for one in ours(module) if not one.for_types]
            strangers = [one.target for one in found if not one.target.startswith("llmauto.keeper.child")]
            assert not strangers, str(module)
            assert all(one.relative for one in found), f"{module}: its own path is all that it is found by"


def test_no_modules_import_each_other() -> None:
    assert not ring(arrows())


def test_what_is_pure_meets_nothing_of_the_world() -> None:
    for module in MODULES.values():
        if LAYER.get(module.layer) in PURE:
            met = {one.target.split(".")[0] for one in module.imports} & IMPURE
            assert not met, f"{module} imports {', '.join(sorted(met))}"


def test_what_is_pure_asks_no_clock_and_opens_no_file() -> None:
    """What a value could still do by its own methods."""
    for module in MODULES.values():
        if LAYER.get(module.layer) in PURE:
            for node in ast.walk(module.tree):
                if isinstance(node, ast.Call):
                    called = ast.unparse(node.func)
                    asks = called in ("open", "print", "input") or called.endswith(
                        (
                            "datetime.now",
                            "datetime.utcnow",
                            "date.today",
                            ".read_text",
                            ".write_text",
                            ".open",
                        )
                    )
                    assert not asks, f"{module}:{node.lineno}: {called}"


def test_the_core_runs_from_a_clone_with_the_standard_library_alone() -> None:
    """`-S` hides what is installed, so that any import of it would fail here."""
    names = [name for name, module in MODULES.items() if module.layer not in EXTRAS]
    loaded = _modules_after(f"for name in {names!r}: load(name)")
    strangers = {name.split(".")[0] for name in loaded} - sys.stdlib_module_names
    # Since Python 3.10 the module of the program itself has two names on some platforms.
    assert strangers <= {"llmauto", "__main__", "__mp_main__"}, strangers
    missing = set(names) - set(loaded)
    assert all(_is_of_another_platform(name) for name in missing), sorted(missing)


def test_the_command_line_loads_nothing_heavy_before_it_knows_the_command() -> None:
    loaded = set(_modules_after("load('llmauto.cli')"))
    heavy = {
        "argparse",
        "asyncio",
        "ctypes",
        "difflib",
        "email",
        "http",
        "inspect",
        "logging",
        "sqlite3",
        "urllib",
    }
    assert not loaded & (heavy | {"subprocess"})


_LOAD = """
import importlib, json, sys
def load(name):
    try:
        importlib.import_module(name)
    except ImportError as error:
        # a part of the standard library that this platform does not have
        if (error.name or "").split(".")[0] not in sys.stdlib_module_names:
            raise
"""


def _modules_after(code: str) -> list[str]:
    script = f"{_LOAD}\n{code}\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-S", "-c", script], cwd=ROOT, capture_output=True, encoding="utf-8", check=False
    )
    assert done.returncode == 0, done.stderr
    found: list[str] = json.loads(done.stdout)
    return found


def _is_of_another_platform(name: str) -> bool:
    elsewhere = ("posix", "linux", "prctl", "cgroup") if sys.platform == "win32" else ("windows",)
    return any(word in name for word in elsewhere)


def test_modules_stay_small() -> None:
    long = {
        str(module): lines
        for module in MODULES.values()
        if (lines := len(module.text.splitlines())) > LONGER.get(str(module), (LONGEST_MODULE, ""))[0]
    }
    assert not long


def test_functions_stay_small() -> None:
    """Without their docstring: what is public says more about itself, and should."""
    long = {
        f"{module}: {name}": lines
        for module in MODULES.values()
        for name, function in functions(module.tree)
        if (lines := lines_of(function)) > LONGEST_FUNCTION
    }
    assert not long


def test_only_the_command_line_prints() -> None:
    for module in MODULES.values():
        if module.layer not in ("cli", "testing"):
            prints = [
                f"{module}:{node.lineno}"
                for node in ast.walk(module.tree)
                if isinstance(node, ast.Call) and ast.unparse(node.func) == "print"
            ]
            assert not prints


def test_nothing_starts_a_shell_or_sleeps_where_no_stop_is_heard() -> None:
    for module in MODULES.values():
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Call):
                called = ast.unparse(node.func)
                assert called not in ("os.system", "os.popen"), f"{module}:{node.lineno}"
                assert called != "time.sleep" or module.layer == "testing", f"{module}:{node.lineno}"
                shell = [word.value for word in node.keywords if word.arg == "shell"]
                assert all(ast.unparse(value) == "False" for value in shell), f"{module}:{node.lineno}"


def test_public_functions_say_what_they_do() -> None:
    public = [
        (f"{module}: {name}", ast.get_docstring(function))
        for module in MODULES.values()
        for name, function in functions(module.tree)
        if not any(word.startswith("_") for word in name.split("."))
    ]
    silent = [name for name, said in public if not said]
    assert len(silent) <= 0.05 * len(public), silent


def test_every_module_begins_with_what_it_answers() -> None:
    for module in MODULES.values():
        if module.text.strip():
            assert ast.get_docstring(module.tree), str(module)


def test_the_reader_of_sources_sees_imports_at_any_depth(tmp_path: Path) -> None:
    package = tmp_path / "pack"
    package.mkdir()
    (package / "__init__.py").write_text("", encoding="utf-8")
    (package / "b.py").write_text("", encoding="utf-8")
    (package / "a.py").write_text(
        "from typing import TYPE_CHECKING\nfrom pack import b\n"
        "if TYPE_CHECKING:\n    import pack.c\ndef f():\n    from .b import x\n",
        encoding="utf-8",
    )
    found = read_package(package)["pack.a"].imports
    assert [(one.target, one.for_types, one.late) for one in found] == [
        ("typing", False, False),
        ("pack.b", False, False),
        ("pack.c", True, False),
        ("pack.b", False, True),
    ]


def test_a_ring_of_imports_is_named() -> None:
    assert ring({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c", "b"]
    assert ring({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == []
