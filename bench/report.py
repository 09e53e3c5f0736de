"""How are the figures shown? As one Markdown table, or as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from bench.figures import By, Figure, Missing

Results = Mapping[str, Sequence[Figure]]
HEAD = "| | llmauto | beside it | ratio | more | target | held |"
RULE = "|---|---:|---:|---:|---:|---:|---|"


def markdown(results: Results, missing: Sequence[Missing], facts: Mapping[str, str], command: str) -> str:
    """The table, with what it was made on and by."""
    lines = [HEAD, RULE]
    for family, figures in results.items():
        lines += [_row(family, figure) for figure in figures]
    notes = [(figure.what, figure.note) for figures in results.values() for figure in figures if figure.note]
    if notes:
        lines += ["", *(f"- {what}: {note}" for what, note in notes)]
    if missing:
        lines += ["", *(f"- **{one.family}** has no figures: {one.why}" for one in missing)]
    lines += [
        "",
        f"Made by `{command}`, on: " + "; ".join(f"{name} {value}" for name, value in facts.items()),
    ]
    lines += [
        "Medians; each figure was taken in turns with the one beside it. Lower is better but for rates."
    ]
    return "\n".join(lines)


def as_json(results: Results, missing: Sequence[Missing], facts: Mapping[str, str], command: str) -> str:
    """The same for programs: numbers are not rounded."""
    figures: list[dict[str, Any]] = [
        {"family": family, **asdict(one), "by": one.by.value, "ratio": one.ratio, "more": one.more,
         "holds": one.holds}
        for family, found in results.items()
        for one in found
    ]  # fmt: skip
    data = {
        "command": command,
        "machine": dict(facts),
        "figures": figures,
        "missing": [asdict(one) for one in missing],
    }
    return json.dumps(data, indent=2, ensure_ascii=False)


def _row(family: str, figure: Figure) -> str:
    beside = "" if figure.beside is None else f"{number(figure.beside)} {figure.unit}"
    beside = f"{beside.strip()} {figure.beside_what}".strip()
    cells = [
        f"{family}: {figure.what}",
        f"{number(figure.ours)} {figure.unit}",
        beside,
        "" if figure.ratio is None else f"{number(figure.ratio)}×",
        "" if figure.more is None else f"{signed(figure.more)} {figure.unit}",
        target(figure),
        {True: "yes", False: "**no**", None: ""}[figure.holds],
    ]
    return "| " + " | ".join(cell.strip().replace("|", "\\|") for cell in cells) + " |"


def target(figure: Figure) -> str:
    """The bound in words: `≤ 4×`, `≤ +20 ms, aim +5 ms`."""
    bounds = [("≤", figure.most), ("≥", figure.least)]
    parts = [f"{sign} {_bound(figure, bound)}" for sign, bound in bounds if bound is not None]
    if figure.aim is not None:
        parts.append(f"aim {_bound(figure, figure.aim)}")
    return ", ".join(part.strip() for part in parts)


def _bound(figure: Figure, bound: float) -> str:
    if figure.by is By.RATIO:
        return f"{number(bound)}×"
    text = signed(bound) if figure.by is By.MORE else number(bound)
    return f"{text} {figure.unit}"


def signed(value: float) -> str:
    """With its sign, as differences are written."""
    return f"{'−' if value < 0 else '+'}{number(abs(value))}"


def number(value: float) -> str:
    """Three digits that count, and thousands apart."""
    if value == 0 or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}" if abs(value) >= 0.001 else f"{value:.1e}"
