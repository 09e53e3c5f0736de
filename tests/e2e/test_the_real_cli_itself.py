"""What the adapter for Claude Code relies on, asked of the real CLI: a failure means that it has changed.

Each test looks at one scene of `tests.support.claude_scenes`; a scene is played once in a session.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.claude_cli import VERSION
from tests.support.claude_scenes import BIG_PROMPT, LIMIT_TEXT
from tests.support.claude_stage import Event, Played

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(os.name != "posix", reason="signals and named pipes are used"),
]

Play = Callable[[str], Played]


# Good ends


def test_a_plain_answer_is_init_then_assistant_then_result(played: Play) -> None:
    run = played("success").run
    assert [(event["type"], event.get("subtype")) for event in run.events] == [
        ("system", "init"),
        ("assistant", None),
        ("result", "success"),
    ]
    assert (run.exit_code, run.result["is_error"], run.result["result"]) == (0, False, "Hello there.")


def test_init_names_version_model_session_and_folder(played: Play) -> None:
    scene = played("success")
    init = scene.run.of("system", "init")[0]
    assert init["claude_code_version"] == VERSION
    assert init["model"] == "claude-sonnet-4-6"
    assert init["cwd"] == str(scene.stage.cwd)
    assert init["session_id"] == scene.run.result["session_id"] == scene.requests[0].session


def test_one_request_goes_out_for_one_turn_and_nothing_else(played: Play) -> None:
    scene = played("success")
    assert [(request.path, request.stream) for request in scene.requests] == [
        ("/v1/messages?beta=true", True)
    ]
    assert scene.strays == ()


def test_an_allowed_tool_writes_its_file_under_dont_ask(played: Play) -> None:
    scene = played("write_file")
    assert (scene.stage.cwd / "note.txt").read_text(encoding="utf-8") == "hello\n"
    assert scene.run.result["permission_denials"] == []


def test_a_tool_that_is_not_allowed_is_listed_and_the_run_goes_on(played: Play) -> None:
    scene = played("denied")
    assert not (scene.stage.cwd / "note.txt").exists()
    assert (scene.run.exit_code, scene.run.result["is_error"]) == (0, False)
    assert [denial["tool_name"] for denial in scene.run.result["permission_denials"]] == ["Write"]
    assert isinstance(scene.run.of("system", "permission_denied")[0]["message"], str)


def test_one_mebibyte_of_prompt_arrives_to_the_byte(played: Play) -> None:
    request = played("big_prompt").requests[0]
    assert request.size > 1024 * 1024
    assert request.prompt_sha256 == hashlib.sha256(BIG_PROMPT.encode()).hexdigest()


def test_a_structured_answer_is_in_the_result_as_an_object(played: Play) -> None:
    result = played("structured").run.result
    assert result["structured_output"] == {"verdict": "APPROVED"}
    assert json.loads(result["result"]) == {"verdict": "APPROVED"}


def test_a_structured_answer_that_never_came_is_still_called_success(played: Play) -> None:
    run = played("structured_missing").run
    assert (run.exit_code, run.result["subtype"], run.result["is_error"]) == (0, "success", False)
    assert "structured_output" not in run.result


def test_a_background_task_brings_a_second_result_with_costs_of_its_own(played: Play) -> None:
    results = played("background_task").run.of("result")
    assert [result["result"] for result in results] == ["It runs in the background.", "It has ended."]
    assert [cost(result) for result in results] == pytest.approx([0.00021, 0.000105])


def test_what_a_subagent_says_carries_the_id_of_its_call(played: Play) -> None:
    run = played("subagent").run
    inner = [event for event in run.of("assistant") if event["parent_tool_use_id"]]
    assert {event["parent_tool_use_id"] for event in inner} == {"toolu_0001_1"}
    assert run.result["result"] == "The agent has looked."


def test_an_empty_answer_is_asked_for_once_more_and_then_a_success(played: Play) -> None:
    scene = played("empty_reply")
    assert len(scene.requests) == 2
    assert (scene.run.exit_code, scene.run.result["result"]) == (0, "")


def test_a_limit_text_that_the_model_says_is_a_success_for_the_cli(played: Play) -> None:
    run = played("limit_text").run
    assert (run.exit_code, run.result["is_error"], run.result["result"]) == (0, False, LIMIT_TEXT)


# Sessions and costs


def test_a_resumed_session_keeps_its_id_and_its_history(played: Play) -> None:
    scene = played("resumed")
    assert {run.result["session_id"] for run in scene.runs} == {scene.stage.session}
    assert scene.requests[1].prompts == ("Choose a word.", "Which word was it?")
    assert scene.requests[1].knows("The word is marble.")


def test_the_total_cost_is_the_sessions_and_the_costs_since_the_last_result_are_the_calls(
    played: Play,
) -> None:
    first, second = (run.result for run in played("resumed").runs)
    assert [first["total_cost_usd"], second["total_cost_usd"]] == pytest.approx([0.40, 0.80], abs=1e-4)
    assert [cost(first), cost(second)] == pytest.approx([0.40, 0.40], abs=1e-4)


def test_a_failed_call_can_be_gone_on_with_and_its_work_is_known(played: Play) -> None:
    scene = played("resumed_after_failure")
    assert [run.exit_code for run in scene.runs] == [1, 0]
    assert scene.requests[-1].prompts == ("Begin.", "You were interrupted. Go on.")
    assert scene.requests[-1].knows("worked")


def test_an_unknown_session_is_an_error_during_execution_that_names_it(played: Play) -> None:
    scene = played("unknown_session")
    assert scene.run.exit_code == 1
    assert [event["subtype"] for event in scene.run.events] == ["error_during_execution"]
    assert scene.run.result["errors"][0].startswith("No conversation found with session ID: ")
    assert scene.requests == ()


def test_a_session_id_that_was_used_is_refused_on_stderr_alone(played: Play) -> None:
    run = played("session_in_use").run
    assert (run.exit_code, run.stdout) == (1, "")
    assert run.stderr.endswith("is already in use.\n")


def test_an_unknown_flag_is_refused_on_stderr_alone(played: Play) -> None:
    run = played("bad_flag").run
    assert (run.exit_code, run.stdout, run.stderr) == (1, "", "error: unknown option '--no-such-flag'\n")


# Bounds and stops


def test_a_budget_is_overshot_by_one_turn_and_the_answer_is_lost(played: Play) -> None:
    run = played("over_budget").run
    assert (run.exit_code, run.result["subtype"]) == (1, "error_max_budget_usd")
    assert run.result["errors"] == ["Reached maximum budget ($0.01)"]
    assert "result" not in run.result
    assert run.result["total_cost_usd"] == pytest.approx(0.42, abs=1e-4)


def test_a_turn_more_than_allowed_is_an_error_of_its_own(played: Play) -> None:
    run = played("over_turns").run
    assert (run.exit_code, run.result["subtype"]) == (1, "error_max_turns")
    assert run.result["errors"] == ["Reached maximum number of turns (1)"]


def test_sigterm_ends_the_tool_too_and_leaves_no_result(played: Play) -> None:
    scene = played("terminated")
    assert scene.run.exit_code == 143
    assert scene.run.of("result") == ()
    assert not alive(scene.stage.cwd / "pid")


def test_sigterm_ends_a_call_that_waits_for_the_service(played: Play) -> None:
    run = played("terminated_in_silence").run
    assert (run.exit_code, run.of("result")) == (143, ())


def test_sigint_ends_with_exit_code_0_and_an_error_as_result(played: Play) -> None:
    scene = played("interrupted")
    assert (scene.run.exit_code, scene.run.result["subtype"]) == (0, "error_during_execution")
    assert scene.run.result["is_error"] is True
    assert not alive(scene.stage.cwd / "pid")


def cost(result: Event) -> float:
    """Of what happened since the result before."""
    return sum(float(model["costUSD"]) for model in result["model_usage_since_last_result"].values())


def alive(pid_file: Path) -> bool:
    """Whether the process whose id is in the file runs. A zombie does not."""
    pid = int(pid_file.read_text(encoding="ascii"))
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{pid}/stat")
    return not (stat.exists() and stat.read_text(encoding="ascii").rpartition(")")[2].split()[0] == "Z")
