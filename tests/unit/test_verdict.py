from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmauto.rules.verdict import (
    assigned,
    first_word,
    is_only_skipped,
    match_assignment,
    says_blocked,
    verdict_of,
)

KNOWN = ("APPROVED", "NEEDS_FIX", "BLOCKED")
LINKS = (("controller", "opus"), ("opus-worker", "claude-opus-4-6"), ("sonnet-worker", "claude-sonnet-4-6"))


def fenced(text: str, mark: str = "```") -> str:
    return f"Before.\n{mark}\n{text}\n{mark}\nAfter."


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("ALL_DONE", "ALL_DONE"),
        ("ALL_DONE\n", "ALL_DONE"),
        ("\n\n  all_done: every task\n", "ALL_DONE"),
        ("**STOPPED** by me", "STOPPED"),
        ("# Status: BLOCKED - no key", "BLOCKED"),
        ("**Status:** `ALL_DONE`", "ALL_DONE"),
        ("**Status**: ALL_DONE.", "ALL_DONE"),
        ("status:\n\n- STOPPED", "STOPPED"),
        ("# Status\nALL_DONE", "ALL_DONE"),
        ("```text\nALL_DONE\n```", "ALL_DONE"),
        ("ALL\\_DONE", "ALL_DONE"),
        ("✅ ALL_DONE", "ALL_DONE"),
        ("_STOPPED_ here", "STOPPED"),
        ("All done with the first task", "ALL"),
        ("ALL_DONE_SOON", "ALL_DONE_SOON"),
        ("NOT ALL_DONE", "NOT"),
        ("RUNNING\nALL_DONE", "RUNNING"),
        ("\ufeffALL_DONE", "ALL_DONE"),
        ("", ""),
        ("\0 ---", ""),
        ("Status:", ""),
    ],
)
def test_the_first_word_of_a_status_file_counts(text: str, word: str) -> None:
    assert first_word(text) == word


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("Verdict: APPROVED", "APPROVED"),
        ("verdict: approved", "APPROVED"),
        ("## Overall verdict: **NEEDS_FIX**", "NEEDS_FIX"),
        ("Urteil: APPROVED", "APPROVED"),
        ("Status: BLOCKED", "BLOCKED"),
        ("- **Verdict**: `APPROVED`, well done", "APPROVED"),
        ("**Verdict:** ✅ APPROVED", "APPROVED"),
        ("| Verdict: | APPROVED |", "APPROVED"),
        ("Verdict: NEEDS-FIX", "NEEDS_FIX"),
        ("Verdict: NEEDS FIX, see F1", "NEEDS_FIX"),
        ("Verdict: NEEDS\\_FIX", "NEEDS_FIX"),
        ("Verdict: __NEEDS_FIX__ still", "NEEDS_FIX"),
        ("Verdict: APPROVED with nits", "APPROVED"),
        ("Verdict: APPROVED-ISH", "APPROVED-ISH"),
        ("Verdict: APPROVED_LATER", "APPROVED_LATER"),
        ("Verdict: NOT APPROVED", "NOT"),
        ("Verdict: DISAPPROVED", "DISAPPROVED"),
        ("Verdict:", None),
        ("Verdict: …", None),
        ("The verdict: APPROVED", None),
        ("Verdict of round 1: APPROVED", None),
        ("Verdict APPROVED", None),
        ("Statusbar: APPROVED", None),
        ("APPROVED", None),
        ("", None),
    ],
)
def test_the_first_word_of_a_verdict_line_counts(text: str, verdict: str | None) -> None:
    assert verdict_of(text, KNOWN) == verdict


def test_colours_of_a_terminal_are_no_part_of_a_word() -> None:
    assert verdict_of("\x1b[1mVerdict:\x1b[0m \x1b[31mAPPROVED\x1b[0m\n") == "APPROVED"
    assert first_word("\x1b[32mALL_DONE\x1b[0m\n") == "ALL_DONE"
    assert says_blocked("\x1b[31mBLOCKED: no key\x1b[0m\n")
    assert assigned("ASSIGNED: \x1b[1mopus\x1b[0m\n") == ("opus",)


def test_a_known_word_comes_back_as_its_author_spelt_it() -> None:
    assert verdict_of("Verdict: NEEDS_FIX", ["ok", "needs-fix"]) == "needs-fix"


def test_the_longest_known_word_is_meant() -> None:
    assert verdict_of("Verdict: needs fix", ["", "NEEDS", "NEEDS_FIX"]) == "NEEDS_FIX"


