from __future__ import annotations

import base64
import html
import json
import random
import subprocess
import sys
import urllib.parse
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmauto.rules import redaction
from llmauto.rules.redaction import Redactor
from llmauto.rules.secrets import Secret

KEY = "sk-ant-api03-Ab9_xYz-0123456789abcdefGHIJ"
ODD = "p/ss \"w&rd\" <é漢😀> + \\ 'x'"
KEYS = Redactor([Secret(KEY, "ANTHROPIC_API_KEY"), Secret(ODD, "DB_PASSWORD")])

Encode = Callable[[str], str]


def base64_behind(before: str, encode: Callable[[bytes], bytes]) -> Encode:
    return lambda secret: encode((before + secret + "~tail").encode()).decode()


def each(pattern: str) -> Encode:
    """Everything escaped, in units of UTF-16."""

    def encode(secret: str) -> str:
        raw = secret.encode("utf-16-be")
        return "".join(pattern.format(raw[at] << 8 | raw[at + 1]) for at in range(0, len(raw), 2))

    return encode


def lower_hex(secret: str) -> str:
    return "".join(
        chr(code) if chr(code).isalnum() and code < 128 else f"%{code:02x}" for code in secret.encode()
    )


ENCODERS: dict[str, Encode] = {
    "raw": str,
    "json": json.dumps,
    "json in utf-8": lambda s: json.dumps(s, ensure_ascii=False),
    "json in json": lambda s: json.dumps(json.dumps(s)),
    "json with slashes": lambda s: json.dumps(s).replace("/", "\\/"),
    "json for html": lambda s: (
        json.dumps(s).replace("&", "\\u0026").replace("<", "\\u003C").replace(">", "\\u003e")
    ),
    "json escaped whole": each("\\u{:04x}"),
    "json escaped whole, upper case": each("\\u{:04X}"),
    "json escaped whole, in json": each("\\\\u{:04x}"),
    "url": urllib.parse.quote,
    "url, all signs": lambda s: urllib.parse.quote(s, safe=""),
    "url, few signs": lambda s: urllib.parse.quote(s, safe="!'()*,;:@$/?"),
    "url, lower case": lower_hex,
    "form": urllib.parse.quote_plus,
    "url escaped whole": lambda s: "".join(f"%{code:02X}" for code in s.encode()),
    "url escaped whole, lower case": lambda s: "".join(f"%{code:02x}" for code in s.encode()),
    "html": html.escape,
    "html but quotes": lambda s: html.escape(s, quote=False),
    "html of other tools": lambda s: html.escape(s).replace("&#x27;", "&#039;").replace("&quot;", "&#34;"),
    "html escaped whole": lambda s: "".join(f"&#{ord(char)};" for char in s),
    "html escaped whole, in hex": lambda s: "".join(f"&#x{ord(char):X};" for char in s),
    "shell": lambda s: "".join(char if char.isalnum() else "\\" + char for char in s),
    "hex": lambda s: s.encode().hex(),
    "hex, upper case": lambda s: s.encode().hex().upper(),
    "base64": base64_behind("", base64.b64encode),
    "base64 behind one byte": base64_behind("a", base64.b64encode),
    "base64 behind two bytes": base64_behind("ab", base64.b64encode),
    "base64 for urls": base64_behind("", base64.urlsafe_b64encode),
    "base64 for urls behind one byte": base64_behind("a", base64.urlsafe_b64encode),
    "base64 for urls behind two bytes": base64_behind("ab", base64.urlsafe_b64encode),
    "base64 in a url": lambda s: urllib.parse.quote(base64_behind("", base64.b64encode)(s), safe=""),
    "base64 in json": lambda s: base64_behind("a", base64.b64encode)(s).replace("/", "\\/"),
}


@pytest.mark.parametrize("name", ENCODERS)
@pytest.mark.parametrize("secret", [KEY, ODD])
def test_a_secret_is_found_however_it_is_written(name: str, secret: str) -> None:
    written = ENCODERS[name](secret)
    clean = KEYS.text(f"before {written} behind")
    mark = "[redacted ANTHROPIC_API_KEY]" if secret == KEY else "[redacted DB_PASSWORD]"
    assert clean.count(mark) == 1
    assert clean.startswith("before ")
    assert clean.endswith(" behind")
    if "base64" in name:  # what stands at the edges says something about the neighbours too
        assert len(clean) < len("before  behind") + len(mark) + 24
    else:
        assert clean.replace(mark, "").strip() in {
            "before  behind",
            'before "" behind',
            'before "\\"\\"" behind',
        }


@given(
    st.text(min_size=8, max_size=30),
    st.sampled_from(sorted(set(ENCODERS) - {"shell"})),
    st.text(max_size=10),
    st.text(max_size=10),
)
def test_no_secret_is_such_that_an_encoder_hides_it(secret: str, name: str, before: str, behind: str) -> None:
    clean = Redactor([secret]).text(f"{before}\n{ENCODERS[name](secret)}\n{behind}")
    assert "[redacted]" in clean


FEW = st.sampled_from('aab\\u0061%&#;+ \n"é')


