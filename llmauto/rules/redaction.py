"""How are secrets taken out of text, however they are written there?

It is found as it is, and as JSON (also within JSON), a URL, HTML, hex or base64 write it, in a stream also
over the border of two chunks. What stands in its place names it, as in `[redacted GITHUB_TOKEN]`.

An encoder escapes signs and leaves letters and digits alone, or it escapes everything: both are found.
What is searched for is runs of letters and digits, by `bytes.find`: several times as fast as a regular
expression. A keeper can load this file by its place: it imports nothing of `llmauto`, nothing heavy.
"""

from __future__ import annotations

from binascii import b2a_base64

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

SHORTEST = 8
"""Characters; what is shorter would be found in innocent text too."""
_PIECE = 512
"""Characters; longer secrets are searched for in pieces, since up to a whole one has to be held back."""
_SLICE = 1 << 17
"""Bytes that are searched at once: they fit into the processor's cache."""
_RARE = 3
"""Letters and digits in a row that are worth searching for."""
_SIGNS = ((b"%", 3), (b"\\u", 6), (b"&", 4))
"""How an escaped character begins, and how many of its bytes tell it from others."""
_START = 4
"""Bytes by which it is seen at once that hardly any secret begins at a place."""
_MORE = {
    "&": ["&amp;"], "<": ["&lt;"], ">": ["&gt;"], '"': ["&quot;"], "'": ["&apos;"], " ": ["+"],
    "\n": ["\r\n", "\\r\\n", "\\\\r\\\\n"], "+": ["-"], "/": ["_"],  # the last two: base64 for URLs
}  # fmt: skip
_PLAIN = frozenset("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
_Parts = list[tuple[bytes, ...]]


class Redactor:
    """Takes secrets out. False where there are none: those under `SHORTEST` characters are not looked for.

    A secret may have a `name`. Where the places of two overlap both are gone, and the mark names the one
    that begins first. The `repr` shows nothing of them.
    """

    __slots__ = ("_count", "_escaped", "_gaps", "_longest", "_needles", "_starts")

    def __init__(self, secrets: Iterable[str]) -> None:
        self._needles: list[tuple[bytes, _Form]] = []
        self._escaped: dict[bytes, list[_Form]] = {}
        self._starts: dict[bytes, list[_Form]] = {}
        self._longest = self._count = 0
        self._gaps = [b"\n", b" "]
        spell = [_Memo(make) for make in (_sign, _percent, _unicode, _numeric)]
        for secret in dict.fromkeys(secrets):
            if len(secret) >= SHORTEST:
                self._count += 1
                self._gaps = [gap for gap in self._gaps if gap.decode() not in secret]
                for piece in _pieces(secret):
                    self._learn(piece, _mark(secret), spell)

    def __bool__(self) -> bool:
        return self._count > 0

    def __repr__(self) -> str:
        return f"<Redactor of {self._count} secrets>"

    def text(self, text: str) -> str:
        """`text` without secrets."""
        raw, errors = _utf8(text)
        clean = self.data(raw)
        return text if clean == raw else clean.decode("utf-8", errors)

    def data(self, data: bytes) -> bytes:
        """`data` without secrets."""
        stream = self.stream()
        return stream.feed(data) + stream.close()

    def stream(self) -> StreamRedactor:
        """For data that comes in chunks: what goes out is what `data` gives for the whole of it."""
        return StreamRedactor(self)

    def spans(self, data: bytes) -> list[tuple[int, int, bytes]]:
        """(start, end, mark) of each secret that stands whole in `data`, sorted. They may overlap."""
        spans: list[tuple[int, int, bytes]] = []
        for needle, form in self._needles:
            at = data.find(needle)
            while at >= 0:
                form.add_span(spans, data, at, at + len(needle))
                at = data.find(needle, at + 1)
        for sign, width in _SIGNS if self._count else ():
            at = data.find(sign)
            while at >= 0:
                for form in self._escaped.get(data[at : at + width], ()):
                    form.add_span(spans, data, at, at)
                    form.add_span(spans, data, max(0, at - 1), max(0, at - 1))  # a doubled backslash
                at = data.find(sign, at + 1)
        return sorted(spans, key=lambda span: (span[0], -span[1]))

    def open_from(self, data: bytes) -> int:
        """Where a secret may have begun whose rest is not in `data` yet; the length of `data` if nowhere."""
        low = max(0, len(data) - self._longest + 1)
        for gap in self._gaps:  # no secret goes on beyond these
            low = max(low, data.rfind(gap, low) + 1)
        for at in range(low, len(data)):
            for form in self._starts.get(data[at : at + _START], ()):
                if form.may_go_on(data, at):
                    return at
        return len(data)

    def _learn(self, piece: str, mark: bytes, spell: list[_Memo]) -> None:
        """Keep every form in which this piece of a secret may be met."""
        signs, *escapes = spell
        forms = [_Form(_parts(text, signs), mark) for text in (piece, *_coded(_utf8(piece)[0]))]
        for form in forms:
            self._needles += [(needle, form) for needle in form.anchors]
        for (_, width), escaped in zip(_SIGNS, escapes):  # noqa: B905 (lengths are equal)
            parts = [escaped[char] if char in _PLAIN else signs[char] for char in piece]
            form = _Form(parts, mark, begins=escaped[piece[0]])
            forms.append(form)
            for key in {option[:width] for option in form.anchors}:
                self._escaped.setdefault(key, []).append(form)
        for form in forms:
            self._longest = max(self._longest, form.longest)
            for start in form.starts():
                self._starts.setdefault(start, []).append(form)


class StreamRedactor:
    """Takes secrets out of one stream; what may be the beginning of one is `held` back."""

    __slots__ = ("_covered", "_mark", "_redactor", "held")

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self.held = b""
        self._covered = -1  # up to where what is held belongs to a secret whose mark is out; -1 = nowhere
        self._mark = b""

    def feed(self, data: bytes | bytearray | memoryview) -> bytes:
        """The next bytes come in; what is certain goes out."""
        out = []
        for at in range(0, len(data), _SLICE):
            whole = self.held + bytes(data[at : at + _SLICE])
            out.append(self._pass_on(whole, self._redactor.open_from(whole)))
        return b"".join(out)

    def close(self) -> bytes:
        """The stream has ended: what was held back goes out."""
        return self._pass_on(self.held, len(self.held))

    def _pass_on(self, data: bytes, cut: int) -> bytes:
        """Let `data[:cut]` out, and hold the rest."""
        out = []
        covered = self._covered
        at = max(0, min(covered, cut))
        for start, end, mark in self._redactor.spans(data):
            if start >= cut:
                break
            if start > covered or (start == covered and mark != self._mark):
                out += [data[at:start], mark]
                self._mark = mark
            covered = max(covered, end)
            at = min(covered, cut)
        self.held = data[cut:]
        self._covered = covered - cut if covered >= cut else -1
        return b"".join([*out, data[at:cut]])


class _Form:
    """One form of a secret: parts in a row, each in one of its spellings.

    It is searched for by one of them, the anchor; with `begins`, by its beginning in these spellings.
    """

    __slots__ = ("_after", "_before", "_mark", "anchors", "longest", "parts")

    def __init__(self, parts: _Parts, mark: bytes, *, begins: tuple[bytes, ...] = ()) -> None:
        self.parts = [begins, *parts[1:]] if begins else parts
        self.longest = sum(max(map(len, options)) for options in self.parts)
        self._mark = mark
        anchor = 0 if begins else _anchor(parts)
        self.anchors = self.parts[anchor]
        self._before = self.parts[:anchor]
        self._after = self.parts[anchor + (not begins) :]

    def add_span(self, spans: list[tuple[int, int, bytes]], data: bytes, start: int, end: int) -> None:
        """Add the secret's place if it stands around `data[start:end]`, which is the anchor or its start."""
        starts, ends = {start}, {end}
        for options in self._after:
            ends = {at + len(one) for at in ends for one in options if data.startswith(one, at)}
            if not ends:
                return
        for options in reversed(self._before):
            starts = {at - len(one) for at in starts for one in options if data.endswith(one, 0, at)}
        if starts:
            spans.append((min(starts), max(ends), self._mark))

    def starts(self) -> set[bytes]:
        """All its beginnings of up to `_START` bytes."""
        whole, open_ = set(), {b""}
        for options in self.parts:
            open_ = {(start + one)[:_START] for start in open_ for one in options}
            whole |= {start[:length] for start in open_ for length in range(1, len(start) + 1)}
            open_ = {start for start in open_ if len(start) < _START}  # and these go on
        return whole

    def may_go_on(self, data: bytes, start: int) -> bool:
        """Whether all of `data` from `start` on can be the beginning of this form, and not its whole."""
        places = {start}
        for options in self.parts:
            reached = set()
            for at in places:
                for one in options:
                    if data.startswith(one, at):
                        reached.add(at + len(one))
                    elif len(data) - at < len(one) and one.startswith(data[at:]):
                        return True
            places = reached
        return False


class _Memo(dict[str, "tuple[bytes, ...]"]):
    """The spellings of characters, each made once."""

    def __init__(self, make: Callable[[str], list[str]]) -> None:
        super().__init__()
        self._make = make

    def __missing__(self, char: str) -> tuple[bytes, ...]:
        self[char] = options = tuple(_utf8(one)[0] for one in dict.fromkeys(self._make(char)))
        return options


def _sign(char: str) -> list[str]:
    json = ["\\" + dict(zip("\n\r\t\b\f", "nrtbf")).get(char, char), *_unicode(char)]  # noqa: B905
    json += [one.replace("\\", "\\\\").replace('"', '\\"') for one in json]
    return [char, *json, *_percent(char), *_numeric(char), *_MORE.get(char, ())]


def _percent(char: str) -> list[str]:
    return _cased("%{:02x}", _utf8(char)[0])


def _unicode(char: str) -> list[str]:
    raw = char.encode("utf-16-be", "surrogatepass")
    once = _cased("\\u{:04x}", [raw[at] << 8 | raw[at + 1] for at in range(0, len(raw), 2)])
    return once + [one.replace("\\", "\\\\") for one in once]


def _numeric(char: str) -> list[str]:
    code = ord(char)
    return [f"&#{code};", f"&#0{code};", *_cased("&#x{:x};", [code]), *_cased("&#X{:x};", [code])]


def _cased(pattern: str, codes: Iterable[int]) -> list[str]:
    return ["".join(case.format(code) for code in codes) for case in (pattern, pattern.replace("x}", "X}"))]


def _utf8(text: str) -> tuple[bytes, str]:
    """The text as bytes, and how to decode these: what was no UTF-8 in the environment becomes that again."""
    try:
        return text.encode("utf-8", "surrogateescape"), "surrogateescape"
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass"), "surrogatepass"


def _parts(text: str, signs: _Memo) -> _Parts:
    """Runs of letters and digits as they are, and the signs between them in all their spellings."""
    parts: _Parts = []
    begin = 0
    for at, char in enumerate(text):
        if char not in _PLAIN:
            parts += [(text[begin:at].encode(),)] if begin < at else []
            parts.append(signs[char])
            begin = at + 1
    return [*parts, (text[begin:].encode(),)] if begin < len(text) else parts


def _anchor(parts: _Parts) -> int:
    """The part to search for: the longest run, or the first sign where no run is rare enough."""
    runs = [len(options[0]) if len(options) == 1 else 0 for options in parts]
    return runs.index(max(runs) if max(runs) >= _RARE else 0)


def _pieces(secret: str) -> list[str]:
    size = -(-len(secret) // max(1, len(secret) // _PIECE))
    return [str(secret)[at : at + size] for at in range(0, len(secret), size)]


def _coded(raw: bytes) -> list[str]:
    """In hex, and in base64 behind 0, 1 or 2 bytes, without the characters that hold bits of neighbours."""
    coded = (b2a_base64(bytes(before) + raw, newline=False).decode() for before in range(3))
    cores = (one[(0, 2, 3)[at] : (at + len(raw)) * 8 // 6] for at, one in enumerate(coded))
    return [raw.hex(), raw.hex().upper(), *cores]


def _mark(secret: str) -> bytes:
    name = "".join(char for char in getattr(secret, "name", "")[:64] if char in _PLAIN or char == "_")
    return f"[redacted {name}]".encode() if name else b"[redacted]"
