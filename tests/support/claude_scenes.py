"""Which ends a call of the real CLI can come to: a small scene each, played by tests and by the recorder."""

from __future__ import annotations

import json
import signal
import tempfile
import time
import uuid
from collections.abc import Callable
from pathlib import Path

from tests.support.claude_stage import MODEL, Played, Stage
from tests.support.messages_api import (
    Drop,
    Fail,
    Hang,
    MessagesApi,
    Say,
    Turn,
    Use,
    dollars,
    quota,
    usage_limit,
)

SCHEMA = {"type": "object", "properties": {"verdict": {"type": "string"}}, "required": ["verdict"]}
LIMIT_TEXT = "You've hit your limit · resets 1pm (Europe/Lisbon)"
ALL_ALLOWED = ("--permission-mode", "bypassPermissions")

NO_CREDIT = (
    "Your credit balance is too low to access the Anthropic API. "
    "Please go to Plans & Billing to upgrade or purchase credits."
)
BROKEN_HISTORY = (
    "messages.2: `tool_use` ids were found without `tool_result` blocks immediately after: toolu_0001_1. "
    "Each `tool_use` block must have a corresponding `tool_result` block in the next message."
)
BIG_PROMPT = "All of this is one prompt. ä\n" * 36_200
"""A little over 1 MiB in UTF-8. The CLI takes up to 10 MB, but not more than the model's context."""
ROOMY_MODEL = "claude-opus-5-5"

Scene = Callable[[Stage], object]


