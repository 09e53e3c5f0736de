"""Who may look and act? Whoever holds a key: the token of this start, or a session that it was changed for.

Keys travel in the header `Authorization` alone. There is no cookie: browsers send cookies of 127.0.0.1 to
every port of it, so any other user's server on this machine could collect them.
"""

from __future__ import annotations

import hashlib
import secrets
from hmac import compare_digest

CODE_S = 600.0
"""How long a one-time code may be used, in seconds."""
MOST_SESSIONS = 64
"""Sessions at the same time; past that the oldest ends."""


def _hash(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "replace")).digest()


class Keys:
    """The token (256 bits, new with each start), the codes that are out, and the open sessions.

    Only hashes are kept, but for the token: that is written to its file once, by whoever starts.
    """

    def __init__(self) -> None:
        self.token = secrets.token_urlsafe(32)
        self._token = _hash(self.token)
        self._codes: dict[bytes, float] = {}
        self._sessions: list[bytes] = []

    def new_code(self, now: float) -> str:
        """A code that opens one session within `CODE_S`. `now` is monotonic seconds."""
        code = secrets.token_urlsafe(24)
        self._codes[_hash(code)] = now + CODE_S
        return code

    def open_session(self, key: str, now: float) -> str | None:
        """A new session for the token, or for a code, which is then used up; None for anything else."""
        given = _hash(key)
        allowed = compare_digest(given, self._token)
        for code, until in list(self._codes.items()):
            if compare_digest(code, given):
                allowed = allowed or now <= until
                del self._codes[code]
            elif now > until:
                del self._codes[code]
        if not allowed:
            return None
        session = secrets.token_urlsafe(32)
        self._sessions.append(_hash(session))
        del self._sessions[:-MOST_SESSIONS]
        return session

    def close_session(self, key: str) -> None:
        """The session ends."""
        given = _hash(key)
        self._sessions = [one for one in self._sessions if not compare_digest(one, given)]

    def allows(self, authorization: str) -> bool:
        """Whether the header `Authorization` has a key that counts."""
        scheme, _, key = authorization.partition(" ")
        if scheme.lower() != "bearer" or not key:
            return False
        given = _hash(key.strip())
        found = compare_digest(given, self._token)
        for session in self._sessions:
            found |= compare_digest(given, session)
        return found
