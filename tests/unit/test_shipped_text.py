"""Is what ships as text sound: do the chains parse, do the prompts exist and say what they must?"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
CHAINS = sorted((ROOT / "chains").glob("*.json"))
TEMPLATES = sorted((ROOT / "templates").glob("*.json"))
INIT = ROOT / "templates" / "init"
JSON_FILES = [*CHAINS, *TEMPLATES, ROOT / "config.json", *sorted(INIT.rglob("*.json"))]
PROMPTS = [*sorted((ROOT / "prompts").glob("*.txt")), *sorted((INIT / "prompts").glob("*.txt"))]

PLACEHOLDERS = {"HOME", "BASH_HOME", "CHAIN", "LINK", "ROLE", "RUN", "TASK", "ROUND"}
PLACEHOLDERS |= {"WORKDIR", "STATE", "HANDOFF", "STATUS"}
"""The words that are replaced in a prompt, but for `inputs.<name>` (contract, section 4)."""


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def read(path: Path) -> dict[str, Any]:
    data = json.loads(path.read_text(encoding="utf-8"))
    assert isinstance(data, dict)
    return data


def prompt_folders(chain: Path) -> list[Path]:
    own = [INIT / "prompts"] if INIT in chain.parents else []
    return [*own, ROOT / "prompts"]


def prompts_of(chain: Path) -> list[str]:
    """The prompts of its agents; checks and gates have none."""
    links = [link for link in read(chain)["links"] if link["role"] not in ("check", "gate")]
    return [link["prompt"] for link in links]


@pytest.mark.parametrize("path", JSON_FILES, ids=name_of)
def test_shipped_json_is_plain_and_names_its_schema(path: Path) -> None:
    assert re.fullmatch(r"\.\.?/(llmauto/)?(chain|config)\.schema\.json", read(path)["$schema"])


@pytest.mark.parametrize("path", [*CHAINS, *TEMPLATES, INIT / "chains" / "example.json"], ids=name_of)
def test_shipped_chains_say_what_they_do_and_name_each_link_once(path: Path) -> None:
    chain = read(path)
    names = [link["name"] for link in chain["links"]]
    assert chain["description"]
    assert len(names) == len(set(names)) > 0


@pytest.mark.parametrize("path", [*CHAINS, *TEMPLATES, INIT / "chains" / "example.json"], ids=name_of)
def test_shipped_chains_are_bounded_in_rounds_and_time(path: Path) -> None:
    chain = read(path)
    assert chain["runtime_hours"] > 0
    assert chain["mode"] == "once" or chain["max_rounds"] > 0


@pytest.mark.parametrize("path", [*CHAINS, *TEMPLATES, INIT / "chains" / "example.json"], ids=name_of)
def test_shipped_chains_that_cost_money_have_a_budget(path: Path) -> None:
    chain = read(path)
    assert chain.get("budget_usd", 0) > 0 or chain["defaults"]["backend"] == "demo"


@pytest.mark.parametrize("path", [*CHAINS, *TEMPLATES, INIT / "chains" / "example.json"], ids=name_of)
def test_every_prompt_that_a_shipped_chain_names_is_shipped(path: Path) -> None:
    for name in prompts_of(path):
        assert any((folder / name).is_file() for folder in prompt_folders(path)), name


@pytest.mark.parametrize("path", [*CHAINS, *TEMPLATES], ids=name_of)
def test_inputs_that_a_prompt_asks_for_are_declared_by_its_chain(path: Path) -> None:
    chain = read(path)
    for name in prompts_of(path):
        text = (ROOT / "prompts" / name).read_text(encoding="utf-8")
        assert set(re.findall(r"\{inputs\.(\w+)\}", text)) <= set(chain.get("inputs", {}))


@pytest.mark.parametrize("path", TEMPLATES, ids=name_of)
def test_templates_describe_themselves_in_one_line_for_the_menu(path: Path) -> None:
    line = read(path)["_template"]
    assert 0 < len(line) <= 90
    assert "\n" not in line


def test_each_role_that_needs_a_prompt_has_a_shipped_one() -> None:
    for role in ("worker", "reviewer", "controller"):
        assert (ROOT / "prompts" / f"{role}.txt").is_file()


@pytest.mark.parametrize("path", PROMPTS, ids=name_of)
def test_prompts_use_known_placeholders_alone(path: Path) -> None:
    for found in re.findall(r"\{+([^{}]*)\}+", path.read_text(encoding="utf-8")):
        assert found in PLACEHOLDERS or re.fullmatch(r"inputs\.\w+", found), found


@pytest.mark.parametrize("path", PROMPTS, ids=name_of)
def test_prompts_hold_nothing_that_a_cli_would_expand(path: Path) -> None:
    """Claude Code inlines `@path` and runs a prompt that begins with `/command`."""
    text = path.read_text(encoding="utf-8")
    assert "@" not in text
    assert not text.lstrip().startswith(("/", "!", "#"))


@pytest.mark.parametrize("path", PROMPTS, ids=name_of)
def test_prompts_say_where_the_task_and_the_handoff_are(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.count("{TASK}") == 1
    assert "may be empty" in text
    assert "{HANDOFF}" in text


@pytest.mark.parametrize("path", PROMPTS, ids=name_of)
def test_prompts_forbid_what_destroys_work(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert re.search(r"reset --hard|no checkout, reset", text)


@pytest.mark.parametrize("path", [p for p in PROMPTS if "review" in p.name], ids=name_of)
def test_reviewers_know_the_three_verdicts(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert all(verdict in text for verdict in ("Verdict:", "APPROVED", "NEEDS_FIX", "BLOCKED"))


def test_the_gitignore_of_a_project_covers_what_runs_write() -> None:
    lines = (INIT / "gitignore").read_text(encoding="utf-8").splitlines()
    assert {"/state/", "/logs/", "/calls/", "/journal.db*"} <= set(lines)
