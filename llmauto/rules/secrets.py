"""Which values of an environment are secrets? How they are taken out of text, `rules.redaction` says.

A variable's name tells, its value's shape does too, and a URL may carry a password. What would do harm
if it were taken out everywhere is left: paths, numbers, plain words.

A keeper can load this file by its place: it imports nothing of `llmauto`, nothing heavy.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

SHORTEST = 8
"""Characters; what is shorter would be found in innocent text too."""
MOST = 64
"""Secrets at the most: each is searched for in all that an agent prints."""
_LONGEST = 1 << 14
"""Characters of a value that are looked at."""

_ENDS = (
    "KEY", "KEYS", "TOKEN", "TOKENS", "SECRET", "SECRETS", "PASSWORD", "PASSWORDS", "PASSWD", "PASSPHRASE",
    "CREDENTIAL", "CREDENTIALS", "CREDS", "AUTH",
)  # fmt: skip
"""A word of a name that ends so says that the value is secret."""
_WORDS = frozenset({"PAT", "PASS", "PWD", "JWT", "BEARER", "COOKIE", "AUTHORIZATION", "WEBHOOK"})
_OTHERWISE = frozenset((
    "DIR", "ENABLED", "ENDPOINT", "FILE", "HELPER", "HOME", "HOST", "LIMIT", "METHOD", "MODE", "NAME",
    "PATH", "PROVIDER", "SERVER", "SOCK", "SOCKET", "TYPE", "URI", "URL", "USER", "USERNAME",
))  # fmt: skip
"""Last words of a name that say that the value is about a secret, and none."""
_CHOSEN = ("PASS", "PWD", "PASSWORD", "PASSWORDS", "PASSWD", "PASSPHRASE", "SECRET", "CREDENTIAL")
"""What people make up themselves, so that it may be a word."""
_SHAPES = (
    "sk-", "sk_live_", "rk_live_", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "glpat-", "xoxb-",
    "xoxp-", "xoxa-", "xapp-", "AKIA", "ASIA", "AIza", "hf_", "npm_", "pypi-", "eyJ", "-----BEGIN ",
)  # fmt: skip
"""How the secrets of well-known services begin."""
_INNOCENT = frozenset((
    "anonymous", "assistant", "automatic", "changeme", "development", "disabled", "localhost", "optional",
    "password", "postgres", "production", "required", "undefined",
))  # fmt: skip
"""Words that stand where a secret would, and that text is full of."""


class Secret(str):
    """A secret's value, and the name of the variable that holds it ("" if none). Its `repr` hides it."""

    __slots__ = ("name",)
    name: str

    def __new__(cls, value: str, name: str = "") -> Secret:
        """A secret is text in all else."""
        self = super().__new__(cls, value)
        self.name = name
        return self

    def __repr__(self) -> str:
        return f"<secret {self.name}>" if self.name else "<secret>"


def secrets_in(environ: Mapping[str, str], extra: Iterable[str] = ()) -> tuple[Secret, ...]:
    """The secrets among the values of these variables, and `extra`, which are secrets in any case.

    Each is `SHORTEST` characters or longer and comes once, at most `MOST` come, `extra` first.
    """
    found: dict[str, Secret] = {}
    for value in extra:
        secret = Secret(value.strip(), getattr(value, "name", ""))
        found.setdefault(str(secret), secret)
    for name, value in environ.items():
        for part in _parts(name, value.strip()[:_LONGEST]):
            found.setdefault(part, Secret(part, name))
    return tuple(secret for value, secret in found.items() if len(value) >= SHORTEST)[:MOST]


def _parts(name: str, value: str) -> Iterator[str]:
    """What of this variable's value is secret: all of it, a password in it, or nothing."""
    words = _words(name)
    if _is_secret(words, value):
        yield value
    if "://" in value or "DSN" in words:
        yield from _in_address(value)
    for key, text in _fields(value):
        if _is_secret(_words(key), text):
            yield text
            scheme, _, rest = text.partition(" ")
            if scheme.lower() in ("bearer", "basic", "token"):
                yield rest.strip()


def _words(name: str) -> list[str]:
    return "".join(char if char.isalnum() else " " for char in name).upper().split()


def _is_secret(words: list[str], value: str) -> bool:
    if value.startswith(_SHAPES) and len(value) >= 16 and any(char.isdigit() for char in value):
        return True
    if not any(word.endswith(_ENDS) or word in _WORDS for word in words) or words == ["PWD"]:
        return False
    if "WEBHOOK" in words:
        return True
    return words[-1] not in _OTHERWISE and not _is_harmless(words, value)


def _is_harmless(words: list[str], value: str) -> bool:
    if not value.strip("0123456789.,:+-/ ") or len(set(value)) < 3:  # figures, dates, asterisks
        return True
    if value.lower() in _INNOCENT or "://" in value or _is_path(value):
        return True
    word = value.isalpha() and (value.islower() or value.isupper() or value.istitle())
    return word and not any(each.endswith(_CHOSEN) for each in words)


def _is_path(value: str) -> bool:
    if value[1:3] in (":\\", ":/") or value.startswith(("~/", "./", "../")):
        return True
    # One base64 text in 64 begins with a slash as well.
    return value.startswith("/") and not any(_is_random(part.rstrip("=")) for part in value.split("/"))


def _is_random(part: str) -> bool:
    kinds = {"u" if char.isupper() else "l" if char.islower() else "d" for char in part}
    return len(part) >= 12 and part.replace("+", "").isalnum() and len(kinds) == 3


def _in_address(value: str) -> Iterator[str]:
    """The password of `scheme://user:password@host`, and of the DSN `user:password@host`."""
    rest = value.partition("://")[2] or value
    who, at, _ = rest.partition("/")[0].rpartition("@")
    user, colon, password = who.partition(":")
    if not at or any(char.isspace() for char in who):
        return
    if colon:
        yield _unquoted(password if len(password) >= SHORTEST else who)
    elif len(user) >= 16 and any(char.isdigit() for char in user):
        yield user


def _unquoted(text: str) -> str:
    """`text` with each `%40` as the character that it stands for."""
    first, *rest = text.encode("utf-8", "surrogateescape").split(b"%")
    try:
        parts = [bytes.fromhex(part[:2].decode("ascii")) + part[2:] for part in rest]
    except ValueError:
        return text
    return b"".join([first, *parts]).decode("utf-8", "surrogateescape")


def _fields(value: str) -> Iterator[tuple[str, str]]:
    """The pairs in a connection string, in headers, in a URL's query, in JSON."""
    for sign in ";&?,{}\n":
        value = value.replace(sign, "\0")
    for field in value.split("\0"):
        ends = [at for at in (field.find("="), field.find(":")) if at > 0]
        if ends:
            yield field[: min(ends)], field[min(ends) + 1 :].strip(" \"'")
