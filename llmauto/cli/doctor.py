"""`doctor`: is this machine ready for a night, and if not, what is to be done?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from llmauto.cli import checkup_agents, checkup_home, checkup_machine
from llmauto.cli.checkup import Check, Finding, Level, failed
from llmauto.cli.context import Context
from llmauto.errors import LlmautoError
from llmauto.rules.text import counted, one_line

_STYLES = {Level.OK: ("green",), Level.WARN: ("yellow",), Level.FAIL: ("red", "bold")}
_WORDS = {Level.OK: "ok", Level.WARN: "warn", Level.FAIL: "FAIL"}


def doctor(ctx: Context) -> int:
    """The command; exit code 1 where something fails."""
    found: list[Finding] = []
    for finding in _findings(ctx):
        found.append(finding)
        if not ctx.args.json:
            _print(ctx, finding)
    if ctx.args.live:
        from llmauto.cli.doctor_live import live_findings

        for finding in live_findings(ctx):
            found.append(finding)
            if not ctx.args.json:
                _print(ctx, finding)
    failures = sum(each.level is Level.FAIL for each in found)
    warnings = sum(each.level is Level.WARN for each in found)
    if ctx.args.json:
        ctx.out.json({"ok": not failures, "failed": failures, "warnings": warnings, "checks": _json(found)})
    else:
        ctx.out.line(_summary(ctx, failures, warnings))
    return 1 if failures else 0


def _findings(ctx: Context) -> Iterator[Finding]:
    """All findings, in the order in which they are shown. Looks, writes nothing that stays, calls no API."""
    for module in (checkup_machine, checkup_home, checkup_agents):
        for name, check in module.CHECKS:
            yield from _safely(ctx, name, check)


def _safely(ctx: Context, name: str, check: Check) -> Iterator[Finding]:
    """A check that cannot be made must not hide the others."""
    try:
        yield from check(ctx)
    except LlmautoError as error:
        yield failed(name, error)
    except OSError as error:
        message = f"cannot be told: {(error.strerror or str(error)).lower()}"
        yield Finding(name=name, level=Level.WARN, message=message)


def _print(ctx: Context, finding: Finding) -> None:
    word = ctx.out.style(_WORDS[finding.level].ljust(4), *_STYLES[finding.level])
    lines = finding.message.splitlines() or [""]
    ctx.out.line(f"{word}  {finding.name.ljust(9)}  {one_line(lines[0], 1000)}")
    for line in (*lines[1:], *([f"hint: {finding.hint}"] if finding.hint else [])):
        ctx.out.line(f"{' ' * 17}{one_line(line, 1000)}")


def _summary(ctx: Context, failures: int, warnings: int) -> str:
    if not failures and not warnings:
        return (
            "all is well" if ctx.args.live else "all is well; `llmauto doctor --live` proves it with one call"
        )
    parts = [counted(count, word) for count, word in
             ((failures, "failure"), (warnings, "warning")) if count]  # fmt: skip
    return ", ".join(parts)


def _json(found: Sequence[Finding]) -> list[dict[str, str | None]]:
    return [
        {"name": each.name, "level": each.level.value, "message": each.message, "hint": each.hint or None}
        for each in found
    ]
