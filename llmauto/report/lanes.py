"""The picture of a run as SVG: links as lanes, rounds over time, verdict and cost under each round."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from html import escape

from llmauto.report.words import Report, cost, kind_of, kind_of_attempt, told
from llmauto.rules.text import human_duration, one_line
from llmauto.views.timeline import Timeline
from llmauto.views.values import Bar, Round

LANE_H = 30
HEAD_H = 26
FOOT_H = 44
NAMES_W = 150
NARROWEST, WIDEST = 905.0, 24_000.0
PER_ROUND = 74.0
GLYPHS = {"good": "", "bad": "✗", "wait": "‖", "skip": "", "gate": "◇", "open": "●"}


def lanes(report: Report) -> str:
    """The names of the lanes, which stay in sight, and beside them the picture, which may be wider."""
    view, links = report.view, lane_names(report)
    bars = [bar for bar in view.bars if bar.kind != "baseline" and bar.link in links]
    if not bars:
        return '<p class="quiet">Nothing has been played yet.</p>'
    width = min(max(NARROWEST, PER_ROUND * len(view.rounds)), WIDEST)
    line = Timeline(_spans(bars, report.now), width)
    height = HEAD_H + LANE_H * len(links) + FOOT_H
    parts = [
        *_rounds(report, line, height),
        *(_lane(at, width) for at in range(len(links))),
        *_breaks(line, len(links)),
        *(_bar(bar, line, links.index(bar.link), report.now) for bar in bars),
    ]
    names = "".join(
        f'<text x="{NAMES_W - 10}" y="{HEAD_H + LANE_H * at + 20}" text-anchor="end">'
        f"{escape(one_line(name, 20))}</text>"
        for at, name in enumerate(links)
    )
    foot = HEAD_H + LANE_H * len(links)
    names += "".join(
        f'<text class="quiet" x="{NAMES_W - 10}" y="{foot + y}" text-anchor="end">{word}</text>'
        for y, word in ((17, "verdict"), (35, "cost"))
    )
    label = f"{len(links)} links over {len(view.rounds)} rounds"
    return (
        f'<div class="lanes"><svg class="names" width="{NAMES_W}" height="{height}" aria-hidden="true">'
        f'{names}</svg><div class="scroll" tabindex="0" role="group" aria-label="The run over time">'
        f'<svg width="{width:.0f}" height="{height}" role="img" aria-label="{label}">{"".join(parts)}</svg>'
        "</div></div>"
    )


def _spans(bars: Iterable[Bar], now: float) -> Iterator[tuple[float, float]]:
    """When work was done. Waits inside a turn are none, and take little room; so does a gate that waits."""
    for bar in bars:
        for one in bar.attempts:
            yield one.started_at, one.ended_at or bar.ended_at or now
        if not bar.attempts:
            yield bar.started_at, bar.started_at
        if not bar.attempts or not bar.ended_at:  # a wait that goes on is seen up to now
            yield bar.ended_at or now, bar.ended_at or now


def lane_names(report: Report) -> list[str]:
    """The links in the chain's order, then those that it had before."""
    return [*dict.fromkeys([*report.view.progress.links, *report.view.links])]


def _lane(at: int, width: float) -> str:
    y = HEAD_H + LANE_H * at
    return f'<line class="rule" x1="0" x2="{width:.0f}" y1="{y}" y2="{y}"/>'


def _rounds(report: Report, line: Timeline, height: int) -> list[str]:
    parts = []
    rounds = [one for one in report.view.rounds.values() if one.round]
    for at, one in enumerate(rounds):
        begin = line.at(one.started_at)
        after = rounds[at + 1].started_at if at + 1 < len(rounds) else None
        end = line.at(after) if after is not None else line.width
        parts.append(f'<line class="rule" x1="{begin:.1f}" x2="{begin:.1f}" y1="0" y2="{height}"/>')
        parts += _labels(one, begin, end - begin, height)
    return parts


def _labels(one: Round, begin: float, room: float, height: int) -> list[str]:
    texts = [(f"R{one.round}", HEAD_H - 9, "round", 22.0)]
    if one.verdict:
        texts.append(
            (one_line(one.verdict, max(3, int(room / 8))), height - FOOT_H + 17, _verdict(one), 30.0)
        )
    if one.calls:
        texts.append((cost(one.cost_usd, one.unknown_costs), height - FOOT_H + 35, "quiet", 40.0))
    return [
        f'<text class="{kind}" x="{begin + 4:.1f}" y="{y}">{escape(text)}</text>'
        for text, y, kind, least in texts
        if room >= least
    ]


def _verdict(one: Round) -> str:
    return {"APPROVED": "v-good", "BLOCKED": "v-bad"}.get(one.verdict, "v-fix")


def _breaks(line: Timeline, lanes_: int) -> list[str]:
    parts = []
    for begin, end in line.breaks:
        x, width = line.at(begin), line.at(end) - line.at(begin)
        said = f"nothing was played for {human_duration(end - begin)}"
        parts.append(
            f'<rect class="gap" x="{x:.1f}" y="{HEAD_H}" width="{max(width, 1):.1f}" '
            f'height="{LANE_H * lanes_}"><title>{said}</title></rect>'
        )
    return parts


def _bar(bar: Bar, line: Timeline, lane: int, now: float) -> str:
    x = line.at(bar.started_at)
    least = 16.0 if bar.kind == "gate" else 3.0
    width = max(line.at(bar.ended_at or now) - x, least)
    kind, y = kind_of(bar), HEAD_H + LANE_H * lane + 5
    parts = bar.attempts if len(bar.attempts) > 1 else []
    shape = _rect(f"bar bed {kind}" if parts else f"bar {kind}", x, y, width)
    for one in parts:
        at = line.at(one.started_at)
        length = max(line.at(one.ended_at or bar.ended_at or now) - at, 2.0)
        shape += _rect(f"bar {kind_of_attempt(one, bar)}", at, y, length)
    glyph = GLYPHS[kind]
    if glyph and width >= 12:
        shape += f'<text class="on" x="{x + width / 2:.1f}" y="{y + 15}" text-anchor="middle">{glyph}</text>'
    return f"<g><title>{escape(told(bar, now))}</title>{shape}</g>"


def _rect(kind: str, x: float, y: float, width: float) -> str:
    return f'<rect class="{kind}" x="{x:.1f}" y="{y:.0f}" width="{width:.1f}" height="20" rx="3"/>'
