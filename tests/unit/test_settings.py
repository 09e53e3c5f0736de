"""Are settings merged in the right order, and does each value know where it came from?"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from llmauto.authoring.config_keys import CONFIG, TELEGRAM
from llmauto.errors import ChainError
from llmauto.home import find_home
from llmauto.settings import Settings, TelegramSettings, load_settings


def settings(folder: Path, config: Any = None, environ: Mapping[str, str] | None = None) -> Settings:
    if config is not None:
        text = config if isinstance(config, str) else json.dumps(config, indent=1)
        (folder / "config.json").write_text(text, encoding="utf-8")
    return load_settings(find_home(folder, {}, folder), environ or {})


def test_a_home_without_a_config_has_the_built_in_values(tmp_path: Path) -> None:
    found = settings(tmp_path)
    assert found.default_model == "claude-sonnet-4-6"
    assert found.default_allowed_tools == ("Read", "Edit", "Write", "Bash", "Glob", "Grep")
    assert found.default_timeout_seconds == 7200
    assert set(found.origins.values()) == {"built in"}


def test_the_tables_defaults_are_those_of_the_values() -> None:
    for value, table in ((Settings(), CONFIG), (TelegramSettings(), TELEGRAM)):
        for one in table.fields:
            if one.key not in ("telegram", "backends"):
                assert one.model_value(one.default) == getattr(value, one.key), one.key


def test_every_setting_has_a_key_and_every_key_a_setting() -> None:
    keys = {one.key for one in CONFIG.fields}
    attributes = {one.name for one in fields(Settings)} - {"origins", "warnings"}
    assert attributes - {"backend_paths"} == keys - {"backends"}


def test_config_counts_over_built_in_values_and_says_its_line(tmp_path: Path) -> None:
    found = settings(tmp_path, {"default_model": "opus", "telegram": {"chat_id": -5}})
    assert (found.default_model, found.telegram.chat_id) == ("opus", "-5")
    assert found.default_permission_mode == "dontAsk"
    assert found.origins["default_model"].endswith("config.json:2")
    assert found.origins["telegram.chat_id"].endswith("config.json:4")


def test_the_environment_counts_over_config(tmp_path: Path) -> None:
    config = {"default_model": "opus", "backends": {"claude": {"path": "/a"}}}
    environ = {
        "LLMAUTO_DEFAULT_MODEL": "haiku",
        "LLMAUTO_TELEGRAM_CHAT_ID": "42",
        "LLMAUTO_TELEGRAM_ENABLED": "true",
        "LLMAUTO_DEFAULT_ALLOWED_TOOLS": "Read, Bash(git log, git diff)",
        "LLMAUTO_KEEP_RUNS": "7",
        "LLMAUTO_DAILY_BUDGET_USD": "2.5",
        "LLMAUTO_CLAUDE_PATH": "/b",
        "LLMAUTO_KNOWN_USER_HOMES": os.pathsep.join(["/home/x", "/home/y"]),
    }
    found = settings(tmp_path, config, environ)
    assert found.default_model == "haiku"
    assert found.telegram == TelegramSettings(enabled=True, chat_id="42")
    assert found.default_allowed_tools == ("Read", "Bash(git log, git diff)")
    assert (found.keep_runs, found.daily_budget_usd) == (7, 2.5)
    assert found.backend_paths == {"claude": "/b"}
    assert found.known_user_homes == ("/home/x", "/home/y")
    assert found.origins["default_model"] == "`LLMAUTO_DEFAULT_MODEL`"
    assert found.origins["backends.claude.path"] == "`LLMAUTO_CLAUDE_PATH`"


def test_all_mistakes_of_config_and_environment_are_told_at_once(tmp_path: Path) -> None:
    config = {"default_modell": "x", "default_timeout_seconds": True, "telegram": {"enabled": 1}}
    with pytest.raises(ChainError) as caught:
        settings(tmp_path, config, {"LLMAUTO_KEEP_RUNS": "-1", "LLMAUTO_KEEP_AWAKE": "perhaps"})
    told = "\n".join(caught.value.problems)
    assert 'config.json:2:2: error: unknown key `default_modell`, did you mean "default_model"?' in told
    assert "config.json:3:29: error: expected a number above 0 to 2,678,400 seconds, found `true`" in told
    assert "config.json:5:14: error: expected `true` or `false`, found `1` [telegram.enabled]" in told
    assert "`LLMAUTO_KEEP_RUNS`: error: expected a whole number from 0 to 1,000,000, found `-1`" in told
    assert "`LLMAUTO_KEEP_AWAKE`: error: expected `true` or `false`, found `perhaps`" in told


def test_notices_without_an_address_are_told(tmp_path: Path) -> None:
    (told,) = settings(tmp_path, {"telegram": {"enabled": True}}).warnings
    assert "config.json:3: warning: notices are on, and there is no `telegram.chat_id`" in told
    assert settings(tmp_path, {"telegram": {"enabled": True, "chat_id": "5"}}).warnings == ()


def test_a_config_that_is_no_object_is_told(tmp_path: Path) -> None:
    with pytest.raises(ChainError, match=r"config.json:1:1: error: expected config.json, found an array"):
        settings(tmp_path, "[1]")
