"""`chain list`: the chains that can be started, and those that cannot, with what is wrong."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from llmauto.authoring.load import load
from llmauto.cli import standing
from llmauto.cli.context import Context
from llmauto.errors import ChainError
from llmauto.home import ChainFile, name_of
from llmauto.rules.names import NAME_HINT, problem_with
from llmauto.rules.text import one_line, quoted

if TYPE_CHECKING:
    from llmauto.model import Chain


def chains(ctx: Context) -> int:
    """The command."""
    rows = [_row(ctx, file) for file in (*_badly_named(ctx), *ctx.home.list_chains())]
    with standing.reader(ctx.home) as journal:
        last = {found.chain: found for found in standing.all_standings(ctx.home, journal)}
    for row in rows:
        found = last.get(row["name"])
        row["status"] = found.status if found is not None else "READY"
        row["run"] = found.summary.run if found is not None and found.summary is not None else None
    if ctx.args.json:
        ctx.out.json(rows)
    elif rows:
        ctx.out.table(
            ("CHAIN", "LINKS", "FROM", "STATUS", "DESCRIPTION"),
            [
                (row["name"], str(len(row["links"])) if row["valid"] else "-", _origin(row),
                 row["status"] if row["run"] else "-", _description(row))
                for row in rows
            ],
        )  # fmt: skip
    else:
        ctx.out.line(f"there are no chains in {ctx.home.chains}")
        ctx.out.line("`llmauto chain create` writes one, `llmauto init` makes a home in a project")
    return 0


def _row(ctx: Context, file: ChainFile) -> dict[str, Any]:
    problem = problem_with(file.name)
    if problem is not None:
        wrong = f"{file.path.name}: error: the name {quoted(file.name)} {problem}; {NAME_HINT}"
        return _values(file, None, (wrong,))
    try:
        return _values(file, load(file.path, home=ctx.home, settings=ctx.settings).chain, ())
    except ChainError as error:
        return _values(file, None, error.problems)


def _values(file: ChainFile, chain: Chain | None, errors: tuple[str, ...]) -> dict[str, Any]:
    return {
        "name": file.name,
        "path": str(file.path),
        "shipped": file.shipped,
        "valid": not errors,
        "errors": list(errors),
        "description": chain.description if chain is not None else None,
        "mode": chain.mode.value if chain is not None else None,
        "links": [link.name for link in chain.links] if chain is not None else [],
    }


def _badly_named(ctx: Context) -> list[ChainFile]:
    """Files of the home that no command can name: they would seem to have vanished."""
    found = []
    for folder in (ctx.home.chains, ctx.home.chains / "_private"):
        for path in _json_files(folder):
            if problem_with(name_of(path)) is not None:
                found.append(ChainFile(name=name_of(path), path=path))
    return found


def _json_files(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.suffix == ".json" and path.is_file())
    except OSError:
        return []


def _origin(row: dict[str, Any]) -> str:
    return "shipped" if row["shipped"] else "home"


def _description(row: dict[str, Any]) -> str:
    if row["valid"]:
        return one_line(row["description"], 100)
    more = f" (and {len(row['errors']) - 1} more)" if len(row["errors"]) > 1 else ""
    return f"invalid: {one_line(row['errors'][0], 200)}{more}"
