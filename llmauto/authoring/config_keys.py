"""Which keys may config.json have?"""

from __future__ import annotations

from llmauto.authoring.compounds import Either, Items, Named, nullable, split, texts
from llmauto.authoring.fields import Field, Table
from llmauto.authoring.link_keys import ENV, FILLED, MODEL, MOST_DOLLARS, ONE_MONTH_S, PATH, TEXT
from llmauto.authoring.shapes import Flag, Number, Text

TELEGRAM = Table(
    (
        Field(key="enabled", shape=Flag(), default=False, help="send notices"),
        Field(key="bot_token_env",
              shape=Text(filled=True, pattern="^[A-Za-z_][A-Za-z0-9_]*$", what="a variable's name"),
              default="TELEGRAM_BOT_TOKEN",
              help="the variable that holds the bot's token; never the token itself"),
        Field(key="chat_id", shape=Either(of=(TEXT, Number(least=-1e15, most=1e15, whole=True))), default="",
              to=str, help="who gets the notices"),
        Field(key="api_url", shape=Text(pattern="^https?://", what="an address that begins with https://"),
              default="https://api.telegram.org", help="the address of the API"),
    ),
    "the telegram settings",
)  # fmt: skip

BACKEND = Table(
    (Field(key="path", shape=nullable(PATH), help="the program, where it is not the one on PATH"),),
    "a backend's settings",
)

CONFIG = Table(
    (
        Field(key="default_model", shape=nullable(MODEL), default="claude-sonnet-4-6",
              help="the model of links that name none; `null` is the CLI's own choice"),
        Field(key="default_permission_mode", shape=FILLED, default="dontAsk",
              help="the permission mode of links that name none"),
        Field(key="default_allowed_tools", shape=texts("tools"), to=split,
              default=["Read", "Edit", "Write", "Bash", "Glob", "Grep"],
              help="the tools of links that name none"),
        Field(key="default_timeout_seconds", shape=Number(most=ONE_MONTH_S, above=True, unit="seconds"),
              default=7200, to=float, help="how long one call may take where the link says nothing"),
        Field(key="telegram", shape=TELEGRAM, default={}, help="notices by Telegram"),
        Field(key="known_user_homes", shape=Items(item=PATH, what="an array of paths"), default=[], to=tuple,
              help="user homes of other machines; rewritten to this machine's in chains and prompts"),
        Field(key="env", shape=ENV, default={}, help="variables for the agents of all chains"),
        Field(key="keep_runs", shape=Number(most=1_000_000, whole=True), default=50, to=int,
              help="how many finished runs of a chain `llmauto clean` keeps; 0 = all"),
        Field(key="daily_budget_usd", shape=nullable(Number(most=MOST_DOLLARS, unit="dollars")), to=float,
              default_words="none", help="what all runs of this home may cost in 24 hours"),
        Field(key="keep_awake", shape=Flag(), default=True, help="keep the machine awake while a run is on"),
        Field(key="git_checkpoints", shape=Flag(), default=True,
              help="keep the workdir before and after each link, where it is in a git repository"),
        Field(key="backends", shape=Named(value=BACKEND, key_pattern="^[a-z][a-z0-9_-]*$(?!\\n)",
                                          key_words="the name of a backend"), default={},
              help="name → settings of that backend"),
    ),
    "config.json",
    top=True,
)  # fmt: skip
