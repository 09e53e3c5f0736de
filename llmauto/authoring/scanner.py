"""Which words is a chain file made of: space and comments, texts, numbers and literals?

Strict JSON (RFC 8259) but for comments. What people write by mistake, as Python's `True` or a
Windows path with single backslashes, is named, with what to write instead.
"""

from __future__ import annotations

import math
import re

from llmauto.authoring.document import Mistakes
from llmauto.rules.text import quoted

# A 64-bit integer has 20 characters, the longest exact float 24. Python itself refuses to read
# integers of more than 4,300 digits, for their cost.
LONGEST_NUMBER = 100

_SPACE = re.compile(r"[ \t\r\n]*")
_REST_OF_LINE = re.compile(r"[^\r\n]*")
_CHUNK = re.compile(r'[^"\\\x00-\x1f]*')
_HEX = re.compile(r"[0-9A-Fa-f]{4}")
_LOW_HALF = re.compile(r"\\u([Dd][C-Fc-f][0-9A-Fa-f]{2})")
_WORD = re.compile(r"[^\s,\[\]{}:\"'/]+")
_SHOWN_TEXT = re.compile(r'"[^"\r\n]*"?')
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_NO_NUMBER = re.compile(r"[+-]?(?:nan|inf|infinity)", re.IGNORECASE)

_LITERALS: dict[str, object] = {"true": True, "false": False, "null": None}
_MEANT = {
    "true": "true",
    "false": "false",
    "null": "null",
    "none": "null",
    "nil": "null",
    "undefined": "null",
}
_ESCAPES = {'"': '"', "\\": "\\", "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_NUMBER_SLIPS = (
    (re.compile(r"0[xXoObB].*"), "write the number in decimal"),
    (re.compile(r".*[0-9]_[0-9].*"), "write the number without `_`"),
    (re.compile(r"\+.*"), "write the number without `+`"),
    (re.compile(r"-?0[0-9].*"), "write the number without leading zeros"),
    (re.compile(r"-?\..*|.*\.(?![0-9]).*"), "write a digit on both sides of the point"),
)
_DOUBLE_QUOTES = "text stands in straight double quotes"
_CHAR_HINTS = {
    "'": _DOUBLE_QUOTES,
    "`": _DOUBLE_QUOTES,
    **dict.fromkeys("“”„‟«»‘’", _DOUBLE_QUOTES),
    "#": "a comment begins with `//`",
    "/": "a comment begins with `//` or `/*`",
    "\xa0": "replace the no-break space by a space",
    "(": "a list stands in `[` and `]`",
}


