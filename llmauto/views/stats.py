"""What did runs cost, how long did they take, and how did they end, by link, model, day, outcome, verdict?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from llmauto.views.reduce import RunView
from llmauto.views.values import Attempt, Bar

BY = ("link", "model", "day", "outcome", "verdict")
"""What figures can be grouped by."""


@dataclass(slots=True)
class Figures:
    """The sums of one group. `cost_usd` sums what is known; `unknown_costs` counts the other calls."""

    calls: int = 0
    failed_calls: int = 0
    seconds: float = 0.0
    cost_usd: float = 0.0
    unknown_costs: int = 0
    tokens: int = 0


@dataclass(slots=True)
class RunFigures:
    """The sums over runs. `reasons` counts stop reasons; "" is: not ended."""

    runs: int = 0
    rounds: int = 0
    runtime_s: float = 0.0


class Stats:
    """Takes in runs, and gives their sums. `day_of` gives the day of a UTC epoch time, as `2026-11-24`."""

    def __init__(self, day_of: Callable[[float], str]) -> None:
        self._day_of = day_of
        self.all = Figures()
        self.runs = RunFigures()
        self.reasons: dict[str, int] = {}
        self.verdicts: dict[str, int] = {}
        self.groups: dict[str, dict[str, Figures]] = {by: {} for by in BY}

    def add(self, view: RunView) -> None:
        """Take in one run."""
        p = view.progress
        self.runs.runs += 1
        self.runs.rounds += p.rounds_done
        self.runs.runtime_s += p.runtime_s
        reason = p.ended.reason if p.ended else ""
        self.reasons[reason] = self.reasons.get(reason, 0) + 1
        for bar in view.bars:
            if bar.verdict:
                self.verdicts[bar.verdict] = self.verdicts.get(bar.verdict, 0) + 1
            for attempt in bar.attempts:
                self._add(bar, attempt)

    def _add(self, bar: Bar, attempt: Attempt) -> None:
        keys = {
            "link": bar.link,
            "model": attempt.model or attempt.backend or "unknown",
            "day": self._day_of(attempt.started_at),
            "outcome": attempt.outcome or "running",
            "verdict": bar.verdict or "none",
        }
        totals = [self.all, *(self.groups[by].setdefault(key, Figures()) for by, key in keys.items())]
        bad = attempt.outcome not in ("", "done", "skipped", "blocked", "needs_human", "limited")
        for total in totals:
            total.calls += 1
            total.failed_calls += bad
            total.seconds += attempt.seconds
            total.tokens += attempt.tokens
            if attempt.charged and attempt.outcome:
                total.cost_usd += attempt.cost_usd or 0.0
                total.unknown_costs += attempt.cost_usd is None

    def rows(self, by: str) -> list[tuple[str, Figures]]:
        """The groups: days in their order, others with the dearest, then the longest first."""
        found = list(self.groups[by].items())
        if by == "day":
            return sorted(found)
        return sorted(found, key=lambda row: (-row[1].cost_usd, -row[1].seconds, row[0]))

    def to_json(self) -> dict[str, Any]:
        """All of it, with the keys of `docs/reference/json.md`."""
        return {
            **asdict(self.runs),
            **figures_json(self.all),
            "stop_reasons": {reason or "running": n for reason, n in sorted(self.reasons.items())},
            "verdicts": dict(sorted(self.verdicts.items())),
            "by": {by: [{by: name, **figures_json(row)} for name, row in self.rows(by)] for by in BY},
        }


def figures_json(figures: Figures) -> dict[str, Any]:
    """The sums; a cost of which nothing is known is null, never 0."""
    values = asdict(figures)
    values["seconds"] = round(figures.seconds, 3)
    unknown = figures.unknown_costs and not figures.cost_usd
    values["cost_usd"] = None if unknown else round(figures.cost_usd, 6)
    return values
