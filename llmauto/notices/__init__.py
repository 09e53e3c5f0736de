"""Which notifier does a run get?

No notice is of use without a token and somebody to write to: where these are missing nothing is sent, and
`problem` says so, as does the first notice's result. Where notices are off nothing is said.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from llmauto.notices.telegram import TelegramNotifier
    from llmauto.settings import Settings

CHANNEL = "telegram"


class NoNotices:
    """The `Notifier` that sends nothing. Where notices are wanted `problem` says why; results say it once."""

    def __init__(self, problem: str = "") -> None:
        self.problem = problem
        self._untold = problem
        self._results: list[tuple[str, bool, str]] = []

    def send(self, title: str, facts: Mapping[str, str]) -> None:
        """Hand nothing over."""
        if self._untold:
            self._results.append((CHANNEL, False, self._untold))
            self._untold = ""

    def results(self) -> Sequence[tuple[str, bool, str]]:
        """The problem, once there was something to send, and once only."""
        results, self._results = self._results, []
        return results

    def close(self, timeout_s: float) -> None:
        """Nothing is on its way."""


def notifier_for(
    settings: Settings, environ: Mapping[str, str], *, enabled: bool = True
) -> TelegramNotifier | NoNotices:
    """The notifier of these settings, for a chain that wants notices (`enabled`). Raises nothing."""
    telegram = settings.telegram
    if not (telegram.enabled and enabled):
        return NoNotices()
    # All of this only where notices are on.
    from llmauto.notices.address import AddressError, parse_address
    from llmauto.notices.outbox import Outbox
    from llmauto.notices.telegram import Bot, TelegramNotifier, token_problem
    from llmauto.rules.redaction import Redactor
    from llmauto.rules.secrets import Secret, secrets_in

    name, chat_id = telegram.bot_token_env, telegram.chat_id.strip()
    token = environ.get(name, "").strip()
    if not token:
        return NoNotices(f"no notices: `{name}` is not set, it has to hold the bot's token")
    if token_problem(token):
        return NoNotices(f"no notices: `{name}` holds {token_problem(token)}")
    if not chat_id:
        return NoNotices("no notices: `telegram.chat_id` is not set, it says who gets them")
    try:
        address = parse_address(telegram.api_url)
    except AddressError as error:
        return NoNotices(f"no notices: `telegram.api_url` {error}")
    clean = Redactor(secrets_in(environ, [Secret(token, name)])).text
    bot = Bot(address, token, chat_id, clean=clean)
    return TelegramNotifier(Outbox(CHANNEL, bot.deliver), clean=clean)
