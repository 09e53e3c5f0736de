"""Whether the recorded streams, by which the parser is tested, are what the CLI still prints."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence

import pytest

from tests.support import record_claude
from tests.support.claude_scenes import SCENES
from tests.support.claude_stage import Event, Played

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(os.name != "posix", reason="signals and named pipes are used"),
]

Play = Callable[[str], Played]


@pytest.mark.parametrize("name", sorted(SCENES))
def test_the_recorded_events_are_of_the_kinds_that_the_cli_still_prints(played: Play, name: str) -> None:
    recorded = record_claude.recording(name)
    assert played(name).run.exit_code == recorded.exit_code
    assert kinds(played(name).run.events) == kinds(recorded.events), (
        f"record it anew: python -m tests.support.record_claude {name}"
    )


def kinds(events: Sequence[Event]) -> set[tuple[object, ...]]:
    """Types, and the words by which a parser decides."""
    words = ("type", "subtype", "is_error", "api_error_status", "api_error", "error", "terminal_reason")
    return {tuple(event.get(word) for word in words) for event in events}
