"""Which keys may a rehearsal's script have?"""

from __future__ import annotations

from llmauto.authoring.chain_keys import NAME_PATTERN
from llmauto.authoring.compounds import Either, Items, Named, nullable, texts
from llmauto.authoring.fields import Field, Table
from llmauto.authoring.link_keys import FILLED, MOST_DOLLARS, ONE_MONTH_S, TEXT
from llmauto.authoring.shapes import Choice, Flag, Number, Text
from llmauto.outcomes import Outcome, StopReason

MOST_CALLS = 100_000
_WORD = Text(filled=True, pattern=r"^[A-Za-z0-9_-]+$", what="a verdict, one word")
_SECONDS = Number(most=ONE_MONTH_S, unit="seconds")
_DOLLARS = Number(most=MOST_DOLLARS, unit="dollars")

FINDING = Table(
    (
        Field(key="id", shape=FILLED, required=True, help="short and stable, as `F1`"),
        Field(key="severity", shape=Choice(of=("high", "medium", "low")), default="high", help="how bad"),
        Field(key="text", shape=FILLED, default="a finding", help="what it is"),
        Field(key="place", shape=TEXT, default="", help="where it is"),
    ),
    "a finding",
)

_SAID = (
    Field(key="verdict", shape=_WORD, default_words="none", help="the verdict of the agent"),
    Field(key="findings", shape=Items(item=Either(of=(FILLED, FINDING)), what="an array of findings"),
          default=[], help="what a structured review leaves open: ids, or objects"),
    Field(key="assigns", shape=texts("names"), default=[], help="whom a controller assigns"),
    Field(key="text", shape=TEXT, default_words="`done`", help="the agent's final text"),
    Field(key="handoff", shape=TEXT, default_words="one that says the verdict",
          help="what the agent writes into `handoff.md`"),
    Field(key="status", shape=Choice(of=("ALL_DONE", "STOPPED", "BLOCKED")), default_words="none",
          help="the word that the agent writes into `status.txt`"),
)  # fmt: skip

_ENDED = (
    Field(key="outcome", shape=Choice(of=tuple(outcome.value for outcome in Outcome)), default="done",
          help="how the call ends"),
    Field(key="message", shape=TEXT, default="", help="what went wrong"),
    Field(key="worked", shape=Flag(), default=True,
          help="whether the agent had begun to work: then its session goes on"),
    Field(key="resets_after_seconds", shape=_SECONDS, default_words="unnamed",
          help="of `limited`: when the limit ends, counted from the call's end"),
    Field(key="denials", shape=texts("tools"), default=[], help="tools that the agent was refused"),
    Field(key="changes", shape=Flag(), default=True, help="whether the call changes anything in the workdir"),
    Field(key="seconds", shape=_SECONDS, default=60,
          help="how long the call takes; of a gate, how long the person does"),
    Field(key="cost_usd", shape=nullable(_DOLLARS), default=0, help="what the call costs; `null` = unknown"),
)  # fmt: skip

_OTHERS = (
    Field(key="exit_code", shape=Number(most=255, whole=True), default=0, help="of a check"),
    Field(key="output", shape=TEXT, default="", help="what a check prints"),
    Field(key="answer", shape=Choice(of=("approve", "deny")), default_words="nobody answers",
          help="of a gate"),
    Field(key="reason", shape=TEXT, default="", help="why a gate is answered so"),
    Field(key="steer", shape=FILLED, default_words="none",
          help="what a person says meanwhile to the next agent"),
    Field(key="stop", shape=TEXT, default_words="none",
          help="a person asks for a stop meanwhile, for this reason"),
    Field(key="times", shape=Number(least=1, most=10_000, whole=True), default=1,
          help="how often this is played in a row"),
)  # fmt: skip

PLAY = Table((*_SAID, *_ENDED, *_OTHERS), "a play")

EXPECT = Table(
    (
        Field(key="stop_reason", shape=Choice(of=tuple(reason.value for reason in StopReason)),
              default_words="any", help="why the run ends"),
        Field(key="exit_code", shape=Number(most=255, whole=True), default_words="any",
              help="the run's exit code"),
        Field(key="rounds", shape=Number(most=1_000_000, whole=True), default_words="any",
              help="rounds that are finished at the end"),
        Field(key="calls", shape=Number(most=MOST_CALLS, whole=True), default_words="any",
              help="how many calls are made"),
        Field(key="path", shape=Items(item=FILLED, what="an array of links"), default_words="any",
              help="the links in the order in which they are visited"),
        Field(key="most_cost_usd", shape=_DOLLARS, default_words="any",
              help="what the run costs at the most"),
    ),
    "what is expected",
)  # fmt: skip

REHEARSAL = Table(
    (
        Field(key="description", shape=TEXT, default="", help="for people"),
        Field(key="plays", required=True,
              shape=Named(value=Items(item=PLAY, least=1, what="an array of plays"),
                          key_pattern=rf"{NAME_PATTERN}|^\*$", key_words="a link's name, or `*`"),
              help="link → what it does in each of its turns; the last is played again for ever. "
                   "`*` is any other link; without it, a link is just done"),
        Field(key="task", shape=TEXT, default="", help="as `--task` of `chain start`"),
        Field(key="inputs", shape=Named(value=TEXT, key_pattern="^", key_words="an input"), default={},
              help="as `--set` of `chain start`"),
        Field(key="rounds", shape=Number(least=1, most=1_000_000, whole=True),
              default_words="the chain's", help="as `--rounds` of `chain start`"),
        Field(key="budget_usd", shape=_DOLLARS, default_words="the chain's",
              help="as `--budget` of `chain start`"),
        Field(key="starts", shape=Number(least=1, most=1000, whole=True), default=1,
              help="how often the chain is started at the most, while its run is not finished"),
        Field(key="most_calls", shape=Number(least=1, most=MOST_CALLS, whole=True), default=1000,
              help="the rehearsal is given up after so many calls"),
        Field(key="expect", shape=EXPECT, default={}, help="how the run has to go: a difference is exit 1"),
    ),
    "a rehearsal",
    top=True,
)  # fmt: skip
