"""Do the measurements of `python -m bench` compare what they say, and show what they found?"""

from __future__ import annotations

import importlib
import json
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from bench import machine, report
from bench.__main__ import FAMILIES, main
from bench.figures import By, Figure, Missing
from bench.stage import FEWEST, Stage, exit_code, new_home

SLOW = Figure(what="a thing", ours=30.0, unit="ms", beside=10.0, beside_what="another", by=By.RATIO, most=4.0)


def stage(folder: Path, *, seconds: float = 60.0) -> Stage:
    return Stage(folder=folder, quick=True, until=time.monotonic() + seconds)


def test_a_target_is_about_what_the_figure_says_it_is_about() -> None:
    assert SLOW.holds is True
    assert replace(SLOW, most=2.9).holds is False
    assert replace(SLOW, by=By.MORE, most=20.0).holds is True
    assert replace(SLOW, by=By.ITSELF, most=29.0).holds is False
    assert replace(SLOW, by=By.ITSELF, most=None, least=31.0).holds is False


def test_a_figure_without_a_target_neither_holds_nor_fails() -> None:
    assert replace(SLOW, most=None).holds is None
    assert Figure(what="alone", ours=1.0, unit="s", by=By.RATIO, most=1.0).holds is None


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0"), (0.00012, "1.2e-04"), (0.0456, "0.0456"), (9.816, "9.82"), (53282.4, "53,282")],
)
def test_numbers_are_shown_with_the_digits_that_count(value: float, text: str) -> None:
    assert report.number(value) == text


def test_the_target_is_shown_in_what_it_is_about() -> None:
    assert report.target(SLOW) == "≤ 4×"
    assert report.target(replace(SLOW, by=By.MORE, most=20.0, aim=5.0)) == "≤ +20 ms, aim +5 ms"
    assert report.target(replace(SLOW, by=By.ITSELF, most=None, least=20.0)) == "≥ 20 ms"


def test_the_table_says_what_was_measured_beside_what_and_by_which_command() -> None:
    text = report.markdown(
        {"family": [SLOW]}, [Missing(family="flood", why="no `/proc`")], {"cores": "2"}, "python -m bench x"
    )
    head, rule, row, *rest = text.splitlines()
    assert head.count("|") == rule.count("|") == row.count("|")
    assert row == "| family: a thing | 30 ms | 10 ms another | 3× | +20 ms | ≤ 4× | yes |"
    assert "- **flood** has no figures: no `/proc`" in rest
    assert "Made by `python -m bench x`, on: cores 2" in rest


def test_as_json_the_numbers_are_whole() -> None:
    data = json.loads(report.as_json({"family": [SLOW]}, [], {"cores": "2"}, "c"))
    (figure,) = data["figures"]
    assert (figure["ours"], figure["ratio"], figure["more"], figure["holds"]) == (30.0, 3.0, 20.0, True)
    assert data["machine"] == {"cores": "2"}


def test_works_take_turns_and_none_is_always_the_first(tmp_path: Path) -> None:
    order: list[str] = []

    def work(name: str) -> float:
        order.append(name)
        return 1.0

    values = stage(tmp_path).in_turns({"a": lambda: work("a"), "b": lambda: work("b")}, 3)
    assert order == ["a", "b", "b", "a", "a", "b"]
    assert values == {"a": [1.0] * 3, "b": [1.0] * 3}


def test_measuring_ends_when_the_time_is_up_but_not_before_a_median_means_something(tmp_path: Path) -> None:
    values = stage(tmp_path, seconds=-1.0).in_turns({"a": lambda: 1.0}, 1000)
    assert len(values["a"]) == FEWEST


def test_a_program_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    home = new_home(tmp_path / "home")
    child = home.open([sys.executable, "-c", "import time; time.sleep(60)"])
    assert exit_code(child, 0.05) != 0


def test_the_file_system_is_that_of_the_nearest_mount() -> None:
    mounts = [["/", "ext4"], ["/tmp", "tmpfs"], ["/tmpfoo", "nfs"], ["/home", "ext4"], ["/home", "btrfs"]]
    assert machine.file_system_of("/tmp/x", mounts) == "tmpfs"
    assert machine.file_system_of("/home/somebody", mounts) == "btrfs"
    assert machine.file_system_of("/srv", mounts) == "ext4"
    assert machine.file_system_of("/srv", []) == "unknown"


@pytest.mark.parametrize("name", FAMILIES)
def test_every_family_of_the_table_has_its_module(name: str) -> None:
    assert callable(importlib.import_module(f"bench.{name}").figures)


def test_a_family_that_nobody_knows_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["speed"])
    assert caught.value.code == 2
    assert "there is no `speed`" in capsys.readouterr().err


def test_what_cannot_be_measured_is_told_and_the_others_have_their_figures(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(_: Stage) -> list[Figure]:
        raise OSError("no room")

    monkeypatch.setattr("bench.startup.figures", lambda _: [SLOW])
    monkeypatch.setattr("bench.links.figures", fails)
    assert main(["startup", "links"]) == 1
    out = capsys.readouterr().out
    assert "| startup: a thing |" in out
    assert "- **links** has no figures: OSError: no room" in out
    assert "Made by `python -m bench startup links`" in out


def test_the_rules_play_as_many_links_as_are_asked_for() -> None:
    rules = importlib.import_module("bench.rules")
    assert 0 < rules.play(10) < 60
