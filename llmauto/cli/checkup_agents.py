"""Can agents work here: is each one's program there, is it logged in, does it trust the project?

Facts about Claude Code are those of version 2.1.331. No API is called, and no secret is read further
than to see that it is there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from llmauto.backends import BUILT_IN, load_backend
from llmauto.cli import claude_config
from llmauto.cli.checkup import Check, Finding, Level, failed
from llmauto.cli.checkup_home import loaded_chains, settings_or_defaults
from llmauto.cli.checkup_machine import is_root
from llmauto.cli.context import Context
from llmauto.cli.versions import version_said
from llmauto.errors import BackendError
from llmauto.model import Link

OLDEST_CLAUDE = (2, 1, 197)
"""The oldest version that llmauto was tried with."""

_BYPASS = "bypassPermissions"
_NAMED_BY_LINKS = ("command", "check")
"""Backends without a program of their own: `chain start` looks for those that the links name."""


def _programs(ctx: Context) -> Iterator[Finding]:
    settings = settings_or_defaults(ctx)
    for name in BUILT_IN:
        if name in _NAMED_BY_LINKS:
            continue
        backend = load_backend(name)
        try:
            program = backend.program(
                Link(name="doctor", backend=name),
                paths=settings.backend_paths,
                env=ctx.environ,
                cwd=ctx.home.workdir_base,
            )
        except BackendError as error:
            yield failed(name, error)
            continue
        argv = backend.version_argv(program)
        if argv is None:
            yield Finding(name=name, message=f"comes with llmauto, played by {program[0]}")
        else:
            yield _version(name, argv, ctx.environ)


def _version(name: str, argv: tuple[str, ...], environ: Mapping[str, str]) -> Finding:
    said, problem = version_said(argv, environ)
    if problem:
        return Finding(
            name=name,
            level=Level.FAIL,
            message=f"{argv[0]} does not say its version: {problem}",
            hint=f"run `{' '.join(argv)}` yourself; if it fails there too, install it anew",
        )
    numbers = re.search(r"(\d+)\.(\d+)\.(\d+)", said)
    if name == "claude" and numbers and tuple(map(int, numbers.groups())) < OLDEST_CLAUDE:
        oldest = ".".join(map(str, OLDEST_CLAUDE))
        message = f"{said}, {argv[0]}; llmauto was tried with {oldest} and newer"
        return Finding(name=name, level=Level.WARN, message=message, hint="update it: `claude update`")
    return Finding(name=name, message=f"{said}, {argv[0]}")


def _login(ctx: Context) -> Iterator[Finding]:
    how = claude_config.login(ctx.environ)
    if how:
        yield Finding(name="login", message=how)
    else:
        yield Finding(
            name="login",
            level=Level.WARN,
            message="no login of Claude Code was found",
            hint="run `claude` and type `/login`, or set ANTHROPIC_API_KEY",
        )


def _trust(ctx: Context) -> Iterator[Finding]:
    workdirs = {ctx.home.workdir_base: None}
    for loaded in loaded_chains(ctx)[0]:
        for own in (loaded.chain.workdir, *(link.workdir for link in loaded.chain.links)):
            if own:
                workdirs.setdefault(Path(own), None)
    distrusted = False
    for workdir in workdirs:
        ignored = claude_config.ignored_permissions(workdir, ctx.environ)
        if ignored is not None:
            distrusted = True
            yield _distrusted(workdir, ignored)
    if not distrusted:
        yield Finding(name="trust", message="nothing in the project's `.claude/settings.json` is ignored")


def _distrusted(workdir: Path, ignored: claude_config.Ignored) -> Finding:
    entries = f"{ignored.count} entr{'y' if ignored.count == 1 else 'ies'} of `permissions.allow`"
    return Finding(
        name="trust",
        level=Level.WARN,
        message=f"Claude Code ignores {entries} in {ignored.settings}: {workdir} has not been trusted",
        hint=f"start `claude` once in {ignored.project} and accept its question, or name the tools in "
        "`allowed_tools` of the links",
    )


def _bypass(ctx: Context) -> Iterator[Finding]:
    """As root Claude Code ends at once where it is to skip permissions."""
    if not is_root():
        return
    links = [
        f"{loaded.chain.name}/{link.name}"
        for loaded in loaded_chains(ctx)[0]
        for link in loaded.chain.links
        if link.backend == "claude" and link.permission_mode == _BYPASS
        and {**ctx.environ, **link.env}.get("IS_SANDBOX") != "1"
    ]  # fmt: skip
    settings = settings_or_defaults(ctx)
    if settings.default_permission_mode == _BYPASS and ctx.environ.get("IS_SANDBOX") != "1":
        links.insert(0, "`default_permission_mode`")
    if links:
        yield Finding(
            name="rights",
            level=Level.FAIL,
            message=f"as root Claude Code refuses `{_BYPASS}`, which is set by {', '.join(links[:5])}",
            hint="use another user or another mode; in a container that is a sandbox, set IS_SANDBOX=1",
        )


CHECKS: tuple[tuple[str, Check], ...] = (
    ("agents", _programs),
    ("login", _login),
    ("trust", _trust),
    ("rights", _bypass),
)
