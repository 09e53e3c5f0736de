"""Which keys may a chain file have?"""

from __future__ import annotations

from typing import Any

from llmauto.authoring.compounds import Either, Items, Named, nullable, split, texts
from llmauto.authoring.fields import Field, Table
from llmauto.authoring.link_keys import (
    ARGUMENTS,
    DEFAULTS,
    ENTRY,
    ENV,
    FILLED,
    MOST_DOLLARS,
    MOST_TOKENS,
    PATH,
    TEXT,
)
from llmauto.authoring.shapes import Anything, Choice, Flag, Null, Number, Shape
from llmauto.model import Breakers, Mode, OnFailure, OnRunnerDeath, PoolKind, Quota, TaskPool

NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$(?!\n)"
HOURS = 3600.0
TEN_YEARS_H = 87_660
_COUNT = Number(most=1_000_000, whole=True)
_DAY_S = Number(most=86_400, unit="seconds")
_SHARE = Number(most=1)

_STREAK = Number(most=10_000, whole=True)
BREAKERS = Table(
    (
        Field(key="no_progress", shape=_STREAK, default=3, attr="no_progress", to=int,
              help="rounds in a row that change nothing"),
        Field(key="failures", shape=_STREAK, default=5, attr="failures", to=int,
              help="failed calls in a row"),
        Field(key="same_error", shape=_STREAK, default=3, attr="same_error", to=int,
              help="the same error in a row"),
        Field(key="denials", shape=_STREAK, default=2, attr="denials", to=int,
              help="rounds in a row in which the agent was denied what it needs"),
    ),
    "the breakers",
)  # fmt: skip

QUOTA = Table(
    (
        Field(key="reserve_5h", shape=_SHARE, default=0, attr="reserve_5h", to=float,
              help="the part of the 5-hour window that is kept for you, 0 to 1"),
        Field(key="reserve_7d", shape=_SHARE, default=0, attr="reserve_7d", to=float,
              help="the part of the 7-day window that is kept for you, 0 to 1"),
        Field(key="overage", shape=Choice(of=("stop", "allow")), default="stop", attr="overage_allowed",
              to=lambda word: word == "allow",
              help="what follows when a call would be charged beyond the plan"),
    ),
    "the quota",
)  # fmt: skip

_ELSEWHERE = "belongs in config.json and means nothing in a chain"
TELEGRAM = Table(
    (
        Field(key="enabled", shape=Flag(), default_words="as in config.json", attr="telegram_enabled",
              help="`false` keeps this chain silent"),
        Field(key="update_every_n_links", shape=_COUNT, default=0, attr="telegram_every_n_links", to=int,
              help="send a notice after every n-th link; 0 = never"),
        Field(key="bot_token_env", shape=TEXT, dead=_ELSEWHERE, help=""),
        Field(key="chat_id", shape=Anything(), dead=_ELSEWHERE, help=""),
    ),
    "the telegram settings",
)  # fmt: skip

SHUTDOWN = Table(
    (
        Field(key="max_consecutive_blocks", shape=_COUNT,
              default_words="the chain's `max_consecutive_blocks`",
              help="the older place of the chain's key of that name"),
        Field(key="stop_file", shape=Anything(), dead="means nothing now: the file is `state/<chain>/STOP`",
              help=""),
    ),
    "the shutdown settings",
)  # fmt: skip

POOL = Table(
    (
        Field(key="type", shape=Choice(of=tuple(kind.value for kind in PoolKind)), required=True,
              help="a checklist, a folder with one task a file, or issues"),
        Field(key="path", shape=PATH, help="the file or folder"),
        Field(key="pattern", shape=FILLED, default="*.md", help="which files of a folder are tasks"),
        Field(key="repo", shape=FILLED, help="owner/name"),
        Field(key="labels", shape=texts("labels"), default=[], help="labels that an issue must have"),
        Field(key="description", shape=TEXT, default="", help="for people"),
    ),
    "a task pool",
)  # fmt: skip

