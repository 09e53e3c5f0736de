from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmauto.rules import secrets
from llmauto.rules.redaction import Redactor
from llmauto.rules.secrets import MOST, SHORTEST, Secret, secrets_in


def values(name: str, value: str) -> list[str]:
    return [str(secret) for secret in secrets_in({name: value})]


@pytest.mark.parametrize(
    "name",
    [
        "ANTHROPIC_API_KEY", "OPENAI_API_KEY", "AWS_SECRET_ACCESS_KEY", "AWS_ACCESS_KEY_ID", "GITHUB_PAT",
        "CLAUDE_CODE_OAUTH_TOKEN", "TELEGRAM_BOT_TOKEN", "DB_PASSWORD", "DB_PASS", "MYSQL_PWD", "PGPASSWORD",
        "client_secret", "SECRET_KEY_BASE", "GPG_PASSPHRASE", "SERVICE_CREDENTIALS", "BASIC_AUTH",
        "npm_config__authToken", "DOCKER_AUTH_CONFIG", "SESSION_COOKIE", "REDIS_PASSWD",
    ],
)  # fmt: skip
def test_the_name_of_a_variable_tells_that_its_value_is_secret(name: str) -> None:
    assert values(name, "x7Kq-93nd.lsP0") == ["x7Kq-93nd.lsP0"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PATH", "/usr/local/bin:/usr/bin"),
        ("PWD", "/home/someone/project"),
        ("PWD", "Z9:odd(name)42"),
        ("SSH_AUTH_SOCK", "/tmp/ssh-AbCdEf123456/agent.77"),
        ("GOOGLE_APPLICATION_CREDENTIALS", "/home/someone/key.json"),
        ("GOOGLE_APPLICATION_CREDENTIALS", "C:\\Users\\someone\\key.json"),
        ("SSH_KEY", "~/.ssh/id_ed25519"),
        ("API_KEY_FILE", "secrets-of-mine.txt"),
        ("MAX_THINKING_TOKENS", "31999000"),
        ("KEY_SINCE", "2031-01-02 03:04"),
        ("USE_AUTH", "true"),
        ("AUTH_MODE", "oauth-personal"),
        ("AUTH_KEY", "disabled"),
        ("DB_PASSWORD", "password"),
        ("DB_PASSWORD", "********"),
        ("SECRET_TOKEN", ""),
        ("API_KEY", "short"),
        ("TOKENIZERS_PARALLELISM", "something-long"),
        ("KEYBOARD_LAYOUT", "something-long"),
        ("GIT_AUTHOR_NAME", "Some Body Else"),
        ("COMPATIBILITY", "something-long"),
        ("API_TOKEN_URL", "https://example.org/token"),
        ("LS_COLORS", "*.key=00;36:*.pem=00;36"),
        ("PROMPT_KEY", "vimlike"),
        ("EDITOR_KEY", "automatically"),
    ],
)
def test_what_is_innocent_is_left_in_peace(name: str, value: str) -> None:
    assert values(name, value) == []


def test_a_password_may_be_a_word_and_a_token_may_look_like_a_path() -> None:
    assert values("DB_PASSWORD", "correcthorse") == ["correcthorse"]
    looks_like_a_path = "/wJalrXUtnFEMI0/K7MDENGbPxRfiCYz"
    assert values("AWS_SECRET_ACCESS_KEY", looks_like_a_path) == [looks_like_a_path]


@pytest.mark.parametrize(
    "value", ["sk-ant-api03-x7Kq93ndlsP0", "ghp_x7Kq93ndx7Kq93nd", "AKIAX7KQ93NDLSP0", "xoxb-1234-5678-abcd"]
)
def test_the_shape_of_a_value_tells_whatever_the_variable_is_called(value: str) -> None:
    assert values("SOMETHING", value) == [value]


