"""What does every command start from: its words, its streams, the home, the settings, the journal?"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from llmauto.cli.output import Output

if TYPE_CHECKING:
    from argparse import Namespace
    from types import SimpleNamespace

    from llmauto.home import Home
    from llmauto.journal.sqlite import SqliteJournal
    from llmauto.ports import Clock
    from llmauto.settings import Settings


class Context:
    """One command's surroundings; home, settings and journal are looked up when first asked for."""

    def __init__(
        self,
        *,
        args: Namespace | SimpleNamespace,
        out: Output,
        environ: Mapping[str, str],
        clock: Clock | None = None,
    ) -> None:
        self.args = args
        self.out = out
        self.environ = environ
        self.clock = clock

    @cached_property
    def home(self) -> Home:
        """The home, by the rules of the contract's section 1."""
        from llmauto.home import find_home

        given = getattr(self.args, "home", None)
        return find_home(Path.cwd(), self.environ, Path(given) if given else None)

    @cached_property
    def settings(self) -> Settings:
        """The home's config.json over the built-in defaults, under the environment."""
        from llmauto.settings import load_settings

        return load_settings(self.home, self.environ)

    @cached_property
    def journal(self) -> SqliteJournal:
        """The home's journal; made when first written to."""
        from llmauto.journal.sqlite import SqliteJournal

        return SqliteJournal.open(self.home.journal)

    def close(self) -> None:
        """Let go of the journal, if it was opened."""
        journal: SqliteJournal | None = self.__dict__.get("journal")
        if journal is not None:
            journal.close()