PROMPT = Table(
    (
        Field(key="type", shape=Choice(of=("file", "template", "inline")), required=True,
              help="which of the other keys holds the prompt"),
        Field(key="path", shape=PATH, help="the file, of type `file`"),
        Field(key="template", shape=FILLED, help="the text, of type `template`"),
        Field(key="content", shape=FILLED, help="the text, of type `inline`"),
        Field(key="description", shape=TEXT, help="for people"),
    ),
    "a prompt",
)  # fmt: skip
PROMPT_NEEDS = {"file": "path", "template": "template", "inline": "content"}


def _named(value: Shape, what: str) -> Named:
    words = f"the name of {what} (letters, digits, `.`, `_`, `-`)"
    return Named(value=value, key_pattern=NAME_PATTERN, key_words=words)


def _pools(value: dict[str, Any]) -> dict[str, TaskPool]:
    return {name: _pool(pool) for name, pool in value.items() if not name.startswith("_")}


def _pool(value: dict[str, Any]) -> TaskPool:
    return TaskPool(
        kind=PoolKind(value["type"]),
        path=value.get("path", ""),
        pattern=value.get("pattern", "*.md"),
        repo=value.get("repo", ""),
        labels=split(value.get("labels")),
        description=value.get("description", ""),
    )


def _part(table: Table, value: dict[str, Any]) -> dict[str, Any]:
    return {
        field.attr: field.model_value(value[field.key])
        for field in table.fields
        if field.key in value and field.attr
    }


def _as_tuple(value: Any) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)


PEOPLE = (
    Field(key="description", shape=TEXT, default="", attr="description", help="for people"),
    Field(key="chain_name", shape=TEXT, default="", attr="title",
          help="for people; the chain is called after its file"),
    Field(key="version", shape=TEXT, default="", attr="version", help="for people"),
)  # fmt: skip

BOUNDS = (
    Field(key="mode", shape=Choice(of=tuple(mode.value for mode in Mode)), default="loop", attr="mode",
          to=Mode,
          help="`loop` repeats, `once` and `deadend` are one pass, `conditional` repeats and follows routes"),
    Field(key="max_rounds", shape=_COUNT, default=0, attr="max_rounds", to=int,
          help="rounds after which the run ends; 0 = no limit"),
    Field(key="runtime_hours", shape=Number(most=TEN_YEARS_H, unit="hours"), default=0, attr="runtime_s",
          scale=HOURS, help="the run's own time after which it ends, pauses not counted; 0 = no limit"),
    Field(key="deadline", shape=nullable(TEXT), default_words="none",
          help="an ISO date (the end of that local day) or date and time"),
    Field(key="budget_usd", shape=nullable(Number(most=MOST_DOLLARS, unit="dollars")), attr="budget_usd",
          default_words="none", help="what the run may cost"),
    Field(key="budget_tokens", shape=nullable(Number(least=1, most=MOST_TOKENS, whole=True)),
          attr="budget_tokens", to=int, default_words="none", help="tokens that the run may use"),
    Field(key="max_consecutive_blocks", shape=_COUNT, default=5, attr="max_consecutive_blocks", to=int,
          help="links in a row that are blocked, after which the run ends; 0 = never"),
    Field(key="max_visits", shape=_COUNT, default=3, attr="max_visits", to=int,
          help="how often routes may lead to one link in a round; 0 = no bound"),
)  # fmt: skip

PLACES = (
    Field(key="workdir", shape=nullable(PATH), attr="workdir", default_words="the project's folder",
          help="the folder that agents work in"),
    Field(key="env", shape=ENV, default={}, help="variables for agents, over those of config.json"),
    Field(key="inputs", shape=_named(Either(of=(TEXT, Number(least=-1e15, most=1e15), Flag(), Null())),
                                     "an input"), default={},
          help="name → default for `{inputs.name}` in prompts; `null` must be given with `--set name=value`"),
    Field(key="defaults", shape=DEFAULTS, default={},
          help="settings for every link that does not have its own"),
    Field(key="prompts", shape=_named(Either(of=(FILLED, PROMPT)), "a prompt"), default={},
          help="name → text, or an object with `type`"),
    Field(key="links", shape=Items(item=ENTRY, least=1, what="an array of links"), required=True,
          default_words="must be given", help="the links, in the order in which they are played"),
)  # fmt: skip

