"""`init`: make `.llmauto/` in a project, and nothing anywhere else."""

from __future__ import annotations

from pathlib import Path

from llmauto import files
from llmauto.authoring.schema import FILES, committed
from llmauto.cli.context import Context
from llmauto.cli.newfiles import write_new
from llmauto.errors import LlmautoError, UsageError
from llmauto.home import HOME_VARIABLE, PRIVATE_FOLDER, shipped_root, shown, unfit, walk_up
from llmauto.rules.text import decode, quoted

EXAMPLE = "example"
"""The chain that stands in `templates/init/chains/`."""

_OTHER_NAMES = {"gitignore": ".gitignore"}
"""What cannot be called so in `templates/`, where it would already be in force."""


def init(ctx: Context) -> int:
    """The command. Files that are there stay as they are, and it says so."""
    project = _project(ctx.args.folder)
    target = project / PRIVATE_FOLDER
    contents = _contents()
    _check_folder(target)
    is_new = not target.exists()
    for name, text in contents.items():
        path = target / name
        _make_folder(path.parent)
        if path.exists() or path.is_symlink():
            ctx.out.line(f"kept  {shown(path)}")
            continue
        write_new(path, text, "remove it, or leave it as it is")
        ctx.out.line(f"wrote {shown(path)}")
    _notes(ctx, project, is_new=is_new)
    where = "" if _is_here(project) else f"cd {project} && "
    ctx.out.line(f"llmauto works in {project}")
    ctx.out.line(f"  next: {where}llmauto chain check {EXAMPLE}    finds every mistake, starts nothing")
    ctx.out.line(f'        {where}llmauto chain start {EXAMPLE} --task "…"    lets the agents work')
    return 0


def _project(given: str) -> Path:
    if not given:
        raise UsageError("the project's name is empty", hint="name its folder; without one it is this folder")
    path = files.expanded(given)
    problem = unfit(path) or (None if path.is_dir() else "does not exist")
    if problem is not None:
        raise UsageError(f"the project {quoted(given, 200)} {problem}", hint="name the folder of a project")
    path = path.resolve()
    return path.parent if path.name == PRIVATE_FOLDER else path


def _contents() -> dict[str, str]:
    """Every file of `.llmauto/` by its path in it, and the schemas to which its files point."""
    source = shipped_root() / "templates" / "init"
    found = {}
    for path in sorted(source.rglob("*")):
        if path.is_file():
            name = path.relative_to(source).as_posix()
            found[_OTHER_NAMES.get(name, name)] = decode(path.read_bytes())
    if not found:
        raise LlmautoError(f"there is no {source}", hint="install llmauto anew: files are missing")
    return found | {FILES[what].name: committed(what) for what in ("chain", "config")}


def _check_folder(target: Path) -> None:
    kind = files.look(target, 0).kind
    if kind not in ("folder", "missing"):
        what = "a link" if kind == "link" else "not a folder"
        raise UsageError(
            f"`{shown(target)}` is {what}", hint="move it away: llmauto writes nothing through it"
        )


def _make_folder(folder: Path) -> None:
    with files.disk_errors(folder, "make the folder"):
        folder.mkdir(parents=True, exist_ok=True)
    _check_folder(folder)


def _is_here(project: Path) -> bool:
    """Whether commands that are typed in the current folder find this home."""
    here = Path.cwd()
    return project == here or project in here.parents


def _notes(ctx: Context, project: Path, *, is_new: bool) -> None:
    """What would keep the new home from being found, or hides another one."""
    if ctx.environ.get(HOME_VARIABLE):
        ctx.out.note(f"`{HOME_VARIABLE}` is set, and comes before every `.llmauto/`")
    if any((project / "chains").glob("*.json")):
        ctx.out.note("from now on `.llmauto/` is the home here, and no longer this folder with its `chains/`")
    above = walk_up(project.parent) if is_new else None
    if above is not None:
        what = f"from here `{above.path}` is no longer found"
        ctx.out.note(f"a second home: {what}; to go back to it, remove `{project / PRIVATE_FOLDER}`")
