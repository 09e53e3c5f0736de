"""What do the sources of the package import, and how large are they? Read from the text, nothing is run."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "llmauto"


@dataclass(frozen=True, slots=True, kw_only=True)
class Import:
    """One module that another one imports.

    `for_types`: only a type checker ever does it; `late`: not before a function is called.
    """

    target: str
    line: int
    for_types: bool = False
    late: bool = False
    relative: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Module:
    """One source file, by its dotted name."""

    name: str
    path: Path
    text: str
    tree: ast.Module
    imports: tuple[Import, ...]

    @property
    def layer(self) -> str:
        """The part it belongs to: `rules` of `llmauto.rules.decide`, "" of the package itself."""
        return part_of(self.name)

    def __str__(self) -> str:
        return self.path.relative_to(ROOT).as_posix()


def part_of(name: str) -> str:
    """The second word of a dotted name, "" where there is none."""
    return name.split(".")[1] if "." in name else ""


def read_package(folder: Path = PACKAGE) -> dict[str, Module]:
    """Every module below `folder`, by its dotted name. Generated and cached files are none."""
    paths = {dotted(path, folder): path for path in sorted(folder.rglob("*.py"))}
    return {name: _read(name, path, paths) for name, path in paths.items()}


def dotted(path: Path, folder: Path = PACKAGE) -> str:
    """The name that a source file is imported by."""
    parts = path.relative_to(folder.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _read(name: str, path: Path, known: Mapping[str, Path]) -> Module:
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text, filename=str(path))
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    found = tuple(_imports(tree, package, known))
    return Module(name=name, path=path, text=text, tree=tree, imports=found)


def _imports(tree: ast.Module, package: str, known: Mapping[str, Path]) -> Iterator[Import]:
    for node, for_types, late in _walk(tree, for_types=False, late=False):
        for target in _targets(node, package, known):
            relative = isinstance(node, ast.ImportFrom) and node.level > 0
            yield Import(target=target, line=node.lineno, for_types=for_types, late=late, relative=relative)


Statement = ast.Import | ast.ImportFrom
Function = ast.FunctionDef | ast.AsyncFunctionDef


def _walk(node: ast.AST, *, for_types: bool, late: bool) -> Iterator[tuple[Statement, bool, bool]]:
    """Every import at any depth, with whether it is for types alone, and whether it waits for a call."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, Statement):
            yield child, for_types, late
        elif isinstance(child, ast.If) and _is_type_checking(child.test):
            for inner in child.body:
                yield from _walk(ast.Module([inner], []), for_types=True, late=late)
            for inner in child.orelse:
                yield from _walk(ast.Module([inner], []), for_types=for_types, late=late)
        else:
            in_function = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            yield from _walk(child, for_types=for_types, late=late or in_function)


def _is_type_checking(test: ast.expr) -> bool:
    return "TYPE_CHECKING" in ast.unparse(test)


def _targets(node: Statement, package: str, known: Mapping[str, Path]) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
        return
    base = node.module or ""
    if node.level:
        up = package.split(".")[: len(package.split(".")) - node.level + 1]
        base = ".".join([*up, *([base] if base else [])])
    for alias in node.names:
        inner = f"{base}.{alias.name}"
        yield inner if inner in known else base


def ring(arrows: Mapping[str, set[str]]) -> list[str]:
    """The names of one cycle among these arrows, the first repeated at the end; empty where there is none."""
    done: set[str] = set()
    for start in sorted(arrows):
        found = _ring_from(start, arrows, [], done)
        if found:
            return found
    return []


def _ring_from(name: str, arrows: Mapping[str, set[str]], path: list[str], done: set[str]) -> list[str]:
    if name in path:
        return [*path[path.index(name) :], name]
    if name in done:
        return []
    path.append(name)
    for target in sorted(arrows.get(name, ())):
        found = _ring_from(target, arrows, path, done)
        if found:
            return found
    path.pop()
    done.add(name)
    return []


def functions(tree: ast.AST, prefix: str = "") -> Iterator[tuple[str, Function]]:
    """Every function at any depth, by its name within the module: `Engine.run`."""
    for child in ast.iter_child_nodes(tree):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            yield prefix + child.name, child
            yield from functions(child, f"{prefix}{child.name}.")
        elif isinstance(child, ast.ClassDef):
            yield from functions(child, f"{prefix}{child.name}.")
        else:
            yield from functions(child, prefix)


def lines_of(function: Function) -> int:
    """How many lines a function has, its docstring aside."""
    whole = (function.end_lineno or 0) - function.lineno + 1
    if ast.get_docstring(function) is None:
        return whole
    said = function.body[0]
    return whole - ((said.end_lineno or 0) - said.lineno + 1)