FAILING = (
    Field(key="on_link_failure", shape=Choice(of=tuple(item.value for item in OnFailure)),
          attr="on_link_failure",
          to=OnFailure, default_words="`continue` for loops, `stop` for single passes",
          help="what follows when a link has failed for good"),
    Field(key="breakers", shape=BREAKERS, default={}, attr="breakers",
          to=lambda value: Breakers(**_part(BREAKERS, value)), default_words="see below",
          help="what ends a run that spins; 0 = this one is off"),
    Field(key="grace_seconds", shape=Number(most=3600, unit="seconds"), default=10, attr="grace_s",
          help="time that an agent gets between TERM and KILL"),
    Field(key="start_silence_seconds", shape=_DAY_S, default=120, attr="start_silence_s",
          help="silence after the start of a call that counts as stalled; 0 = never"),
    Field(key="stall_seconds", shape=_DAY_S, default=900, attr="stall_s",
          help="silence in a call that counts as stalled; 0 = never"),
    Field(key="on_runner_death", shape=Choice(of=tuple(item.value for item in OnRunnerDeath)),
          default="finish",
          attr="on_runner_death", to=OnRunnerDeath, help="what an agent does when the runner is gone"),
    Field(key="max_limit_wait_hours", shape=Number(most=24 * 31, unit="hours"), default=24,
          attr="max_limit_wait_s", scale=HOURS, help="how long the run waits for a usage limit to end"),
    Field(key="quota", shape=nullable(QUOTA), attr="quota",
          to=lambda value: Quota(**_part(QUOTA, value)) if value else None,
          default_words="off", help="what of the subscription is kept for you"),
    Field(key="canary", shape=Flag(), default=False, attr="canary",
          help="one cheap call before round 1 that proves that agents can work here"),
    Field(key="isolation", shape=nullable(Choice(of=("worktree",))), attr="isolation", default_words="off",
          help="run in a git worktree and branch of its own"),
)  # fmt: skip

AROUND = (
    Field(key="then", shape=nullable(TEXT), attr="then", default_words="none",
          help="the chain that is started next"),
    Field(key="on_end", shape=nullable(ARGUMENTS), attr="on_end", to=tuple, default_words="none",
          help="a command that is run at the end"),
    Field(key="notify", shape=nullable(texts("addresses")), attr="notify", to=split, default_words="none",
          help="where notices go besides Telegram"),
    Field(key="telegram", shape=TELEGRAM, default={}, help="notices of this chain"),
    Field(key="shutdown", shape=SHUTDOWN, default={}, help="in the form older chains have"),
    Field(key="parallel_workers", shape=Either(of=(Flag(), Number(most=64, whole=True))), default=0,
          attr="parallel_workers", to=int,
          help="how many workers are played at the same time; 0 = one by one"),
    Field(key="task_pools", shape=_named(POOL, "a task pool"), default={}, attr="task_pools", to=_pools,
          help="name → where tasks come from"),
    Field(key="selection_strategy", shape=nullable(TEXT), attr="selection_strategy", default_words="in order",
          help="which task of a pool is the next"),
)  # fmt: skip

_OLDER = "means nothing now"
OLDER = tuple(
    Field(key=key, shape=Anything(), help="", dead=dead)
    for key, dead in {
        "opus_deep_limit": f"{_OLDER}: say in the controller's prompt how often a worker may be assigned",
        "stop_criterion": f"{_OLDER}: a link ends the run by writing ALL_DONE into status.txt",
        "after_agent": f"{_OLDER}: make it a chain of its own",
        "projects": f"{_OLDER}: name the projects in the prompts",
        "research_root": f"{_OLDER}: name the folder in the prompts",
        "publisher_script": f"{_OLDER}: name the program in the prompts",
    }.items()
)

CHAIN = Table((*PEOPLE, *BOUNDS, *PLACES, *FAILING, *AROUND, *OLDER), "a chain", top=True)
