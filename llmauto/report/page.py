"""A run as one page: no script, nothing loaded from elsewhere, to be mailed and kept."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from html import escape

from llmauto.localtime import stamp, time_of_day
from llmauto.report.lanes import lanes
from llmauto.report.style import STYLE
from llmauto.report.words import Report, cost, facts, took
from llmauto.rules.text import human_duration, one_line, plain

OPEN_ROWS = 40
"""Rows of a table that are shown at once; a longer one is folded."""
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
_KEY = (
    ("good", "done"), ("bad", "failed"), ("wait", "waited, blocked or stopped"), ("skip", "passed over"),
    ("gate", "gate"), ("open", "goes on"),
)  # fmt: skip
_SHADES = {
    "RUNNING": "open", "COMPLETED": "good", "ALL_DONE": "good", "BLOCKED": "bad", "FAILED": "bad",
}  # fmt: skip


def page(report: Report) -> str:
    """The whole document."""
    head = report.head
    title = f"{head.chain} · {head.status} · {head.run}"
    body = "".join(
        [
            _top(report),
            f"<h2>Rounds over time</h2>{lanes(report)}{_key()}",
            _rounds(report),
            _links(report),
            _errors(report),
            _said(report),
            _handoff(report),
            f"<footer>{escape(report.program)} · {escape(stamp(report.now))}</footer>",
        ]
    )
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta name="referrer" content="no-referrer"><title>{escape(title)}</title>'
        f"<style>{STYLE}</style></head><body><main>{body}</main></body></html>\n"
    )


def _top(report: Report) -> str:
    head = report.head
    shade = _SHADES.get(head.status, "wait")
    rows = "".join(
        f"<dt>{escape(question)}</dt><dd{_need(question)}>{_coded(answer)}</dd>"
        for question, answer in facts(report)
    )
    return (
        f'<h1>{escape(head.chain)}<span class="status s-{shade}">{escape(head.status)}</span></h1>'
        f'<div class="run">{escape(head.run)}</div><dl>{rows}</dl>'
    )


def _coded(text: str) -> str:
    """The text, what stands in backticks as code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))


def _need(question: str) -> str:
    return ' class="need"' if question == "Needs you" else ""


def _key() -> str:
    marks = "".join(f'<span><i class="{kind}"></i>{word}</span>' for kind, word in _KEY)
    return f'<div class="key">{marks}</div>'


def _rounds(report: Report) -> str:
    rows = [
        (
            str(one.round),
            time_of_day(one.started_at, seen_from=report.now),
            took(one, report),
            one.verdict or "–",
            str(one.calls),
            str(one.failed_calls or ""),
            cost(one.cost_usd, one.unknown_costs) if one.calls else "–",
        )
        for one in report.view.rounds.values()
    ]
    head = ("Round", "Began", "Took", "Verdict", "Calls", "Failed", "Cost")
    return f"<h2>By round</h2>{_table(head, rows, numbers=(4, 5, 6))}" if rows else ""


def _links(report: Report) -> str:
    rows = [
        (
            total.link,
            str(total.turns),
            str(total.skipped or ""),
            str(total.calls),
            str(total.failed_calls or ""),
            human_duration(total.seconds),
            f"{total.tokens:,}" if total.tokens else "",
            cost(total.cost_usd, total.unknown_costs) if total.calls else "–",
        )
        for total in report.view.links.values()
    ]
    head = ("Link", "Turns", "Passed over", "Calls", "Failed", "Time", "Tokens", "Cost")
    return f"<h2>By link</h2>{_table(head, rows, numbers=(1, 2, 3, 4, 5, 6, 7))}"


def _errors(report: Report) -> str:
    rows = [
        (
            time_of_day(one.at, seen_from=report.now, seconds=True),
            f"{one.round} {one.link}".strip(),
            one.outcome + (", for good" if one.final else ""),
            one_line(one.message, 300),
        )
        for one in report.view.troubles
    ]
    if not rows:
        return ""
    return f"<h2>Errors</h2>{_table(('When', 'Round, link', 'Outcome', 'Said'), rows)}"


def _said(report: Report) -> str:
    rows = [
        (time_of_day(one.at, seen_from=report.now, seconds=True), one.kind, one_line(one.text, 400))
        for one in report.view.said
    ]
    return f"<h2>Remarks and requests</h2>{_table(('When', 'What', 'Text'), rows)}" if rows else ""


def _handoff(report: Report) -> str:
    if report.handoff is None:
        return ""
    return f"<h2>Last handoff</h2><pre>{escape(plain(report.handoff))}</pre>"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], numbers: Iterable[int] = ()) -> str:
    right = set(numbers)

    def cells(row: Sequence[str], tag: str) -> str:
        return "".join(
            f"<{tag}{' class=n' if at in right else ''}>{escape(cell)}</{tag}>" for at, cell in enumerate(row)
        )

    body = "".join(f"<tr>{cells(row, 'td')}</tr>" for row in rows)
    table = f'<div class="wide"><table><tr>{cells(head, "th")}</tr>{body}</table></div>'
    if len(rows) <= OPEN_ROWS:
        return table
    return f"<details><summary>{len(rows)} rows</summary>{table}</details>"
