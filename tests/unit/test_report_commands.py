"""Do `chain report` and `chain stats` say what happened, to people, to programs and to a mail?"""

from __future__ import annotations

import csv
import io
from html.parser import HTMLParser
from pathlib import Path

import pytest

from llmauto import events as ev
from tests.support.cli import Cli
from tests.support.told_runs import BEGIN, ToldHome

EVIL = "<script>alert(1)</script> | `x` @somebody ]( \x1b[31m"


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cli:
    return Cli(tmp_path, monkeypatch)


@pytest.fixture
def home(cli: Cli) -> ToldHome:
    cli.home.joinpath("chains").rmdir()
    cli.home.rmdir()
    return ToldHome(cli.home)


class Tags(HTMLParser):
    """All tags of a page, and what they point to."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.targets: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.targets += [value or "" for name, value in attrs if name in ("src", "href", "action")]


def test_a_report_is_one_page_with_nothing_to_load_and_no_script(cli: Cli, home: ToldHome) -> None:
    run = home.run(task=EVIL).call().handoff(EVIL).end()
    run.call("reviewer").end("crashed", message=EVIL)
    ran = cli.run("chain", "report", "x")
    assert ran.code == 0, ran.err
    page = Tags(ran.out)
    assert not page.tags & {"script", "link", "img", "iframe", "object", "base", "form"}
    assert page.targets == []
    assert {"svg", "rect", "table", "style"} <= page.tags
    assert "&lt;script&gt;alert(1)" in ran.out
    assert "\x1b" not in ran.out
    assert "url(" not in ran.out


def test_a_report_answers_what_how_much_and_why(cli: Cli, home: ToldHome) -> None:
    home.run(settings={"budget_usd": "25"}).call().end().tell(
        ev.RunEnded(reason="budget", message="25.20 of 25.00 used", exit_code=4)
    )
    out = cli.run("chain", "report", "x").out
    for said in ("STOPPED", "$0.42 of $25.00, 1 call", "budget: 25.20 of 25.00 used", "--budget USD"):
        assert said in out, said


def test_what_can_be_typed_stands_out_in_a_report(cli: Cli, home: ToldHome) -> None:
    message = "25.20 of `budget_usd` <25.00> spent"
    home.run().call().end().tell(ev.RunEnded(reason="budget", message=message, exit_code=4))
    out = cli.run("chain", "report", "x").out
    assert "<code>budget_usd</code> &lt;25.00&gt; spent" in out
    assert "<code>llmauto chain start x --budget USD</code>: goes on with more money" in out
    text = cli.run("chain", "report", "x", "--md").out
    assert "- **Next**: `llmauto chain start x --budget USD`: goes on with more money" in text
    home.run("r2").call().end().over()
    text = cli.run("chain", "report", "x", "--md").out
    assert "`llmauto chain log x`: shows what happened; `chain start x` begins a new run" in text


def test_a_report_in_markdown_is_safe_to_paste(cli: Cli, home: ToldHome) -> None:
    home.run(task=EVIL).call().handoff("````\nfenced\n````").end().round_over()
    out = cli.run("chain", "report", "x", "--md").out
    assert out.startswith("### Chain x: ")
    assert "<script>" not in out
    assert "@somebody" not in out
    assert "`````text" in out
    assert "| 1 | – |" in out


def test_a_round_that_a_stop_left_open_took_no_longer_than_the_run(cli: Cli, home: ToldHome) -> None:
    home.run().call().end("stopped").tell(ev.RunEnded(reason="stop_requested", message="", exit_code=3))
    # Told an hour or a month later, it is the same: call, end, end of the run, a minute apart.
    assert "| 1 | – | 2m00s | 1 |" in cli.run("chain", "report", "x", "--md").out
    assert "<td>2m00s</td>" in cli.run("chain", "report", "x").out


def test_a_wait_that_goes_on_is_seen_in_a_report(cli: Cli, home: ToldHome) -> None:
    run = home.run().call()
    assert 'class="gap"' not in cli.run("chain", "report", "x").out
    run.tell(
        ev.CallEnded(call=1, round=1, link="worker", attempt=1, outcome="limited", seconds=3.0),
        ev.WaitStarted(round=1, link="worker", until=BEGIN + 9e9, why="the usage limit", outcome="limited"),
    )
    out = cli.run("chain", "report", "x").out
    assert 'class="gap"' in out
    assert 'class="bar wait"' in out


def test_an_earlier_run_can_be_reported_and_one_that_never_was_is_an_error(cli: Cli, home: ToldHome) -> None:
    home.run("r1").call().end()
    home.run("r2").call().end()
    assert "r1" in cli.run("chain", "report", "x", "--run", "r1").out
    assert cli.run("chain", "report", "x", "--run", "r9").code == 2
    home.chain("y")
    ran = cli.run("chain", "report", "y")
    assert (ran.code, "has not run yet" in ran.err) == (1, True)


def test_figures_are_printed_for_people_programs_and_spreadsheets(cli: Cli, home: ToldHome) -> None:
    home.run("r1").call(model="=cmd()").end(model="=cmd()").round_over()
    home.run("r2", chain="y").call(model="opus").end("crashed", cost_usd=None)
    text = cli.run("chain", "stats")
    assert text.code == 0, text.err
    assert "2 runs" in text.out
    assert "=cmd()" in text.out
    found = cli.run("chain", "stats", "--json").json()
    assert (found["calls"], found["cost_usd"], found["unknown_costs"]) == (2, 0.42, 1)
    assert cli.run("chain", "stats", "x", "--json").json()["calls"] == 1
    assert "1 run (" in cli.run("chain", "stats", "x").out
    rows = list(csv.DictReader(io.StringIO(cli.run("chain", "stats", "--csv", "--by", "model").out)))
    assert [(row["name"], row["cost_usd"]) for row in rows] == [("'=cmd()", "0.42"), ("opus", "")]


def test_figures_of_nothing_are_no_error(cli: Cli, home: ToldHome) -> None:
    assert "no run of this home has begun yet" in cli.run("chain", "stats").out
    assert cli.run("chain", "stats", "nope").code == 2
    assert cli.run("chain", "stats", "--json", "--csv").code == 2