@pytest.mark.parametrize(
    ("value", "secret"),
    [
        ("postgres://me:x7Kq93nd@db.example:5432/app", "x7Kq93nd"),
        ("postgres://me:x7Kq%40%2F93nd@db.example/app", "x7Kq@/93nd"),
        ("https://x-access-token:x7Kq93ndlsP0@git.example/a.git", "x7Kq93ndlsP0"),
        ("https://0a1b2c3d4e5f60718293a4b5c6d7e8f9@errors.example/42", "0a1b2c3d4e5f60718293a4b5c6d7e8f9"),
        ("redis://:x7Kq93nd@cache", "x7Kq93nd"),
        ("amqp://guest:guest@host", "guest:guest"),
        ("https://api.example/v1?limit=10&api_key=x7Kq93ndlsP0&x=1", "x7Kq93ndlsP0"),
        ("Server=db;User Id=app;Password=x7Kq93nd;", "x7Kq93nd"),
        ('{"user": "me", "client_secret": "x7Kq93nd"}', "x7Kq93nd"),
        ("X-Tool: mine\nX-Api-Key: x7Kq93ndlsP0", "x7Kq93ndlsP0"),
    ],
)
def test_a_secret_within_a_value_is_found_and_the_rest_is_not(value: str, secret: str) -> None:
    assert values("SOMETHING", value) == [secret]


@pytest.mark.parametrize(
    "value",
    [
        "https://git@example.org/a.git",
        "https://example.org:8080/@scope/pkg",
        "a@b.example",
        "https://x/%zz?a=b",
        "://@",
    ],
)
def test_an_address_without_a_password_holds_no_secret(value: str) -> None:
    assert values("SOMETHING", value) == []


def test_a_dsn_needs_no_scheme() -> None:
    assert values("MYSQL_DSN", "root:x7Kq93nd@tcp(db:3306)/app") == ["x7Kq93nd"]


def test_of_a_header_what_stands_behind_its_scheme_is_a_secret_too() -> None:
    assert values("CUSTOM_HEADERS", "Authorization: Bearer x7Kq93nd") == ["Bearer x7Kq93nd", "x7Kq93nd"]


def test_a_webhooks_address_is_a_secret_as_a_whole() -> None:
    address = "https://hooks.example/services/T0/B0/x7Kq93nd"
    assert values("TEAM_WEBHOOK_URL", address) == [address]


def test_white_space_around_a_secret_is_none_of_it() -> None:
    assert values("API_KEY", " x7Kq93nd\n") == ["x7Kq93nd"]


def test_what_is_given_beside_the_environment_comes_first_and_once() -> None:
    found = secrets_in({"API_KEY": "x7Kq93nd"}, [Secret("x7Kq93nd", "BOT"), "abcdefgh", "short"])
    assert [(str(secret), secret.name) for secret in found] == [("x7Kq93nd", "BOT"), ("abcdefgh", "")]


def test_there_are_never_more_secrets_than_can_be_looked_for() -> None:
    assert len(secrets_in({f"API_KEY_{number}_TOKEN": f"x7Kq93nd{number}" for number in range(500)})) == MOST


@given(st.dictionaries(st.text(max_size=20), st.text(max_size=60), max_size=5))
def test_no_environment_is_too_odd(environ: dict[str, str]) -> None:
    assert all(len(secret) >= SHORTEST for secret in secrets_in(environ))


def test_no_secret_shows_in_a_repr() -> None:
    found = secrets_in({"API_KEY": "x7Kq93nd"}, ["abcdefgh"])
    assert repr(found) == "(<secret>, <secret API_KEY>)"
    assert f"{found[1]!r}" == "<secret API_KEY>"


def test_a_secret_can_be_copied_with_its_name() -> None:
    secret = Secret("x7Kq93nd", "API_KEY")
    for twin in (copy.copy(secret), pickle.loads(pickle.dumps(secret))):
        assert (str(twin), twin.name) == ("x7Kq93nd", "API_KEY")


def test_a_redactor_names_the_variable() -> None:
    redactor = Redactor(secrets_in({"GITHUB_TOKEN": "x7Kq93nd"}))
    assert redactor.text("push with x7Kq93nd failed") == "push with [redacted GITHUB_TOKEN] failed"


def test_the_file_works_without_the_package_and_loads_nothing_heavy() -> None:
    code = (
        "import sys; space = {'__name__': 'alone'}; exec(open(sys.argv[1], encoding='utf-8').read(), space);"
        "assert space['secrets_in']({'API_KEY': 'x7Kq93nd'})[0].name == 'API_KEY';"
        "print(*sorted({'re', 'typing', 'enum', 'dataclasses', 'json', 'collections'} & set(sys.modules)))"
    )
    argv = [sys.executable, "-I", "-S", "-c", code, str(Path(secrets.__file__))]
    done = subprocess.run(argv, capture_output=True, text=True, check=True, timeout=30)
    assert done.stdout.strip() == ""