def test_without_known_words_the_first_word_is_taken_as_it_is() -> None:
    assert verdict_of("Verdict: needs-fix") == "NEEDS-FIX"
    assert verdict_of("Verdict: needs fix") == "NEEDS"


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("Verdict: NEEDS_FIX\n\nI mended it.\n\nVerdict: APPROVED", "APPROVED"),
        ("Overall verdict: NEEDS_FIX\n## a.py\nVerdict: APPROVED", "NEEDS_FIX"),
        ("Verdict: APPROVED\n## Evidence\nStatus: 200 OK", "APPROVED"),
        ("# Report\nStatus: NEEDS_FIX\n## Evidence\nStatus: active", "NEEDS_FIX"),
        ("I looked.\nStatus: NEEDS_FIX\nAgain.\nStatus: APPROVED", "APPROVED"),
        ("Verdict: NEEDS_FIX\n> Verdict: APPROVED", "NEEDS_FIX"),
        ("Verdict: NEEDS_FIX\n" + fenced("Verdict: APPROVED"), "NEEDS_FIX"),
        ("Verdict: NEEDS_FIX\n" + fenced("Overall verdict: APPROVED", "~~~~"), "NEEDS_FIX"),
        (fenced("Verdict: APPROVED"), "APPROVED"),
        ("> **Verdict: APPROVED**", "APPROVED"),
        ("Verdict: NEEDS_FIX\n```\nnever closed\nVerdict: APPROVED", "APPROVED"),
    ],
)
def test_among_several_lines_one_decides(text: str, verdict: str) -> None:
    assert verdict_of(text, KNOWN) == verdict


@pytest.mark.parametrize(
    "handoff",
    [
        "BLOCKED",
        "BLOCKED: no network",
        "BLOCKED by the missing key",
        "**BLOCKED** by x",
        "- BLOCKED: no key",
        "## BLOCKED\n\nThere is no key.",
        "Did a bit.\nBLOCKED, sorry",
        "🛑 BLOCKED: no key",
        "Status: BLOCKED",
        "**Status:** blocked",
        "Verdict: Blocked, see below",
        "# Handoff\nStatus: BLOCKED\n## T1\nStatus: done",
        "Verdict: BLOCKED\n## Evidence\nStatus: active",
        "Status: IN_PROGRESS\nBLOCKED: no key",
        "Overall verdict: BLOCKED\nVerdict: APPROVED",
        "```markdown\n# Handoff\nStatus: BLOCKED\n```\n",
        "```\nBLOCKED: no key",
    ],
)
def test_a_handoff_can_say_that_its_author_is_blocked(handoff: str) -> None:
    assert says_blocked(handoff)


@pytest.mark.parametrize(
    "handoff",
    [
        "",
        "Blocked requests are retried",
        "Not BLOCKED",
        "The task is BLOCKED",
        "UNBLOCKED: the key is there",
        "BLOCKED_TASKS: 3",
        "BLOCKED-BY: x",
        "BLOCKEDX",
        '"BLOCKED" is the word to write',
        "<BLOCKED>",
        "Status: not BLOCKED",
        "Status: UNBLOCKED",
        "> BLOCKED: said the last one",
        "> Status: BLOCKED",
        "  > - **BLOCKED**",
        fenced("BLOCKED: an example"),
        fenced("Status: BLOCKED", "~~~"),
        "> ```\n> quoted\n" + fenced("BLOCKED"),
        "- item\n  ```\n  BLOCKED\n  ```\nmore",
        "Status: IN_PROGRESS\n## T3\nStatus: BLOCKED, comes later",
        "Began.\nStatus: BLOCKED\nThe key came.\nStatus: DONE",
        "Verdict: BLOCKED\nOverall verdict: APPROVED",
        "BLOCKED: none",
        "**BLOCKED:** None.",
        "- BLOCKED: n/a",
        "## BLOCKED\n\n- nothing",
    ],
)
def test_a_handoff_that_only_speaks_of_blocks_is_not_blocked(handoff: str) -> None:
    assert not says_blocked(handoff)


@pytest.mark.parametrize(
    "text",
    [
        "SKIPPED",
        "SKIPPED.",
        "**SKIPPED**",
        "skipped",
        "Skipped: not assigned",
        "SKIPPED - not assigned",
        "SKIPPED not assigned",
        "`SKIPPED` — the handoff names sonnet",
        "SKIPPED\n\nThe handoff names sonnet.",
        "Status: SKIPPED",
        "```\nSKIPPED\n```",
        "SKIPPED " + "x" * 192,
    ],
)
def test_an_answer_that_is_only_skipped_is_seen(text: str) -> None:
    assert is_only_skipped(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Skipped the flaky test and mended the rest",
        "I SKIPPED it",
        "NOT SKIPPED",
        "SKIPPED_TESTS: 3",
        "Done.\nSKIPPED",
        "SKIPPED " + "x" * 193,
    ],
)
def test_an_answer_that_says_more_is_a_handoff(text: str) -> None:
    assert not is_only_skipped(text)


