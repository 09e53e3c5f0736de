"""Plays `claude -p`: its flags, its sessions, its events on stdout, and its ways to fail.

Steps, beside those of `fake_steps`:

    {"say": "text", "cost": 0.4}        the final answer. Also: input, output, cache (tokens), turns,
                                        denied (names of tools), structured (an object)
    {"assistant": "text"}               something said on the way
    {"tool": "Write", "input": {…}}     a tool used, and its result
    {"limit": "You've hit your …", "resets_at": 1795561555, "window": "five_hour"}
    {"api_error": 529, "text": "API Error: 529 Overloaded.", "error": "server_error"}
    {"result": {…}}                     a result of your own, over the one of success
    {"event": {…}}                      any event

Failures end with exit code 1, or with the step's own `code`. As with the program of version 2.1.331,
`total_cost_usd` is the sum over the session, which is kept in the ledger.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

_VALUED = {
    "--agent",
    "--add-dir",
    "--allowedTools",
    "--append-system-prompt",
    "--append-system-prompt-file",
    "--disallowedTools",
    "--effort",
    "--fallback-model",
    "--json-schema",
    "--max-budget-usd",
    "--max-turns",
    "--mcp-config",
    "--model",
    "--output-format",
    "--permission-mode",
    "--resume",
    "--session-id",
    "--setting-sources",
    "--settings",
    "--system-prompt",
    "--tools",
}
_SHORT = {"-r": "--resume", "-p": "--print"}
NO_SESSION = "00000000-0000-4000-8000-000000000000"


def is_claude(argv: list[str]) -> bool:
    """Whether these arguments are those of `claude -p`."""
    return "-p" in argv or "--print" in argv


def parse(argv: list[str]) -> dict[str, str]:
    """The flags, each with its value ("" where it has none). Several values keep the first."""
    flags: dict[str, str] = {}
    words = iter(argv)
    for word in words:
        name, has_value, value = word.partition("=")
        name = _SHORT.get(name, name)
        if name in _VALUED:
            flags[name] = value if has_value else next(words, "")
        elif name.startswith("-"):
            flags[name] = ""
    return flags


class Claude:
    """One call. `ledger` holds the lines of the calls before it."""

    def __init__(self, argv: list[str], ledger: list[dict[str, Any]]) -> None:
        flags = parse(argv)
        self._resumed = flags.get("--resume", "")
        self._wanted = flags.get("--session-id", "")
        self.session = self._resumed or self._wanted or NO_SESSION
        self.model = flags.get("--model") or "claude-sonnet-5-5"
        self._form = flags.get("--output-format", "text")
        self._known = {str(line.get("session")) for line in ledger if line["event"] == "START"}
        self._has_ledger = bool(ledger)
        self.before = sum(
            float(line.get("cost", 0))
            for line in ledger
            if line.get("session") == self.session and self._resumed
        )
        self.cost = 0.0
        self._begun = False

    def refuse(self) -> int:
        """Exit code 1, and why on stderr, where the session cannot be had; else 0."""
        if self._wanted and self._wanted in self._known:
            sys.stderr.write(f"Error: Session ID {self._wanted} is already in use.\n")
            return 1
        if self._resumed and self._has_ledger and self._resumed not in self._known:
            text = f"No conversation found with session ID: {self._resumed}"
            sys.stderr.write(text + "\n")
            if self._form == "stream-json":
                self._emit(self._result(subtype="error_during_execution", is_error=True, errors=[text]))
            return 1
        return 0

    def step(self, step: dict[str, Any]) -> int | None:
        """Play the step, if it is one of claude's; its exit code then."""
        for name, act in STEPS.items():
            if name in step:
                self._begin()
                return act(self, step)
        return None

    # --- steps -----------------------------------------------------------------------------------

    def _say(self, step: dict[str, Any]) -> int:
        self.cost += float(step.get("cost", 0.0))
        self._assistant({"assistant": step["say"]})
        more: dict[str, Any] = {"structured_output": step["structured"]} if "structured" in step else {}
        denied = [
            {"tool_name": name, "tool_use_id": "toolu_0", "tool_input": {}} for name in step.get("denied", [])
        ]
        usage = _usage(step)
        self._finish(
            self._result(result=step["say"], usage=usage, permission_denials=denied, **more, turns=step)
        )
        return int(step.get("code", 0))

    def _assistant(self, step: dict[str, Any]) -> int:
        self._message({"type": "text", "text": step["assistant"]})
        return 0

    def _tool(self, step: dict[str, Any]) -> int:
        self._message(
            {"type": "tool_use", "id": "toolu_1", "name": step["tool"], "input": step.get("input", {})}
        )
        content = [{"type": "tool_result", "tool_use_id": "toolu_1", "content": step.get("output", "ok")}]
        self._emit({"type": "user", "message": {"role": "user", "content": content}, **self._ids()})
        return 0

    def _limit(self, step: dict[str, Any]) -> int:
        if step.get("resets_at") is not None:
            window, at = step.get("window", "five_hour"), step["resets_at"]
            windows = {window: {"utilization": 1, "resetsAt": at, "status": "rejected"}}
            info = {"status": "rejected", "resetsAt": at, "rateLimitType": window, "isUsingOverage": False}
            info["unifiedWindows"] = windows
            self._emit({"type": "rate_limit_event", "rate_limit_info": info, **self._ids()})
        return self._fail(step, 429, step["limit"], "rate_limit")

    def _api_error(self, step: dict[str, Any]) -> int:
        status = step["api_error"] or None
        text = step.get("text") or f"API Error: {status} failed"
        return self._fail(step, status, text, step.get("error", "server_error"))

    def _result_step(self, step: dict[str, Any]) -> int:
        self._finish({**self._result(), **step["result"]})
        return int(step.get("code", 1 if step["result"].get("is_error") else 0))

    def _event(self, step: dict[str, Any]) -> int:
        self._emit(step["event"])
        return 0

    # --- events ----------------------------------------------------------------------------------

    def _fail(self, step: dict[str, Any], status: int | None, text: str, error: str) -> int:
        self._message({"type": "text", "text": text}, error=error)
        self._finish(
            self._result(is_error=True, result=text, api_error_status=status, terminal_reason="api_error")
        )
        return int(step.get("code", 1))

    def _begin(self) -> None:
        if self._begun:
            return
        self._begun = True
        facts = {"cwd": str(Path.cwd()), "model": self.model, "tools": [], "permissionMode": "default"}
        self._emit(
            {"type": "system", "subtype": "init", **facts, "claude_code_version": "2.1.331", **self._ids()}
        )

    def _message(self, block: dict[str, Any], **more: object) -> None:
        message: dict[str, Any] = {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "model": self.model,
            "content": [block],
        }
        message["usage"] = {"input_tokens": 10, "output_tokens": 1}
        self._emit(
            {"type": "assistant", "message": message, "parent_tool_use_id": None, **more, **self._ids()}
        )

    def _result(self, turns: dict[str, Any] | None = None, **over: Any) -> dict[str, Any]:
        counts = {"num_turns": (turns or {}).get("turns", 1), "duration_ms": 100, "duration_api_ms": 50}
        used = {self.model: {"costUSD": round(self.cost, 6), "inputTokens": 10, "outputTokens": 5}}
        return {
            "type": "result",
            "subtype": "success",
            "is_error": False,
            "result": "",
            **counts,
            "total_cost_usd": round(self.before + self.cost, 6),
            "stop_reason": "end_turn",
            "terminal_reason": "completed",
            "api_error_status": None,
            "usage": _usage({}),
            "modelUsage": used,
            "permission_denials": [],
            "model_usage_since_last_result": used,
            **self._ids(),
            **over,
        }

    def _ids(self) -> dict[str, Any]:
        return {"session_id": self.session, "uuid": "00000000-0000-4000-8000-000000000001"}

    def _finish(self, result: dict[str, Any]) -> None:
        if self._form == "text":
            sys.stdout.write(str(result.get("result", "")) + "\n")
        elif self._form == "json":
            sys.stdout.write(json.dumps(result) + "\n")
        else:
            self._emit(result)

    def _emit(self, event: dict[str, Any]) -> None:
        if self._form == "stream-json":
            sys.stdout.write(json.dumps(event) + "\n")
            sys.stdout.flush()


def _usage(step: dict[str, Any]) -> dict[str, Any]:
    return {
        "input_tokens": step.get("input", 10),
        "output_tokens": step.get("output", 5),
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": step.get("cache", 0),
    }


STEPS: dict[str, Callable[[Claude, dict[str, Any]], int]] = {
    "say": Claude._say,
    "assistant": Claude._assistant,
    "tool": Claude._tool,
    "limit": Claude._limit,
    "api_error": Claude._api_error,
    "result": Claude._result_step,
    "event": Claude._event,
}
