"""`chain check`, `chain show` and `chain list`."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmauto.cli.check import problem_json
from tests.support.command_line import llmauto
from tests.support.told_runs import ToldHome


@pytest.fixture
def home(tmp_path: Path) -> ToldHome:
    return ToldHome(tmp_path / "home")


def test_a_valid_chain_is_called_that_and_nothing_is_written(home: ToldHome) -> None:
    before = home.files()
    said = llmauto(home.path, "chain", "check", "x")
    assert (said.code, said.err) == (0, "")
    assert said.out.endswith("x.json: valid, 2 links, no warnings\n")
    assert llmauto(home.path, "chain", "check", "x", "--json").json == {
        "chain": "x", "path": str(home.path / "chains" / "x.json"), "valid": True, "errors": [],
        "warnings": [],
    }  # fmt: skip
    assert home.files() == before


def test_every_mistake_is_told_at_once_and_the_exit_code_is_2(home: ToldHome) -> None:
    home.chain("x", mode="lop", max_rounds=-1)
    said = llmauto(home.path, "chain", "check", "x")
    assert (said.code, said.out) == (2, "")
    assert [line.split(": error: ")[1][:6] for line in said.err.splitlines() if ": error: " in line] != []
    assert "[mode]" in said.err
    assert "[max_rounds]" in said.err


def test_mistakes_as_json_are_taken_apart(home: ToldHome) -> None:
    path = home.chain("x", mode="lop", max_rounds=-1)
    said = llmauto(home.path, "chain", "check", "x", "--json")
    assert (said.code, said.err) == (2, "")
    found = said.json
    assert (found["valid"], found["chain"]) == (False, "x")
    assert {error["key"] for error in found["errors"]} == {"mode", "max_rounds"}
    assert all(error["file"] and error["line"] >= 1 and error["column"] >= 1 for error in found["errors"])
    assert found["path"] == str(path)


def test_warnings_are_no_mistakes(home: ToldHome) -> None:
    home.chain("x", deadline="2020-01-01")
    said = llmauto(home.path, "chain", "check", "x")
    assert said.code == 0
    assert "1 warning" in said.out
    assert "warning" in said.err
    assert len(llmauto(home.path, "chain", "check", "x", "--json").json["warnings"]) == 1


@pytest.mark.parametrize(
    ("problem", "expected"),
    [
        ("a.json:3:7: error: wrong `x` [links[1].on.A]", ("a.json", 3, 7, "wrong `x`", "links[1].on.A")),
        ("C:\\a.json:3:7: warning: old: [b]", ("C:\\a.json", 3, 7, "old:", "b")),
        ("a.json:1:1: error: expected [1, 2]", ("a.json", 1, 1, "expected [1, 2]", None)),
        ("`LLMAUTO_X`: error: no", (None, None, None, "`LLMAUTO_X`: error: no", None)),
    ],
)
def test_a_problem_is_taken_apart(
    problem: str, expected: tuple[str | None, int | None, int | None, str, str | None]
) -> None:
    found = problem_json(problem)
    assert tuple(found[key] for key in ("file", "line", "column", "message", "key")) == expected


def test_a_path_is_a_chain_file(home: ToldHome, tmp_path: Path) -> None:
    path = home.chain("x")
    assert llmauto(tmp_path / "other", "chain", "check", str(path)).code == 0
    assert llmauto(tmp_path / "other", "chain", "check", "x").code == 2


@pytest.mark.parametrize("command", ["check", "show"])
@pytest.mark.parametrize("name", ["..", "", "CON", "x" * 300, "a b"])
def test_a_name_outside_the_allow_list_is_refused(home: ToldHome, command: str, name: str) -> None:
    assert llmauto(home.path, "chain", command, name).code == 2


def test_show_says_where_each_value_came_from(home: ToldHome) -> None:
    (home.path / "config.json").write_text('{"default_timeout_seconds": 60}', encoding="utf-8")
    said = llmauto(home.path, "chain", "show", "x")
    assert said.code == 0
    rows = {line.split()[0]: line.split() for line in said.out.splitlines() if line.strip()}
    assert rows["max_rounds"][1] == "5"
    assert rows["max_rounds"][2].endswith("x.json:1")
    assert rows["grace_seconds"][1:] == ["10", "built", "in"]
    assert rows["timeout_seconds"][1] == "60"
    assert rows["timeout_seconds"][2].endswith("config.json:1")
    assert "link 2 of 2: reviewer" in said.out
    assert "at the worst: calls 10" in said.out


def test_show_as_json_has_values_origins_and_the_worst_case(home: ToldHome) -> None:
    home.chain("x", budget_usd=3)
    found = llmauto(home.path, "chain", "show", "x", "--json").json
    assert found["values"]["max_rounds"]["value"] == "5"
    assert found["values"]["budget_usd"]["origin"].endswith("x.json:1")
    assert [link["name"] for link in found["links"]] == ["worker", "reviewer"]
    assert found["links"][0]["values"]["backend"]["value"] == "demo"
    assert found["links"][0]["values"]["prompt"]["value"] == "inline, 12 B"
    assert (found["rounds"], found["calls"], found["worst_cost_usd"]) == (5, 10, 0), "demo costs nothing"


def test_show_keeps_links_apart_whose_names_begin_alike(home: ToldHome) -> None:
    links = [{"name": name, "backend": "demo", "prompt": "p p"} for name in ("a", "a.b")]
    home.chain("x", links=links)
    found = llmauto(home.path, "chain", "show", "x", "--json").json
    first, second = found["links"]
    assert set(first["values"]) == set(second["values"])


def test_show_prints_no_secret_of_an_environment(home: ToldHome) -> None:
    home.chain("x", env={"TOKEN": "sk-secret"})
    for form in ([], ["--json"]):
        assert "sk-secret" not in llmauto(home.path, "chain", "show", "x", *form).out


def test_the_list_has_the_homes_chains_and_the_shipped_ones(home: ToldHome) -> None:
    home.run().over("all_done", "all is done")
    said = llmauto(home.path, "chain", "list")
    assert said.code == 0
    rows = [line.split(maxsplit=4) for line in said.out.splitlines()]
    assert rows[0] == ["CHAIN", "LINKS", "FROM", "STATUS", "DESCRIPTION"]
    assert rows[1] == ["x", "2", "home", "ALL_DONE", "about x"]
    assert ["demo", "2", "shipped", "-"] in [row[:4] for row in rows]


def test_a_broken_file_is_listed_with_what_is_wrong(home: ToldHome) -> None:
    (home.path / "chains" / "broken.json").write_text('{"links": [', encoding="utf-8")
    (home.path / "chains" / "bad name.json").write_text('{"links": []}', encoding="utf-8")
    said = llmauto(home.path, "chain", "list")
    assert said.code == 0
    lines = {line.split("  ")[0]: line for line in said.out.splitlines()}
    assert "invalid: " in lines["broken"]
    assert "broken.json:1:" in lines["broken"]
    assert "invalid: " in lines["bad name"]
    found = {row["name"]: row for row in llmauto(home.path, "chain", "list", "--json").json}
    assert (found["broken"]["valid"], found["broken"]["links"]) == (False, [])
    assert found["broken"]["errors"]
    assert (found["x"]["valid"], found["x"]["links"]) == (True, ["worker", "reviewer"])


def test_listing_writes_nothing(home: ToldHome) -> None:
    before = home.files()
    llmauto(home.path, "chain", "list")
    assert home.files() == before
