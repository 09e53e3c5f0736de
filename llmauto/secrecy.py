"""Which secrets does this program know, and what takes them out of all that it writes?

It knows those of its own environment, notices' tokens among them, and those of the links' `env`. They are
taken out of the journal, the handoffs, the logs, the screen and the notices; out of agents' output the
keeper takes them before it is on disk. The finding of them is loaded only where there are any.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from llmauto.rules.cleaned import Clean, unchanged
from llmauto.rules.secrets import Secret, secrets_in

if TYPE_CHECKING:
    from llmauto.model import Chain
    from llmauto.rules.redaction import Redactor


def known_secrets(
    environ: Mapping[str, str], tokens: Collection[str] = (), chain: Chain | None = None
) -> tuple[Secret, ...]:
    """All secrets of a run. `tokens` names variables that hold one whatever they are called."""
    first = [Secret(environ[name], name) for name in tokens if environ.get(name)]
    for link in chain.links if chain is not None else ():
        first += secrets_in(link.env)
    return secrets_in(environ, first)


def redactor_for(secrets: Collection[Secret]) -> Redactor | None:
    """What takes these out; None where there are none."""
    if not secrets:
        return None
    from llmauto.rules.redaction import Redactor

    return Redactor(secrets)


def clean_with(redactor: Redactor | None) -> Clean:
    """The same for one text at a time."""
    return redactor.text if redactor is not None else unchanged