def resets_at() -> int:
    """A full hour that is between one and two hours ahead, in Unix seconds."""
    return (int(time.time()) // 3600 + 2) * 3600


def play(name: str, base: Path) -> Played:
    """Play a scene in the empty folder `base`."""
    with MessagesApi() as api:
        stage = Stage(api, base)
        SCENES[name](stage)
        assert not api.mistakes, api.mistakes
        assert not api.unscripted, api.unscripted
        return stage.played()


def play_in_a_temporary_folder(name: str) -> Played:
    """Play a scene in a folder that is gone afterwards."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as base:
        return play(name, Path(base))


def answered(
    *turns: Turn, retries: int = 0, subscription: bool = False, flags: tuple[str, ...] = ()
) -> Scene:
    """The scene of one prompt that these turns answer."""

    def scene(stage: Stage) -> None:
        stage.api.on(*turns)
        stage.claude(
            "Do the task.",
            *flags,
            subscription=subscription,
            env={"CLAUDE_CODE_MAX_RETRIES": str(retries)},
        )

    return scene


def write_file(stage: Stage) -> None:
    note = {"file_path": str(stage.cwd / "note.txt"), "content": "hello\n"}
    stage.api.on(Use("Write", note, say="I write the note."), Say("Written."))
    stage.claude("Write a note.", "--permission-mode", "dontAsk", "--allowedTools", "Write")


def denied(stage: Stage) -> None:
    note = {"file_path": str(stage.cwd / "note.txt"), "content": "hello\n"}
    stage.api.on(Use("Write", note), Say("I was not allowed to write."))
    stage.claude("Write a note.", "--permission-mode", "dontAsk", "--allowedTools", "Read")


def resumed(stage: Stage) -> None:
    stage.api.on(Say("The word is marble.", usage=dollars(0.40)))
    stage.claude("Choose a word.", "--session-id", stage.session)
    stage.claude("Which word was it?", "--resume", stage.session)


def resumed_after_failure(stage: Stage) -> None:
    stage.api.on(Use("Bash", {"command": "echo worked"}), Fail(529))
    stage.claude("Begin.", "--session-id", stage.session, *ALL_ALLOWED)
    stage.api.on(Say("Finished."), when="interrupted")
    stage.claude("You were interrupted. Go on.", "--resume", stage.session, *ALL_ALLOWED)


def unknown_session(stage: Stage) -> None:
    stage.claude("Go on.", "--resume", str(uuid.uuid4()))


def session_in_use(stage: Stage) -> None:
    stage.api.on(Say("Hello."))
    stage.claude("Hello.", "--session-id", stage.session)
    stage.claude("Hello.", "--session-id", stage.session)


def big_prompt(stage: Stage) -> None:
    stage.api.on(Say("Read."))
    stage.claude(BIG_PROMPT, "--model", ROOMY_MODEL)


def prompt_over_context(stage: Stage) -> None:
    stage.claude(BIG_PROMPT)


def connection_refused(stage: Stage) -> None:
    with MessagesApi() as gone:
        url = gone.url
    stage.claude("Do the task.", env={"ANTHROPIC_BASE_URL": url})


def not_logged_in(stage: Stage) -> None:
    stage.claude("Do the task.", env={"ANTHROPIC_API_KEY": None})


def bad_flag(stage: Stage) -> None:
    stage.claude("Do the task.", "--no-such-flag")


def structured(stage: Stage) -> None:
    stage.api.on(Use("StructuredOutput", {"verdict": "APPROVED"}))
    stage.claude("Review.", "--json-schema", json.dumps(SCHEMA))


def structured_missing(stage: Stage) -> None:
    stage.api.on(Say("I answer in prose."))
    stage.claude("Review.", "--json-schema", json.dumps(SCHEMA))


def background_task(stage: Stage) -> None:
    run = {"command": "true; sleep 0.2", "description": "wait", "run_in_background": True}
    stage.api.on(Use("Bash", run), Say("It runs in the background."), Say("It has ended."))
    stage.claude("Start it.", *ALL_ALLOWED)


def subagent(stage: Stage) -> None:
    inner = {
        "description": "look",
        "prompt": "Look around.",
        "subagent_type": "general-purpose",
        "run_in_background": False,
    }
    stage.api.on(Use("Agent", inner), Say("The agent has looked."), when="Send an agent")
    stage.api.on(Use("Bash", {"command": "echo inside"}), Say("I looked."), when="Look around")
    stage.claude("Send an agent.", *ALL_ALLOWED)


def terminated(stage: Stage) -> None:
    """SIGTERM while a tool runs. The pid of the tool's process is left in `pid`."""
    _stopped_in_a_tool(stage, signal.SIGTERM)


def interrupted(stage: Stage) -> None:
    """SIGINT while a tool runs."""
    _stopped_in_a_tool(stage, signal.SIGINT)


def _stopped_in_a_tool(stage: Stage, by: signal.Signals) -> None:
    fifo = stage.fifo()
    stage.api.on(Use("Bash", {"command": f"echo $$ > '{fifo}'; exec sleep 60"}), Say("Slept."))
    process = stage.start(*ALL_ALLOWED)
    stage.say(process, "Sleep.")
    pid = stage.first_line(fifo)
    process.send_signal(by)
    stage.end(process)
    (stage.cwd / "pid").write_text(pid, encoding="ascii")


def terminated_in_silence(stage: Stage) -> None:
    """SIGTERM while the service has begun its answer and says no more."""
    stage.api.on(Hang("The answer begins and"))
    process = stage.start()
    stage.say(process, "Do the task.")
    stage.api.wait_for(1)
    process.send_signal(signal.SIGTERM)
    stage.end(process)


def within_the_plan(stage: Stage) -> None:
    stage.api.on(Say("Hello there.", headers=quota(resets_at(), {"5h": 0.42, "7d": 0.9})))
    stage.claude("Hello.", subscription=True)


def beyond_the_plan(stage: Stage) -> None:
    paid = quota(resets_at(), {"5h": 1.0}, status="rejected", overage="allowed")
    stage.api.on(Say("Hello there.", headers=paid))
    stage.claude("Hello.", subscription=True)


def usage_limit_5h(stage: Stage) -> None:
    stage.api.on(usage_limit(resets_at()))
    stage.claude("Hello.", subscription=True, env={"CLAUDE_CODE_MAX_RETRIES": "2"})


def usage_limit_7d(stage: Stage) -> None:
    stage.api.on(usage_limit(resets_at(), claim="seven_day"))
    stage.claude("Hello.", subscription=True)


def usage_limit_with_an_api_key(stage: Stage) -> None:
    stage.api.on(usage_limit(resets_at()))
    stage.claude("Hello.", env={"CLAUDE_CODE_MAX_RETRIES": "1"})


def overloaded_then_fine(stage: Stage) -> None:
    stage.api.on(Say("Done after all."))
    stage.api.next(Fail(529, "Overloaded"))
    stage.claude("Do the task.", env={"CLAUDE_CODE_MAX_RETRIES": "2"})


SCENES: dict[str, Scene] = {
    # Good ends
    "success": answered(Say("Hello there.")),
    "write_file": write_file,
    "denied": denied,
    "resumed": resumed,
    "resumed_after_failure": resumed_after_failure,
    "big_prompt": big_prompt,
    "structured": structured,
    "structured_missing": structured_missing,
    "background_task": background_task,
    "subagent": subagent,
    "within_the_plan": within_the_plan,
    "beyond_the_plan": beyond_the_plan,
    "empty_reply": answered(Say("")),
    "limit_text": answered(Say(LIMIT_TEXT)),
    "overloaded_then_fine": overloaded_then_fine,
    # Limits and overload
    "usage_limit_5h": usage_limit_5h,
    "usage_limit_7d": usage_limit_7d,
    "usage_limit_with_an_api_key": usage_limit_with_an_api_key,
    "rate_limited": answered(Fail(429)),
    "rate_limited_for_an_hour": answered(Fail(429, headers={"retry-after": "3600"}), retries=2),
    "overloaded": answered(Fail(529, "Overloaded")),
    "overloaded_retried": answered(Fail(529, "Overloaded"), retries=2),
    "server_error": answered(Fail(500, "Internal server error")),
    # The network
    "dropped": answered(Drop()),
    "dropped_midway": answered(Drop("The answer begins and")),
    "dropped_midway_retried": answered(Drop("The answer begins and"), retries=1),
    "connection_refused": connection_refused,
    "not_json": answered(Fail(200, body="<html>Please log in to this network</html>")),
    # Requests that no retry mends
    "auth_failed": answered(Fail(401, "invalid x-api-key")),
    "forbidden": answered(Fail(403, "Your account does not have access")),
    "not_logged_in": not_logged_in,
    "no_credit": answered(Fail(400, NO_CREDIT)),
    "no_model": answered(Fail(404, f"model: {MODEL}"), retries=2),
    "prompt_too_long": answered(Fail(400, "prompt is too long: 250000 tokens > 200000 maximum")),
    "prompt_over_context": prompt_over_context,
    "bad_request": answered(Fail(400, "messages.0: this field is not allowed")),
    "broken_history": answered(Fail(400, BROKEN_HISTORY)),
    "unknown_session": unknown_session,
    "session_in_use": session_in_use,
    "bad_flag": bad_flag,
    # Bounds of ours, and stops
    "over_budget": answered(Say("A dear answer.", usage=dollars(0.42)), flags=("--max-budget-usd", "0.01")),
    "over_turns": answered(
        Use("Bash", {"command": "true"}), Say("Done."), flags=("--max-turns", "1", *ALL_ALLOWED)
    ),
    "terminated": terminated,
    "terminated_in_silence": terminated_in_silence,
    "interrupted": interrupted,
}