@given(
    st.lists(st.text(FEW, min_size=8, max_size=12), min_size=1, max_size=3),
    st.data(),
)
def test_chunks_make_no_difference(secrets: list[str], data: st.DataObject) -> None:
    redactor = Redactor(Secret(secret, f"S{number}") for number, secret in enumerate(secrets))
    written = [encode(secret) for secret in secrets for encode in ENCODERS.values()]
    halves = [text[: len(text) // 2] for text in written] + [text[len(text) // 2 :] for text in written]
    parts = st.one_of(st.sampled_from(written), st.sampled_from(halves), st.text(FEW, max_size=5))
    whole = "".join(data.draw(st.lists(parts, max_size=6))).encode()
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=12)))
    stream = redactor.stream()
    chunks = [whole[start:end] for start, end in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    assert b"".join(map(stream.feed, chunks)) + stream.close() == redactor.data(whole)


@pytest.mark.parametrize("name", ENCODERS)
def test_byte_by_byte_is_no_way_around(name: str) -> None:
    whole = f"x {ENCODERS[name](ODD)} y {ENCODERS[name](KEY)} z".encode()
    stream = KEYS.stream()
    assert b"".join(stream.feed(bytes([byte])) for byte in whole) + stream.close() == KEYS.data(whole)


def test_only_what_may_be_a_secrets_beginning_is_held_back() -> None:
    stream = KEYS.stream()
    assert stream.feed(b"all of this goes out, sk-") == b"all of this goes out, "
    assert stream.feed(b"something") == b"sk-something"
    assert stream.feed(KEY[:20].encode()) == b""
    assert stream.feed(KEY[20:].encode() + b"!") == b"[redacted ANTHROPIC_API_KEY]!"
    assert stream.feed(b"sk-ant") == b""
    assert stream.close() == b"sk-ant"


def test_where_two_secrets_overlap_both_are_gone() -> None:
    redactor = Redactor(
        [Secret("abcdefghij", "ONE"), Secret("ghijklmnop", "TWO"), Secret("cdefghijkl", "THREE")]
    )
    assert redactor.text("<abcdefghijklmnop>") == "<[redacted ONE]>"


def test_a_secret_within_another_goes_with_it() -> None:
    redactor = Redactor([Secret("password1", "SHORT"), Secret("user:password1", "LONG")])
    assert redactor.text("user:password1 password1") == "[redacted LONG] [redacted SHORT]"


def test_a_long_secret_is_found_as_one() -> None:
    rng = random.Random(7)
    long = "".join(rng.choice("abcdefghijklmnop0123456789-_.\n") for _ in range(5000))
    assert Redactor([Secret(long, "PEM")]).text(f"<{long}>") == "<[redacted PEM]>"
    assert Redactor([Secret(long, "PEM")]).text(json.dumps(long)) == '"[redacted PEM]"'


def test_a_secret_with_line_feeds_is_found_with_the_line_ends_of_windows() -> None:
    assert Redactor(["-----BEGIN\nabcd\nefgh"]).text("-----BEGIN\r\nabcd\r\nefgh") == "[redacted]"


def test_bytes_that_are_no_text_are_found_and_stay_what_they_are() -> None:
    redactor = Redactor([b"\xff\xfebinary\xff".decode("utf-8", "surrogateescape")])
    assert redactor.data(b"\xfe\xff\xfebinary\xff\x80") == b"\xfe[redacted]\x80"


def test_half_a_character_in_a_text_survives() -> None:
    assert KEYS.text(f"\ud800 {KEY} \udc80") == "\ud800 [redacted ANTHROPIC_API_KEY] \udc80"


def test_short_values_are_left_alone() -> None:
    redactor = Redactor(["hunter2", ""])
    assert not redactor
    assert redactor.text("hunter2") == "hunter2"
    stream = redactor.stream()
    assert stream.feed(memoryview(b"hunter2")) == b"hunter2"


def test_an_innocent_text_is_the_same_object() -> None:
    text = "nothing in here: " * 10
    assert KEYS.text(text) is text


def test_the_mark_stays_one_line_of_plain_letters_whatever_the_name_is() -> None:
    assert Redactor([Secret(KEY, 'A"\n\x1b]B')]).text(KEY) == "[redacted AB]"


def test_no_secret_shows_in_a_repr() -> None:
    assert repr(KEYS) == "<Redactor of 2 secrets>"
    assert KEY not in repr(KEYS.stream())


def test_a_mark_does_not_break_a_line_of_json() -> None:
    line = json.dumps({"type": "text", "text": f"the key is {KEY}, the password {ODD}"})
    clean = json.loads(KEYS.text(line))
    assert clean["text"] == "the key is [redacted ANTHROPIC_API_KEY], the password [redacted DB_PASSWORD]"


def test_a_flood_of_secrets_takes_time_by_its_length_alone() -> None:
    redactor = Redactor(["aaaaaaaab", "%61" * 4])
    assert redactor.data(b"a" * 5_000) == b"a" * 5_000
    assert redactor.data(b"%61" * 5_000) == b"[redacted]"


def test_the_file_works_without_the_package_and_loads_nothing_heavy() -> None:
    code = (
        "import sys; space = {'__name__': 'alone'}; exec(open(sys.argv[1], encoding='utf-8').read(), space);"
        "assert space['Redactor'](['abcdefghij']).text('abcdefghij') == '[redacted]';"
        "print(*sorted({'re', 'typing', 'enum', 'dataclasses', 'json', 'collections'} & set(sys.modules)))"
    )
    argv = [sys.executable, "-I", "-S", "-c", code, str(Path(redaction.__file__))]
    done = subprocess.run(argv, capture_output=True, text=True, check=True, timeout=30)
    assert done.stdout.strip() == ""
