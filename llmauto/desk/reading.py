"""What does a file in the state folder say, whatever somebody made of it?

Pure: the content of the file goes in, a value comes out. Agents write half a character, NUL bytes,
UTF-16 from a Windows shell, a folder where a file was, or a hundred megabytes.
"""

from __future__ import annotations

from typing import NamedTuple

from llmauto.files import Content
from llmauto.rules.text import decode, human_bytes
from llmauto.rules.verdict import first_word

HANDOFF_CAP = 256 * 1024
"""Bytes of a handoff that are passed on (contract §5)."""
SMALL_CAP = 4096
"""Bytes of a status, a counter or a time that are looked at: ours have a few dozen."""
STOP_CAP = 2000
"""Characters of a stop's reason that are kept."""

CLAIMS = ("ALL_DONE", "STOPPED", "BLOCKED")
"""The words that somebody else may write to status.txt."""
READY = "READY"
"""What `chain reset` leaves in status.txt: where we have written nothing yet, it is in order."""

_LINE_BORDER = 4096
"""A cut may give up this many bytes to end with a whole line."""
_MOST_REPLACED = 0.3
"""A text with more characters than this that are none (as a fraction) is no text."""

DELETED, EMPTIED = "it was deleted", "it was emptied"
_INSTEAD = {
    "folder": "a folder stands in its place",
    "link": "a symbolic link stands in its place",
    "special": "a device or a pipe stands in its place",
    "unreadable": "it cannot be read",
}


class Handoff(NamedTuple):
    """What a handoff file holds: a text, or a problem. `cut` where the text is only its beginning."""

    text: str | None = None
    problem: str = ""
    cut: bool = False


def read_handoff(found: Content) -> Handoff:
    """The handoff in `found`, of which at least `HANDOFF_CAP` + 1 bytes were read (if it has them)."""
    if found.kind == "missing":
        return Handoff(problem=DELETED)
    if found.kind != "file":
        return Handoff(problem=_INSTEAD[found.kind])
    text = decode(found.data)
    if not text.strip():
        return Handoff(problem=EMPTIED)
    if "\0" in text or text.count("\ufffd") > _MOST_REPLACED * len(text):
        return Handoff(problem="it is binary")
    raw = text.encode("utf-8", errors="replace")
    if found.size > HANDOFF_CAP or len(raw) > HANDOFF_CAP:
        return Handoff(cut_text(raw), cut=True)
    return Handoff(text)


def cut_text(raw: bytes) -> str:
    """The first `HANDOFF_CAP` bytes of UTF-8, up to the end of a line, or else of a character."""
    head = raw[:HANDOFF_CAP]
    border = head.rfind(b"\n") + 1
    if border >= len(head) - _LINE_BORDER and border > 0:
        head = head[:border]
    return head.decode("utf-8", errors="ignore")


def with_pointer(text: str, whole: str, size: int) -> str:
    """The beginning of a handoff, and where the whole of it is."""
    kept = f"the whole is kept in {whole}" if whole else "the whole could not be kept"
    return f"{text.rstrip()}\n\n[llmauto: cut, this handoff has {human_bytes(size)}; {kept}]\n"


def read_status(found: Content, ours: str) -> tuple[str, bool]:
    """(the claim in a status.txt that was changed, whether it has to be put right without one)."""
    if found.kind != "file":
        return "", True
    word = first_word(decode(found.data))
    if word in CLAIMS:
        return word, False
    return "", word != (ours or READY)


def read_stop(found: Content) -> str:
    """The reason in a STOP file; "" for anything that cannot be read as one."""
    return decode(found.data).replace("\0", "").strip()[:STOP_CAP] if found.kind == "file" else ""