class Scanner:
    """A place in a text, and what can be read from there. `at` is the offset of the next character."""

    __slots__ = ("at", "mistakes", "text")

    def __init__(self, text: str, mistakes: Mistakes) -> None:
        self.text = text
        self.at = 0
        self.mistakes = mistakes

    def skip(self) -> str:
        """Pass over space and comments, and return the character found there; "" at the end."""
        text = self.text
        while True:
            self.at = _end(_SPACE, text, self.at)
            char = text[self.at : self.at + 1]
            if char != "/":
                return char
            if text.startswith("//", self.at):
                self.at = _end(_REST_OF_LINE, text, self.at)
            elif text.startswith("/*", self.at):
                end = text.find("*/", self.at + 2)
                if end < 0:
                    self.mistakes.fail(
                        self.at, "expected `*/` behind this comment, found the end of the file"
                    )
                self.at = end + 2
            else:
                return char

    def found(self) -> str:
        """What stands here, for a message."""
        if self.at >= len(self.text):
            return "the end of the file"
        match = _SHOWN_TEXT.match(self.text, self.at) or _WORD.match(self.text, self.at)
        return quoted(match.group() if match else self.text[self.at])

    def char_hint(self) -> str | None:
        """What a person who wrote this character here should know."""
        return _CHAR_HINTS.get(self.text[self.at : self.at + 1])

    def word(self) -> str:
        """The word that stands here, not yet passed over; "" if there is none."""
        match = _WORD.match(self.text, self.at)
        return match.group() if match else ""

    def string(self) -> str:
        """The text whose opening quote stands here."""
        text, start = self.text, self.at
        parts: list[str] = []
        self.at += 1
        while True:
            begin, self.at = self.at, _end(_CHUNK, text, self.at)
            parts.append(text[begin : self.at])
            char = text[self.at : self.at + 1]
            if char == '"':
                self.at += 1
                return "".join(parts)
            if char == "\\":
                parts.append(self._escape())
            else:
                self._control(char, start)

    def _control(self, char: str, start: int) -> None:
        """Pass over a control character in the text that begins at `start`, or find that it ends there."""
        if char in ("", "\r", "\n"):
            end = "line" if char else "file"
            hint = "a line break in text is written `\\n`"
            if '\\"' in self.text[start : self.at]:
                hint = 'a backslash in text is written `\\\\`; `\\"` is a quote inside it'
            self.mistakes.fail(
                start, f'expected `"` at the end of this text, found the end of the {end}', hint
            )
        written = "\\t" if char == "\t" else f"\\u{ord(char):04x}"
        message = f"expected text, found the control character U+{ord(char):04X}"
        self.mistakes.note(self.at, message, f"in text it is written `{written}`")
        self.at += 1

    def _escape(self) -> str:
        """The character that the backslash here and what follows it stand for."""
        at, char = self.at, self.text[self.at + 1 : self.at + 2]
        if char in ("", "\r", "\n"):  # the text is not closed: the caller will see it
            self.at += 1
            return ""
        self.at += 2
        if char in _ESCAPES:
            return _ESCAPES[char]
        digits = _HEX.match(self.text, self.at) if char == "u" else None
        if digits is None:
            message = f"expected an escape such as `\\n`, found {quoted(self.text[at : at + 2])}"
            self.mistakes.note(at, message, "a backslash in text is written `\\\\`")
            return ""
        self.at += 4
        return self._character(at, int(digits.group(), 16))

    def _character(self, at: int, code: int) -> str:
        """The character of a `\\u` escape that began at `at`, with its second half if it has one."""
        if not 0xD800 <= code <= 0xDFFF:
            return chr(code)
        low = _LOW_HALF.match(self.text, self.at) if code < 0xDC00 else None
        if low is None:
            message = f"expected a whole character, found half of a surrogate pair, `\\u{code:04x}`"
            self.mistakes.note(at, message, "write the character itself, or both halves")
            return ""
        self.at += 6
        return chr(0x10000 + ((code - 0xD800) << 10) + (int(low.group(1), 16) - 0xDC00))

    def scalar(self) -> object:
        """The number or literal that stands here."""
        at, word = self.at, self.word()
        self.at += len(word)
        if word in _LITERALS:
            return _LITERALS[word]
        number = _NUMBER.fullmatch(word)
        if number:
            return self._number(at, word, whole=number.group(1) is None and number.group(2) is None)
        if word.lower() in _MEANT:
            meant = _MEANT[word.lower()]
            self.mistakes.note(at, f"expected `{meant}`, found {quoted(word)}", f"write `{meant}`")
        elif _NO_NUMBER.fullmatch(word):
            self.mistakes.note(
                at, f"expected a number, found {quoted(word)}", "JSON has no NaN and no infinity"
            )
        elif word and word[0] in "+-.0123456789":
            slip = next((hint for pattern, hint in _NUMBER_SLIPS if pattern.fullmatch(word)), None)
            self.mistakes.note(at, f"expected a number, found {quoted(word)}", slip or _text_hint(word))
        else:
            self.at = at
            hint = self.char_hint() or (_text_hint(word) if word else None)
            self.mistakes.fail(at, f"expected a value, found {self.found()}", hint)
        return None

    def _number(self, at: int, word: str, *, whole: bool) -> int | float | None:
        if len(word) > LONGEST_NUMBER:
            message = f"expected a number of at most {LONGEST_NUMBER} characters, found {len(word):,}"
            self.mistakes.note(at, message)
            return None
        if whole:
            return int(word)
        value = float(word)
        if math.isinf(value):
            self.mistakes.note(at, f"expected a number below 1.8e308, found {quoted(word)}")
        return value


def _end(pattern: re.Pattern[str], text: str, at: int) -> int:
    """Where the match of a pattern that always matches ends."""
    match = pattern.match(text, at)
    return match.end() if match else at


def _text_hint(word: str) -> str:
    return f'if text is meant, write `"{quoted(word)[1:-1]}"`'
