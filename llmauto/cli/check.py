"""`chain check` and `chain show`: is a chain file valid, and what does it come to?"""

from __future__ import annotations

import re
from typing import Any

from llmauto.authoring.flat import flatten
from llmauto.authoring.load import Loaded, load
from llmauto.cli.context import Context
from llmauto.cli.dryrun import worst_case, worst_case_lines
from llmauto.errors import ChainError
from llmauto.home import name_of, shown
from llmauto.model import Chain
from llmauto.rules.text import human_bytes, one_line

_PROBLEM = re.compile(
    r"(?P<file>.*?):(?P<line>\d+):(?P<column>\d+): (?:error|warning): "
    r"(?P<message>.*?)(?: \[(?P<key>[^ ]+)\])?",
    re.DOTALL,
)


def check(ctx: Context) -> int:
    """Validate a chain file; nothing is started and nothing written. 0 if it can be started, else 2."""
    path = ctx.home.find_chain(ctx.args.name)
    try:
        loaded = load(path, home=ctx.home, settings=ctx.settings)
    except ChainError as error:
        if not ctx.args.json:
            raise
        problems = [problem_json(problem) for problem in error.problems]
        ctx.out.json(_verdict(name_of(path), str(path), problems, []))
        return error.exit_code
    warnings = [problem_json(warning) for warning in loaded.warnings]
    if ctx.args.json:
        ctx.out.json(_verdict(loaded.chain.name, str(path), [], warnings))
        return 0
    for warning in loaded.warnings:
        ctx.out.say(warning)
    links = "1 link" if len(loaded.chain.links) == 1 else f"{len(loaded.chain.links)} links"
    counted = {0: "no warnings", 1: "1 warning"}.get(len(warnings), f"{len(warnings)} warnings")
    ctx.out.line(f"{shown(path)}: {ctx.out.style('valid', 'green')}, {links}, {counted}")
    return 0


def _verdict(
    name: str, path: str, errors: list[dict[str, Any]], warnings: list[dict[str, Any]]
) -> dict[str, Any]:
    return {"chain": name, "path": path, "valid": not errors, "errors": errors, "warnings": warnings}


def problem_json(problem: str) -> dict[str, Any]:
    """One mistake or warning, taken apart: file, line and column from 1, message, and the key it is about."""
    found = _PROBLEM.fullmatch(problem)
    if found is None:
        return {"file": None, "line": None, "column": None, "message": problem, "key": None}
    return {
        "file": found["file"],
        "line": int(found["line"]),
        "column": int(found["column"]),
        "message": found["message"],
        "key": found["key"],
    }


def show(ctx: Context) -> int:
    """Every value of a chain as it is resolved, where it came from, and what it comes to at the worst."""
    path = ctx.home.find_chain(ctx.args.name)
    loaded = load(path, home=ctx.home, settings=ctx.settings)
    chain = loaded.chain
    values, links = values_of(loaded)
    workdir = str(ctx.home.workdir(chain.workdir))
    if ctx.args.json:
        found = {"chain": chain.name, "path": str(path), "workdir": workdir, "description": chain.description}
        ctx.out.json(found | {"values": values, "links": links} | worst_case(chain))
        return 0
    for warning in loaded.warnings:
        ctx.out.say(warning)
    ctx.out.line(ctx.out.style(f"{chain.name}  {one_line(chain.description, 200)}".rstrip(), "bold"))
    ctx.out.line(f"file {path}")
    ctx.out.line(f"agents work in {workdir}")
    _print_values(ctx, values)
    for place, link in enumerate(links, 1):
        ctx.out.line()
        title = f"link {place} of {len(links)}: {link['name']}"
        ctx.out.line(ctx.out.style(title, "bold"))
        _print_values(ctx, link["values"])
    ctx.out.line()
    for line in worst_case_lines(chain):
        ctx.out.line(line)
    return 0


def values_of(loaded: Loaded) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """(the chain's values, the links' values): key → its value as text, and its origin."""
    chain, flat = loaded.chain, flatten(loaded.chain)
    links: dict[str, dict[str, Any]] = {link.name: {} for link in chain.links}
    longest_first = sorted(links, key=len, reverse=True)  # names may hold dots: `a` and `a.b`
    values: dict[str, Any] = {}
    for name, value in flat.items():
        entry = {"value": _value(chain, name, value), "origin": loaded.origins.get(name)}
        link = next((known for known in longest_first if name.startswith(f"links.{known}.")), None)
        if link is not None:
            links[link][name.removeprefix(f"links.{link}.")] = entry
        elif name != "links":
            values[name] = entry
    return values, [{"name": name, "values": found} for name, found in links.items()]


def _value(chain: Chain, name: str, value: str) -> str:
    """The value for people: of a prompt where it stands and how long it is, not its hash."""
    if not (name.startswith("links.") and name.endswith(".prompt")):
        return value
    link = chain.link(name.removeprefix("links.").removesuffix(".prompt"))
    if link is None:
        return value
    return f"{link.prompt_source}, {human_bytes(len(link.prompt.encode('utf-8', 'replace')))}"


def _print_values(ctx: Context, values: dict[str, Any]) -> None:
    """Those that are set, aligned; an empty value means that there is none."""
    given = {key: found for key, found in values.items() if found["value"]}
    rows = [(key, one_line(found["value"], 60), found["origin"] or "") for key, found in given.items()]
    if rows:
        ctx.out.table(("KEY", "VALUE", "FROM"), rows)
