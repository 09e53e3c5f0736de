"""What does an agent's text say to the engine: a status, a verdict, a block, a skip, an assignment?

A status or verdict line is a line whose text, without Markdown marks, begins with `Status:`,
`Verdict:`, `Overall verdict:` or `Urteil:`, in any case; its first word counts (contract §5).

Agents quote: earlier reports, output of programs, the instructions they were given. What stands in
a fenced block or behind `>` is *set off*; what an agent says in its own lines goes before that. A
fence around the text as a whole sets nothing off, nor does one that is never closed.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from itertools import pairwise
from typing import NamedTuple

from llmauto.rules.text import plain, without_markdown

BLOCKED = "BLOCKED"
# A report may say in one sentence why it skipped; longer text has more to pass on.
LONGEST_SKIP = 200

_FENCE = re.compile(r"\s*(?:[-*+]\s+)?(`{3,}(?=[^`]*$)|~{3,})\s*(\S*)")
_LABEL = re.compile(r"(overall\s+verdict|verdict|urteil|status)[\s*_`~]*[::]", re.IGNORECASE)
_STATUS = re.compile(r"status(?:[\s*_`~]*[::]|$)", re.IGNORECASE)
_ASSIGNED = re.compile(r"assigned(?:\s+to)?[\s*_`~]*[::]", re.IGNORECASE)
_WORD = re.compile(r"[^\W_][\w-]*")
_SKIPPED = re.compile(r"SKIPPED(?![\w-]*[^\W_])|(?i:skipped)(?=[\s*_`~]*(?:$|[-–—:;.,(!]))")
# In a sentence "Blocked requests are retried" the word is no statement: in front of a line it has to
# be written in capitals. "BLOCKED: none" states the contrary.
_BLOCKED = re.compile(r"[^\w\"'“”„‚‘’(\[{<]*BLOCKED(?![\w-]*[^\W_])[\W_]*")
_NOTHING = re.compile(r"(?:none|no|nothing|nobody|n/?a|nil|0|keine?r?|nichts|nein)[\W_]*", re.IGNORECASE)

_RANKS = {"status": 0, "verdict": 1, "urteil": 1}
_OVERALL = 2

_BRACKETS = re.compile(r"\([^()]*\)|\[[^\[\]]*\]")
_REASON = re.compile(r"[;—–→]|[-=]+>|\s-+\s|[:.!](?!\w)")
_BETWEEN_NAMES = re.compile(r"[,&+/|]|\s(?:and|or|und|oder)\s", re.IGNORECASE)
_NAME = re.compile(r"[^\W_](?:[\w.:-]*[^\W_])?")
_FILLERS = frozenset({"the", "to", "both"})


class _Line(NamedTuple):
    """One line without its Markdown. `at_head`: only headings and empty lines stand before it."""

    text: str
    set_off: bool
    at_head: bool


class _Said(NamedTuple):
    """One status or verdict line: what stands behind the colon, and how much its label weighs."""

    rest: str
    rank: int
    line: _Line


def first_word(status_text: str) -> str:
    """The first word of a `status.txt` in capitals, Markdown and a leading `Status:` aside; "" if none."""
    for raw in _uncoloured(status_text.lstrip()[:4096]).splitlines():
        line = without_markdown(raw)
        label = _STATUS.match(line)
        word = "" if _FENCE.match(raw) else _word(line[label.end() :] if label else line)
        if word:
            return word
    return ""


def verdict_of(text: str, known: Collection[str] = ()) -> str | None:
    """The verdict of a report, in capitals; None where it has no status or verdict line.

    The last line counts, since a report ends with its judgement; an overall verdict goes before
    single ones, a verdict before a status, and a status at the head of the text speaks for the
    whole. One of the `known` words is returned as it is spelt there, however it was written in
    the text: `NEEDS-FIX`, `needs fix` and `NEEDS\\_FIX` are all `NEEDS_FIX`.
    """
    said = _deciding(_said(text))
    if said is None:
        return None
    rest = said.rest.replace("\\_", "_")
    longest_first = sorted(filter(_word, known), key=len, reverse=True)
    return next((word for word in longest_first if _spelt(word).match(rest)), None) or _word(rest)


def says_blocked(handoff: str) -> bool:
    """True if its author is blocked: the status or the verdict says so, or a line begins with BLOCKED.

    Lines that are set off do not count. In a status or verdict line the word may be written in any
    case; at the beginning of another line it counts in capitals alone, and not where it is all that
    is said of it that there is none.
    """
    own = [line for line in _lines(handoff) if not line.set_off]
    said = [said for said in _said(handoff) if not said.line.set_off]
    statuses = [one for one in said if one.rank == 0]
    verdicts = [one for one in said if one.rank > 0]
    deciding = [one for one in (_deciding(statuses), _deciding(verdicts)) if one]
    if any(_word(one.rest) == BLOCKED for one in deciding):
        return True
    texts = [line.text for line in own] + [""]
    return any(_states_block(text, after) for text, after in pairwise(texts))


def is_only_skipped(text: str) -> bool:
    """True if the text as a whole is SKIPPED, with no more than a short reason behind it."""
    if len(text.strip()) > LONGEST_SKIP:
        return False
    first = next((line.text for line in _lines(text)), "")
    label = _STATUS.match(first)
    return bool(_SKIPPED.match(without_markdown(first[label.end() :] if label else first)))


def assigned(handoff: str) -> tuple[str, ...]:
    """Whom the last `ASSIGNED:` line of a handoff names; empty where there is none.

    Names are separated by commas, slashes or "and"; a remark behind them is no name.
    """
    found = [(line, match) for line in _lines(handoff) if (match := _ASSIGNED.match(line.text))]
    rests = [(line.set_off, _names(line.text[match.end() :])) for line, match in found]
    own = [names for set_off, names in rests if names and not set_off]
    return (own or [names for _, names in rests if names] or [()])[-1]


def match_assignment(assigned: Sequence[str], links: Sequence[tuple[str, str | None]]) -> frozenset[str]:
    """The names of the links that an assignment means; empty if it means nobody.

    `links` are pairs of name and model. A link's exact name goes first, in any case; else a link is
    meant by a word of its name or model ("opus" means `opus-worker`, and any link with an Opus).
    """
    meant: set[str] = set()
    for name in assigned:
        exact = {link for link, _ in links if link.casefold() == name.casefold()}
        words = _words(name)
        meant |= exact or {
            link for link, model in links if words and words <= _words(link) | _words(model or "")
        }
    return frozenset(meant)


def _lines(text: str) -> list[_Line]:
    """The lines of `text` that say something, fences left out."""
    raws = _uncoloured(text).splitlines()
    fenced, fences = _fenced(raws)
    lines: list[_Line] = []
    at_head = True
    for number, raw in enumerate(raws):
        line = without_markdown(raw)
        if not line or number in fences:
            continue
        quoted = raw.lstrip().startswith(">")
        lines.append(_Line(line, number in fenced or quoted, at_head))
        at_head = at_head and raw.lstrip().startswith("#")
    return lines


def _uncoloured(text: str) -> str:
    """A line that was copied from a terminal says what it looks like there."""
    return plain(text) if "\x1b" in text else text


def _fenced(raws: list[str]) -> tuple[set[int], set[int]]:
    """The numbers of the lines inside closed fences, and of the fences themselves."""
    fenced: set[int] = set()
    fences: set[int] = set()
    filled = [number for number, raw in enumerate(raws) if raw.strip()]
    opened: tuple[int, str] | None = None
    for number, raw in enumerate(raws):
        match = _FENCE.match(raw)
        if match is None:
            continue
        mark, info = match.group(1), match.group(2)
        if opened is None:
            opened = (number, mark)
        elif mark.startswith(opened[1]) and not info:
            fences |= {opened[0], number}
            if (opened[0], number) != (filled[0], filled[-1]):
                fenced |= set(range(opened[0] + 1, number))
            opened = None
    return fenced, fences


def _said(text: str) -> list[_Said]:
    said = []
    for line in _lines(text):
        label = _LABEL.match(line.text)
        if label and _word(line.text[label.end() :]):
            rank = _RANKS.get(label.group(1).casefold(), _OVERALL)
            said.append(_Said(line.text[label.end() :], rank, line))
    return said


def _deciding(said: list[_Said]) -> _Said | None:
    """The line that counts among several."""
    if not said:
        return None
    own = [one for one in said if not one.line.set_off] or said
    best = max(one.rank for one in own)
    candidates = [one for one in own if one.rank == best]
    heads = [one for one in candidates if one.line.at_head and best == 0]
    return heads[0] if heads else candidates[-1]


def _states_block(line: str, after: str) -> bool:
    match = _BLOCKED.match(line)
    return match is not None and not _NOTHING.fullmatch(line[match.end() :] or after)


def _word(text: str) -> str:
    """The first word in capitals; marks, symbols and quotation marks before it do not count."""
    match = _WORD.search(text.replace("\\_", "_"))
    return match.group().rstrip("_-").upper() if match else ""


def _spelt(word: str) -> re.Pattern[str]:
    """Finds `word` as the first one, with any separators between its parts."""
    parts = [re.escape(part) for part in re.split(r"[\s_-]+", word) if part]
    return re.compile(r"[\W_]*" + r"[\s_-]+".join(parts) + r"(?![\w-]*[^\W_])", re.IGNORECASE)


def _names(rest: str) -> tuple[str, ...]:
    """The names in what follows `ASSIGNED:`. A part of more than one word ends the list."""
    names: dict[str, None] = {}
    listed = _REASON.split(_BRACKETS.sub(" ", rest[:500]), maxsplit=1)[0]
    for part in _BETWEEN_NAMES.split(listed):
        words = _NAME.findall(part)
        if len(words) > 1 and words[0].casefold() in _FILLERS:
            words = words[1:]
        names.update(dict.fromkeys(words[:1]))
        if len(words) > 1:
            break
    return tuple(names)


def _words(text: str) -> set[str]:
    return {word for word in re.split(r"[\W_]+", text.casefold()) if word}
