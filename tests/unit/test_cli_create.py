"""Does `chain create` ask like a friendly tool, and write whole chains or nothing?"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from llmauto.cli import ask
from tests.support.cli import Cli, InterruptedKeyboard

ROOT = Path(__file__).resolve().parents[2]
ENTER = "\n"


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cli:
    return Cli(tmp_path, monkeypatch)


def written(cli: Cli, name: str = "mine") -> dict[str, Any]:
    values = json.loads((cli.home / "chains" / f"{name}.json").read_text(encoding="utf-8"))
    assert isinstance(values, dict)
    return values


def test_enter_takes_the_defaults_of_the_first_pattern(cli: Cli) -> None:
    ran = cli.typed("chain", "create", keys=f"mine{ENTER * 12}")
    assert (ran.code, cli.files()) == (0, {"chains/mine.json"})
    assert [link["prompt"] for link in written(cli)["links"]] == ["worker.txt", "reviewer.txt"]
    assert "llmauto chain start mine" in ran.out


def test_what_was_answered_is_what_is_written(cli: Cli) -> None:
    keys = ["mine", "4", "Mends the parser", "haiku", "worker.txt", "3", "1.5", "0", "y"]
    assert cli.typed("chain", "create", keys="\n".join(keys) + "\n").code == 0
    chain = written(cli)
    assert (chain["description"], chain["max_rounds"], chain["runtime_hours"]) == ("Mends the parser", 3, 1.5)
    assert "budget_usd" not in chain
    assert (chain["links"][0]["model"], chain["links"][0]["prompt"]) == ("haiku", "worker.txt")
    assert "_template" not in chain


def test_new_makes_a_copy_of_the_prompt_to_change(cli: Cli) -> None:
    keys = ["mine", "single-worker", "", "", "new", "", "", "", "y"]
    assert cli.typed("chain", "create", keys="\n".join(keys) + "\n").code == 0
    copy = (cli.home / "prompts" / "mine_worker.txt").read_text(encoding="utf-8")
    assert copy == (ROOT / "prompts" / "single_worker.txt").read_text(encoding="utf-8")
    assert written(cli)["links"][0]["prompt"] == "mine_worker.txt"


def test_a_text_becomes_a_prompt_of_its_own(cli: Cli) -> None:
    keys = ["mine", "single-worker", "", "", "Mend {HOME} at once", "", "", "", "y"]
    assert cli.typed("chain", "create", keys="\n".join(keys) + "\n").code == 0
    assert (cli.home / "prompts" / "mine_worker.txt").read_text(encoding="utf-8") == "Mend {HOME} at once\n"


def test_wrong_answers_are_asked_again_and_said_so(cli: Cli) -> None:
    keys = ["../x", "mine", "9", "4", "", "-x", "opus", "wroker.txt", "worker.txt", "many", "2", "", "", "y"]
    ran = cli.typed("chain", "create", keys="\n".join(keys) + "\n")
    assert ran.code == 0, ran.err
    for said in (
        "begins with `.`",
        "`9` is none of these",
        "no name of a model",
        'did you mean "worker.txt"?',
    ):
        assert said in ran.err
    assert written(cli)["max_rounds"] == 2


def test_no_at_the_end_writes_nothing(cli: Cli) -> None:
    keys = ["mine", "4", "", "", "new", "", "", "", "n"]
    ran = cli.typed("chain", "create", keys="\n".join(keys) + "\n")
    assert (ran.code, cli.files(), ran.out) == (0, set(), "")


def test_the_end_of_the_input_in_the_middle_writes_nothing(cli: Cli) -> None:
    ran = cli.typed("chain", "create", keys="mine\n4\n\n\nnew\n")
    assert (ran.code, cli.files()) == (2, set())
    assert "error: the input ended" in ran.err


def test_ctrl_c_in_the_middle_writes_nothing(cli: Cli) -> None:
    ran = cli.run("chain", "create", stdin=InterruptedKeyboard("mine\n4\n\n\nnew\n"))
    assert (ran.code, cli.files()) == (130, set())


def test_nobody_to_ask_is_an_error_with_the_way_out(cli: Cli) -> None:
    ran = cli.run("chain", "create", "mine")
    assert ran.code == 2
    assert "--yes" in ran.err.splitlines()[-1]


def test_a_silent_pipe_is_given_up(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ask, "SILENCE_S", 0.05)
    reading, writing = os.pipe()
    try:
        with os.fdopen(reading, encoding="utf-8") as stdin, pytest.raises(ask.NoAnswerError, match="silent"):
            ask.Asker(_quiet_output(), stdin, "").text("Name")
    finally:
        os.close(writing)


def _quiet_output() -> Any:
    import io

    from llmauto.cli.output import Output

    return Output(io.StringIO(), io.StringIO(), {})


def test_answers_may_come_by_a_pipe(cli: Cli) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "llmauto", "--home", str(cli.home), "chain", "create"],
        input="mine\nsingle-worker\n\n\n\n\n\n\n", text=True, encoding="utf-8", capture_output=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)}, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, cli.files()) == (0, {"chains/mine.json"}), done.stderr


def test_yes_asks_nothing_and_writes_the_named_template(cli: Cli) -> None:
    ran = cli.run("chain", "create", "mine", "--template", "review-once", "--yes")
    assert (ran.code, written(cli)["mode"]) == (0, "once")


def test_yes_without_a_name_says_what_is_missing(cli: Cli) -> None:
    ran = cli.run("chain", "create", "--yes")
    assert (ran.code, cli.files()) == (2, set())
    assert "needs a name" in ran.err


def test_a_wrong_template_gets_a_guess(cli: Cli) -> None:
    ran = cli.run("chain", "create", "mine", "--template", "single-wroker", "--yes")
    assert ran.code == 2
    assert 'did you mean "single-worker"?' in ran.err


@pytest.mark.parametrize(
    "name", ["../../x", "/abs", "a/b", "..", "", "\n", "CON", "x" * 300, "-rf", "é", "x."]
)
def test_names_that_lead_elsewhere_are_refused_and_nothing_is_made(cli: Cli, name: str) -> None:
    before = set(cli.folder.rglob("*"))
    for words in (
        ("create", "--yes", "--", name), ("copy", "--", "demo", name), ("copy", "--", name, "new"),
        ("delete", "--yes", "--", name),
    ):  # fmt: skip
        assert cli.run("chain", *words).code == 2, words
    assert cli.run("prompt", "new", "--", name).code == 2
    assert cli.run("prompt", "show", "--", name).code == 2
    assert set(cli.folder.rglob("*")) == before


def test_an_existing_chain_is_never_overwritten(cli: Cli) -> None:
    path = cli.chain("mine", "{}")
    ran = cli.run("chain", "create", "mine", "--yes")
    assert (ran.code, path.read_text(encoding="utf-8")) == (2, "{}")
    assert "exists" in ran.err or "already" in ran.err


def test_a_twin_that_differs_by_case_alone_is_refused(cli: Cli) -> None:
    cli.chain("mine")
    ran = cli.run("chain", "create", "Mine", "--yes")
    assert (ran.code, cli.files()) == (2, {"chains/mine.json"})
    assert "case alone" in ran.err


def test_a_shipped_name_may_be_taken_and_is_told(cli: Cli) -> None:
    ran = cli.run("chain", "create", "review-once", "--template", "review-once", "--yes")
    assert ran.code == 0
    assert "yours comes first" in ran.err


def test_what_the_loader_refuses_leaves_no_file_behind(cli: Cli) -> None:
    (cli.home / "templates").mkdir()
    bad = {"links": [{"name": "w", "modle": "x", "prompt": "do it"}], "max_rounds": 1}
    (cli.home / "templates" / "bad.json").write_text(json.dumps(bad), encoding="utf-8")
    ran = cli.run("chain", "create", "mine", "--template", "bad", "--yes")
    assert (ran.code, cli.files()) == (2, {"templates/bad.json"})
    assert "modle" in ran.err


def test_the_schema_of_a_private_home_stands_beside_its_config(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cli.home = tmp_path / "project" / ".llmauto"
    cli.home.mkdir(parents=True)
    assert cli.run("chain", "create", "mine", "--yes").code == 0
    assert written(cli)["$schema"] == "../chain.schema.json"
    assert (cli.home / "chain.schema.json").is_file()


def test_a_chains_folder_that_leads_out_of_the_home_is_not_written_through(cli: Cli, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (cli.home / "chains").rmdir()
    (cli.home / "chains").symlink_to(elsewhere, target_is_directory=True)
    ran = cli.run("chain", "create", "mine", "--yes")
    assert (ran.code, list(elsewhere.iterdir())) == (2, [])
    assert "leads out of the home" in ran.err
