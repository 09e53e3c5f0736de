"""A run as Markdown, for the description of a pull request."""

from __future__ import annotations

import re
from collections.abc import Sequence

from llmauto.report.words import Report, cost, facts, took
from llmauto.rules.text import human_duration, one_line, plain

MOST_ROUNDS = 30
"""Rounds that are listed, the newest."""
MOST_ERRORS = 10
LONGEST_HANDOFF = 20_000
"""Characters; what is longer would be refused by the forges."""


def markdown(report: Report) -> str:
    """The whole text."""
    head = report.head
    parts = [
        f"### Chain {_cell(head.chain)}: {head.status}",
        "\n".join(f"- **{question}**: {_answer(question, answer)}" for question, answer in facts(report)),
        _rounds(report),
        _links(report),
        _errors(report),
        _handoff(report),
        f"<sub>{_cell(head.run)} · {_cell(report.program)}</sub>",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _answer(question: str, answer: str) -> str:
    # What to type next is ours, made of a chain's name: nothing in it has to be made harmless.
    return answer if question == "Next" else _cell(answer)


def _rounds(report: Report) -> str:
    rounds = list(report.view.rounds.values())
    rows = [
        (
            str(one.round),
            one.verdict or "–",
            took(one, report),
            f"{one.calls}" + (f" ({one.failed_calls} failed)" if one.failed_calls else ""),
            cost(one.cost_usd, one.unknown_costs) if one.calls else "–",
        )
        for one in rounds[-MOST_ROUNDS:]
    ]
    if not rows:
        return ""
    table = _table(("Round", "Verdict", "Took", "Calls", "Cost"), rows)
    left_out = len(rounds) - len(rows)
    return f"The last {len(rows)} of {len(rounds)} rounds:\n\n{table}" if left_out else table


def _links(report: Report) -> str:
    rows = [
        (
            total.link,
            str(total.calls),
            human_duration(total.seconds),
            cost(total.cost_usd, total.unknown_costs) if total.calls else "–",
        )
        for total in report.view.links.values()
    ]
    return _table(("Link", "Calls", "Time", "Cost"), rows)


def _errors(report: Report) -> str:
    rows = [
        (f"{one.round} {one.link}".strip(), one.outcome, one_line(one.message, 160))
        for one in report.view.troubles[-MOST_ERRORS:]
    ]
    return _table(("Round, link", "Error", "Said"), rows) if rows else ""


def _handoff(report: Report) -> str:
    if report.handoff is None:
        return ""
    text = plain(report.handoff[:LONGEST_HANDOFF]).rstrip("\n")
    longest = max((len(ticks) for ticks in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"<details><summary>Last handoff</summary>\n\n{fence}text\n{text}\n{fence}\n\n</details>"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(_cell(cell) for cell in row) + " |" for row in lines)


def _cell(text: str) -> str:
    """Text that Markdown takes as it is: no table is broken, nobody is called, no tag is one."""
    escaped = re.sub(r"([\\`*_\[\]|~])", r"\\\1", one_line(text, 1000))
    escaped = escaped.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return escaped.replace("@", "@<!-- -->").replace("#", "&#35;")
