"""What has one call of Claude Code said so far, as far as its judgement needs it? Bounded in size."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from llmauto.backends.base import TEXT_LIMIT
from llmauto.backends.jsonlines import Object, count_of, list_of, number_of, object_of, text_of
from llmauto.ports import Window

SYNTHETIC = "<synthetic>"
"""The model that the CLI names for texts of its own, API errors above all."""

LOOSE_LIMIT = 16 * 1024
"""Characters that are kept of what is no JSON: a limit or an error is shorter."""

_PER_PROCESS = (2, 1, 197)
"""Up to this version `total_cost_usd` counts one process; in 2.1.331 it counts the whole session, and there
`model_usage_since_last_result` has the call's own."""


@dataclass(slots=True, kw_only=True)
class Tokens:
    """A running sum. What is written to the cache counts as input, what is read from it apart."""

    input: int = 0
    output: int = 0
    cache: int = 0

    def add(self, other: Tokens) -> None:
        """Sum up."""
        self.input += other.input
        self.output += other.output
        self.cache += other.cache

    @property
    def counted(self) -> int:
        """What a cap counts."""
        return self.input + self.output


@dataclass(frozen=True, slots=True, kw_only=True)
class Final:
    """A `result` event. `is_error` is True where the event does not say plainly that it is none."""

    subtype: str
    is_error: bool
    text: str | None
    errors: str
    status: int | None
    terminal: str
    turns: int
    structured: object


def final_of(event: Object) -> Final:
    """The event as a value."""
    flag = event.get("is_error", False)
    status = number_of(event.get("api_error_status"))
    said = event.get("result")
    return Final(
        subtype=text_of(event.get("subtype", "success"), 200),
        is_error=flag is not False,
        text=text_of(said, TEXT_LIMIT) if isinstance(said, str) else None,
        errors=" · ".join(filter(None, (text_of(each, 2000) for each in list_of(event.get("errors"))[:5]))),
        status=int(status) if status is not None else None,
        terminal=text_of(event.get("terminal_reason"), 200),
        turns=count_of(event.get("num_turns")),
        structured=event.get("structured_output"),
    )


@dataclass(slots=True, kw_only=True)
class Seen:
    """The sum of a stream.

    `began`: the CLI came as far as its first event. `cost` is of this call, None while it is unknown.
    `error_kind` and `error_text` are of the last API error that it gave as a message of its own.
    """

    resumed: bool
    session: str = ""
    model: str = ""
    version: str = ""
    began: bool = False
    worked: bool = False
    final: Final | None = None
    after_final: bool = False
    results: int = 0
    turns: int = 0
    cost: float | None = None
    cost_unknown: bool = False
    tokens: Tokens = field(default_factory=Tokens)
    retries: int = 0
    error_kind: str = ""
    error_text: str = ""
    rejected: bool = False
    reset_at: float | None = None
    windows: tuple[Window, ...] = ()
    overage: bool = False
    denials: dict[str, None] = field(default_factory=dict)
    loose: str = ""
    last_loose: str = ""
    skipped_lines: int = 0

    def take_result(self, event: Object) -> None:
        """A `result`: the last one counts, but the costs of all."""
        self.final = final_of(event)
        self.after_final = False
        self.results += 1
        self.turns += self.final.turns
        self.session = text_of(event.get("session_id"), 200) or self.session
        since = event.get("model_usage_since_last_result")
        self._add_cost(event, since)
        self.tokens.add(_tokens(event, since))
        for denial in list_of(event.get("permission_denials"))[:100]:
            self.deny(text_of(object_of(denial).get("tool_name"), 100))

    def deny(self, tool: str) -> None:
        """A tool that was refused."""
        if tool and len(self.denials) < 100:
            self.denials[tool] = None

    def take_loose(self, text: str) -> None:
        """Something that is no JSON: the beginning is kept whole, and the last of it."""
        if len(self.loose) < LOOSE_LIMIT:
            self.loose = f"{self.loose}\n{text[:LOOSE_LIMIT]}".strip()
        self.last_loose = text[-1000:]

    def _add_cost(self, event: Object, since: object) -> None:
        if isinstance(since, dict):
            costs = [number_of(object_of(usage).get("costUSD")) for usage in since.values()]
            known = [cost for cost in costs if cost is not None]
            self.cost_unknown = self.cost_unknown or len(known) < len(costs)
            self.cost = (self.cost or 0.0) + sum(known)
            return
        total = number_of(event.get("total_cost_usd"))
        if total is None or (total > 0 and self.resumed and self._may_count_sessions()):
            self.cost_unknown = True
        else:
            self.cost = total  # a running sum of this process: the last one has the others in it

    def _may_count_sessions(self) -> bool:
        found = re.match(r"(\d{1,6})\.(\d{1,6})\.(\d{1,6})", self.version)
        return found is not None and tuple(map(int, found.groups())) > _PER_PROCESS


def _tokens(event: Object, since: object) -> Tokens:
    """Of all models, helpers' too, where the event says so; else the main model's."""
    if isinstance(since, dict) and since:
        sums = Tokens()
        for usage in map(object_of, since.values()):
            written = count_of(usage.get("cacheCreationInputTokens"))
            sums.add(
                Tokens(
                    input=count_of(usage.get("inputTokens")) + written,
                    output=count_of(usage.get("outputTokens")),
                    cache=count_of(usage.get("cacheReadInputTokens")),
                )
            )
        return sums
    return usage_of(event.get("usage"))


def usage_of(usage: object) -> Tokens:
    """A `usage` object of the Messages API."""
    said = object_of(usage)
    return Tokens(
        input=count_of(said.get("input_tokens")) + count_of(said.get("cache_creation_input_tokens")),
        output=count_of(said.get("output_tokens")),
        cache=count_of(said.get("cache_read_input_tokens")),
    )


def windows_of(info: Object) -> tuple[Window, ...]:
    """The usage windows of a `rate_limit_info`, those without a figure left out."""
    windows = []
    for name, state in list(object_of(info.get("unifiedWindows")).items())[:20]:
        used = number_of(object_of(state).get("utilization"))
        if used is not None:
            resets_at = number_of(object_of(state).get("resetsAt"))
            windows.append(Window(name=text_of(name, 100), used=used, resets_at=resets_at))
    return tuple(windows)