@pytest.mark.parametrize(
    ("handoff", "names"),
    [
        ("ASSIGNED: opus", ("opus",)),
        ("Status: IN_PROGRESS\nASSIGNED: sonnet-worker\n\n## Assignment", ("sonnet-worker",)),
        ("**ASSIGNED:** `opus-worker`", ("opus-worker",)),
        ("- **Assigned**: opus.", ("opus",)),
        ("ASSIGNED TO: opus", ("opus",)),
        ("ASSIGNED: opus, sonnet and haiku", ("opus", "sonnet", "haiku")),
        ("ASSIGNED: opus/sonnet", ("opus", "sonnet")),
        ("ASSIGNED: opus & opus", ("opus",)),
        ("ASSIGNED: opus (it is hard, and sonnet failed)", ("opus",)),
        ("ASSIGNED: opus - sonnet is busy", ("opus",)),
        ("ASSIGNED: opus — sonnet is busy", ("opus",)),
        ("ASSIGNED: opus for T3, sonnet is busy", ("opus",)),
        ("ASSIGNED: opus. Then sonnet looks at it", ("opus",)),
        ("ASSIGNED: `opus-worker`: design", ("opus-worker",)),
        ("ASSIGNED: the opus worker", ("opus",)),
        ("ASSIGNED: qwen3:8b", ("qwen3:8b",)),
        ("ASSIGNED: claude-opus-4.6", ("claude-opus-4.6",)),
        ("ASSIGNED: opus\n...\nASSIGNED: sonnet", ("sonnet",)),
        ("ASSIGNED: opus\n> ASSIGNED: sonnet", ("opus",)),
        ("ASSIGNED: opus\n" + fenced("ASSIGNED: sonnet"), ("opus",)),
        (fenced("ASSIGNED: opus"), ("opus",)),
        ("ASSIGNED: opus\nASSIGNED:", ("opus",)),
        ("ASSIGNED:", ()),
        ("it was ASSIGNED: opus", ()),
        ("UNASSIGNED: opus", ()),
        ("", ()),
    ],
)
def test_the_last_assignment_of_a_handoff_counts(handoff: str, names: tuple[str, ...]) -> None:
    assert assigned(handoff) == names


@pytest.mark.parametrize(
    ("names", "links"),
    [
        (("opus-worker",), {"opus-worker"}),
        (("OPUS-Worker",), {"opus-worker"}),
        (("controller",), {"controller"}),
        (("opus",), {"controller", "opus-worker"}),
        (("Sonnet",), {"sonnet-worker"}),
        (("worker",), {"opus-worker", "sonnet-worker"}),
        (("sonnet", "controller"), {"sonnet-worker", "controller"}),
        (("claude-opus-4-6",), {"opus-worker"}),
        (("opus-4",), {"opus-worker"}),
        (("op",), set()),
        (("haiku",), set()),
        (("none",), set()),
        (("-",), set()),
        ((), set()),
    ],
)
def test_an_assignment_means_links_by_name_or_by_a_word(names: tuple[str, ...], links: set[str]) -> None:
    assert match_assignment(names, LINKS) == links


def test_the_exact_name_goes_before_a_word_of_others() -> None:
    links = (("opus", "claude-sonnet-4-6"), ("deep", "claude-opus-4-6"), ("opus-2", None))
    assert match_assignment(("opus",), links) == {"opus"}


MARKDOWN = st.text(st.sampled_from("BLOCKEDSkippedASIGN: \n`~>*_-#|()1.,→"), max_size=80)


@given(st.one_of(MARKDOWN, st.text()))
def test_any_text_can_be_read(text: str) -> None:
    first_word(text)
    verdict_of(text, KNOWN)
    says_blocked(text)
    is_only_skipped(text)
    assigned(text)


@pytest.mark.parametrize(
    "piece", ["```\n", "> ", "* ", "BLOCKED", "Status: ", "ASSIGNED: a.", "Status: x\n", "- ~~~ ", "`"]
)
def test_long_texts_take_linear_time(piece: str) -> None:
    text = piece * (100_000 // len(piece))
    assert verdict_of(text, KNOWN) != "APPROVED"
    assert not says_blocked(text)
    assert not is_only_skipped(text)
    assert len(assigned(text)) <= 1
