"""What are the settings of a home, and where did each value come from?

config.json over built-in values, and over both the environment: `LLMAUTO_<KEY>`, for a key inside an
object `LLMAUTO_TELEGRAM_CHAT_ID`, for a backend's program `LLMAUTO_CLAUDE_PATH`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from llmauto.authoring.compounds import Either
from llmauto.authoring.config_keys import BACKEND, CONFIG, TELEGRAM
from llmauto.authoring.document import Document
from llmauto.authoring.fields import Field, Table
from llmauto.authoring.problems import Problems
from llmauto.authoring.reader import read_file
from llmauto.authoring.shapes import Flag, Number
from llmauto.backends import BUILT_IN as BUILT_IN_BACKENDS
from llmauto.backends import NOT_BUILT_YET
from llmauto.errors import ChainError
from llmauto.home import Home, shown

BUILT_IN = "built in"


@dataclass(frozen=True, slots=True, kw_only=True)
class TelegramSettings:
    """Where notices go. `bot_token_env` names the variable that holds the token."""

    enabled: bool = False
    bot_token_env: str = "TELEGRAM_BOT_TOKEN"
    chat_id: str = ""
    api_url: str = "https://api.telegram.org"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The settings of a home. `origins` says for every key where its value came from.

    `env` holds variables for all agents. `backend_paths` has the programs that are not the ones on
    PATH, by backend.
    """

    default_model: str | None = "claude-sonnet-4-6"
    default_permission_mode: str = "dontAsk"
    default_allowed_tools: tuple[str, ...] = ("Read", "Edit", "Write", "Bash", "Glob", "Grep")
    default_timeout_seconds: float = 7200.0
    telegram: TelegramSettings = field(default_factory=TelegramSettings)
    known_user_homes: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    keep_runs: int = 50
    daily_budget_usd: float | None = None
    keep_awake: bool = True
    git_checkpoints: bool = True
    backend_paths: Mapping[str, str] = field(default_factory=dict)
    origins: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


def load_settings(home: Home, environ: Mapping[str, str]) -> Settings:
    """The settings of `home`; a config.json need not exist.

    Raises:
        ChainError: config.json or a variable holds what cannot be; every mistake is named.
    """
    document = _document(home)
    mistakes: list[str] = []
    values = _checked(document, mistakes) if document else {}
    origins = _origins(document, values)
    _override(values, origins, environ, mistakes)
    if mistakes:
        raise ChainError("\n".join(mistakes), problems=tuple(mistakes))
    return _settings(values, origins)


def _document(home: Home) -> Document | None:
    try:
        home.config.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError:
        pass  # it is there and may not be looked at: reading it tells why
    return read_file(home.config, name=shown(home.config))


def _checked(document: Document, mistakes: list[str]) -> dict[str, Any]:
    problems = Problems(document)
    problems.judge(CONFIG)
    try:
        problems.raise_any()
    except ChainError as error:
        mistakes.extend(error.problems)
        return {}
    values = document.value
    assert isinstance(values, dict)
    return {key: value for key, value in values.items() if CONFIG.field(key)}


def _origins(document: Document | None, values: Mapping[str, Any]) -> dict[str, str]:
    origins = {}
    for table, prefix, given in (
        (CONFIG, (), values),
        (TELEGRAM, ("telegram",), values.get("telegram", {})),
    ):
        for key in table.known_keys():
            if key in ("telegram", "backends"):
                continue
            path = (*prefix, key)
            place = f"{document.name}:{document.place(path).line}" if document and key in given else BUILT_IN
            origins[".".join(path)] = place
    for name, backend in values.get("backends", {}).items():
        if document and backend.get("path"):
            path = ("backends", name, "path")
            origins[".".join(path)] = f"{document.name}:{document.place(path).line}"
    return origins


def _override(
    values: dict[str, Any], origins: dict[str, str], environ: Mapping[str, str], mistakes: list[str]
) -> None:
    """Put what the environment says over what the file says."""
    for keys, one in _overridable(values):
        variable = _variable(keys)
        text = environ.get(variable)
        if not text:
            continue
        value = _typed(one, text)
        mistakes.extend(f"`{variable}`: error: {message}" for _, message in one.shape.problems(value, ()))
        holder = values
        for key in keys[:-1]:
            holder[key] = dict(holder.get(key, {}))
            holder = holder[key]
        holder[keys[-1]] = value
        origins[".".join(keys)] = f"`{variable}`"


def _overridable(values: Mapping[str, Any]) -> list[tuple[tuple[str, ...], Field]]:
    found: list[tuple[tuple[str, ...], Field]]
    found = [((one.key,), one) for one in CONFIG.fields if one.key not in ("telegram", "backends", "env")]
    found += [(("telegram", one.key), one) for one in TELEGRAM.fields]
    backends = sorted({*BUILT_IN_BACKENDS, *NOT_BUILT_YET, *values.get("backends", {})})
    return found + [(("backends", name, "path"), BACKEND.fields[0]) for name in backends]


def _variable(keys: tuple[str, ...]) -> str:
    words = keys[1:] if keys[0] == "backends" else keys
    return "LLMAUTO_" + "_".join(words).upper().replace("-", "_")


def _typed(one: Field, text: str) -> Any:
    """The JSON value that a variable's text means for this key; the text itself where it means none."""
    if one.key == "known_user_homes":
        return text.split(os.pathsep)
    shapes = one.shape.of if isinstance(one.shape, Either) else (one.shape,)
    if isinstance(shapes[0], Flag):
        return {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}.get(
            text.strip().lower(), text
        )
    if isinstance(shapes[0], Number):
        for read in (int, float):
            try:
                return read(text)
            except ValueError:
                continue
    return text


def _settings(values: Mapping[str, Any], origins: Mapping[str, str]) -> Settings:
    telegram = TelegramSettings(**_known(TELEGRAM, values.get("telegram", {})))
    paths = {
        name: backend["path"] for name, backend in values.get("backends", {}).items() if backend.get("path")
    }
    plain = {key: value for key, value in values.items() if key not in ("telegram", "backends")}
    warnings: tuple[str, ...] = ()
    if telegram.enabled and not telegram.chat_id:
        where = origins["telegram.enabled"]
        warnings = (f"{where}: warning: notices are on, and there is no `telegram.chat_id` to send them to",)
    return Settings(
        telegram=telegram, backend_paths=paths, origins=origins, warnings=warnings, **_known(CONFIG, plain)
    )


def _known(table: Table, values: Mapping[str, Any]) -> dict[str, Any]:
    return {one.key: one.model_value(values[one.key]) for one in table.fields if one.key in values}
