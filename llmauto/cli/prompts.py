"""`prompt list`, `prompt show` and `prompt new`: the prompts of the home, and the shipped ones."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from llmauto import files
from llmauto.authoring.prompts import LARGEST, SUFFIXES
from llmauto.cli.context import Context
from llmauto.cli.newfiles import NewFiles
from llmauto.errors import UsageError
from llmauto.home import Home, shown
from llmauto.rules.names import check_name, did_you_mean
from llmauto.rules.text import decode, human_bytes, one_line, quoted

PRIVATE = "_private"
_FIRST_LINE = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptFile:
    """A prompt that chains can name. `shipped` where it came with llmauto, not from the home."""

    name: str
    path: Path
    shipped: bool


def listing(ctx: Context) -> int:
    """List them, the home's first; each name once, as chains find it."""
    found = list_prompts(ctx.home)
    if ctx.args.json:
        ctx.out.json([{"name": each.name, "path": str(each.path), "shipped": each.shipped} for each in found])
        return 0
    rows = [
        (each.name, "shipped" if each.shipped else "home", human_bytes(_size(each.path)), _begins(each.path))
        for each in found
    ]
    ctx.out.table(("PROMPT", "FROM", "SIZE", "BEGINS"), rows)
    return 0


def show(ctx: Context) -> int:
    """Print a prompt as it stands in its file, nothing filled in."""
    found = find_prompt(ctx.home, ctx.args.name)
    with files.disk_errors(found.path, "read"), found.path.open("rb") as file:
        data = file.read(LARGEST)
    text = decode(data)
    if ctx.args.json:
        ctx.out.json({"name": found.name, "path": str(found.path), "shipped": found.shipped, "text": text})
    else:
        ctx.out.agent_text(text.rstrip("\n"))
    return 0


def new(ctx: Context) -> int:
    """Write a new prompt, a copy of the shipped one of a role."""
    home, name = ctx.home, check_name(ctx.args.name, "prompt")
    file = name if Path(name).suffix in SUFFIXES[1:] else f"{name}.txt"
    known = list_prompts(home)
    for each in known:
        if each.name.casefold() == file.casefold() and (each.name != file or not each.shipped):
            raise UsageError(
                f"there is a prompt {quoted(each.name)} already, `{shown(each.path)}`",
                hint="edit that one, or choose another name",
            )
    source = home.shipped / "prompts" / f"{ctx.args.role}.txt"
    with files.disk_errors(source, "read"):
        text = decode(source.read_bytes())
    path = home.prompts / file
    with NewFiles(home) as written:
        written.write(path, text, "edit that one, or choose another name")
    if any(each.name == file for each in known):
        ctx.out.note(f"a shipped prompt is called `{file}` too; in this home yours comes first")
    ctx.out.line(f"wrote {shown(path)}")
    ctx.out.line(f'  next: change it, then name it in a link of a chain: "prompt": "{file}"')
    return 0


def list_prompts(home: Home) -> tuple[PromptFile, ...]:
    """Every prompt file that a chain can name, the home's before the shipped ones, each name once."""
    found: dict[str, PromptFile] = {}
    for folder, shipped in _folders(home):
        for path in _files(folder):
            found.setdefault(path.name, PromptFile(name=path.name, path=path, shipped=shipped))
    return tuple(sorted(found.values(), key=lambda each: (each.shipped, each.name)))


def find_prompt(home: Home, name: str) -> PromptFile:
    """The prompt of that name, with or without its `.txt` or `.md`.

    Raises:
        UsageError: there is none, or none may be called so.
    """
    check_name(name, "prompt")
    for folder, shipped in _folders(home):
        for suffix in SUFFIXES:
            path = folder / f"{name}{suffix}"
            if path.is_file():
                return PromptFile(name=path.name, path=path, shipped=shipped)
    names = [each.name for each in list_prompts(home)]
    hint = did_you_mean(name, [*names, *(Path(each).stem for each in names)])
    raise UsageError(f"there is no prompt {quoted(name)}", hint=hint or "`llmauto prompt list` shows all")


def _folders(home: Home) -> Iterator[tuple[Path, bool]]:
    for folder, shipped in ((home.prompts, False), (home.shipped / "prompts", True)):
        yield folder, shipped
        yield folder / PRIVATE, shipped


def _files(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.is_file() and path.name[0] not in "._")
    except OSError:
        return []


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _begins(path: Path) -> str:
    try:
        with path.open("rb") as file:
            text = decode(file.read(_FIRST_LINE))
    except OSError:
        return "cannot be read"
    return one_line(next((line for line in text.splitlines() if line.strip()), ""), 70)
