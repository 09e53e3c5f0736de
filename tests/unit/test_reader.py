from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmauto.authoring.document import MOST_MISTAKES, ValuePath, dotted
from llmauto.authoring.reader import DEEPEST, LARGEST, read_file, read_text
from llmauto.errors import ChainError

SAMPLE = """\
// A chain with everything that the reader knows: "grüße" 😀
{
  "description": "two links /* no comment */ // nor this",
  "max_rounds": 5, /* a
  comment over lines */ "runtime_hours": 2.5e0,
  "$schema": "x\\u00e9\\ud83d\\ude00\\n\\/",
  "links": [
    {"name": "worker", "continue": true, "fallback_model": null},
    {"name": "reviewer", "on": {"NEEDS_FIX": "worker",},},
  ], // trailing commas
}
"""


def value_of(text: str) -> object:
    return read_text(text.encode(), "c.json").value


def refusal(source: str | bytes) -> ChainError:
    with pytest.raises(ChainError) as caught:
        read_text(source.encode() if isinstance(source, str) else source, "c.json")
    return caught.value


# --- what is read ---


SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.text(),
    st.integers(-(10**90), 10**90),
    st.floats(allow_nan=False, allow_infinity=False),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=15,
)


@given(VALUES, st.booleans(), st.sampled_from([None, 1, "\t"]))
def test_what_json_writes_is_read_back(value: object, ascii_only: bool, indent: int | str | None) -> None:
    read = value_of(json.dumps(value, ensure_ascii=ascii_only, indent=indent))
    assert read == value
    assert json.dumps(read) == json.dumps(value)


def test_comments_and_trailing_commas_are_allowed() -> None:
    assert value_of(SAMPLE) == {
        "description": "two links /* no comment */ // nor this",
        "max_rounds": 5,
        "runtime_hours": 2.5,
        "$schema": "xé😀\n/",
        "links": [
            {"name": "worker", "continue": True, "fallback_model": None},
            {"name": "reviewer", "on": {"NEEDS_FIX": "worker"}},
        ],
    }


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("\ufeff{}", {}),
        ('{\r\n"a"\r\n:\r\n1\r\n}\r\n', {"a": 1}),
        ("[1,//x\r2]", [1, 2]),
        ("/**/[/***/]//", []),
        ("[1/*a*/,2]", [1, 2]),
        ("  7  ", 7),
        ("-0", 0),
        ("1e-999", 0.0),
        ('"\x7f\u2028"', "\x7f\u2028"),
        ('"\\u0000"', "\0"),
    ],
)
def test_odd_but_valid_texts_are_read(text: str, value: object) -> None:
    assert value_of(text) == value


def test_the_deepest_allowed_value_is_read() -> None:
    value = value_of("[" * DEEPEST + "]" * DEEPEST)
    for _ in range(DEEPEST - 1):
        assert isinstance(value, list)
        value = value[0]
    assert value == []


# --- places ---


@pytest.mark.parametrize(
    ("path", "value_place", "key_place"),
    [
        ((), (2, 1), (2, 1)),
        (("max_rounds",), (4, 17), (4, 3)),
        (("runtime_hours",), (5, 42), (5, 25)),
        (("links",), (7, 12), (7, 3)),
        (("links", 1), (9, 5), (9, 5)),
        (("links", 1, "on", "NEEDS_FIX"), (9, 46), (9, 33)),
        (("links", 1, "model"), (9, 5), (9, 5)),
        (("links", 7, "model"), (7, 12), (7, 12)),
        (("max_rounds", "x"), (4, 17), (4, 17)),
        (("nowhere",), (2, 1), (2, 1)),
    ],
)
@pytest.mark.parametrize("variant", ["plain", "BOM", "CRLF"])
def test_places_are_those_of_an_editor(
    path: ValuePath, value_place: tuple[int, int], key_place: tuple[int, int], variant: str
) -> None:
    text = {"plain": SAMPLE, "BOM": "\ufeff" + SAMPLE, "CRLF": SAMPLE.replace("\n", "\r\n")}[variant]
    document = read_text(text.encode(), "c.json")
    assert document.place(path) == value_place
    assert document.key_place(path) == key_place


def test_columns_count_characters() -> None:
    assert read_text('["ü😀", 1]'.encode(), "c.json").place((1,)) == (1, 8)


def test_a_problem_names_file_place_and_path() -> None:
    document = read_text(b'{"links": [\n  {"mod": 1}]}', "chains/c.json")
    at_key = document.problem(("links", 0, "mod"), "unknown key", of_key=True)
    assert at_key == "chains/c.json:2:4: error: unknown key [links[0].mod]"
    assert document.problem(("links", 0, "mod"), "x").startswith("chains/c.json:2:11: ")
    assert document.problem((), "no links") == "chains/c.json:1:1: error: no links"


def test_a_path_is_written_as_people_write_it() -> None:
    assert dotted(("links", 1, "on", "NEEDS_FIX")) == "links[1].on.NEEDS_FIX"
    assert dotted(("prompts", "a b\n", 0)) == 'prompts["a b\\n"][0]'


# --- what is refused ---


@pytest.mark.parametrize(
    ("text", "problem", "hint"),
    [
        ("", "1:1: error: expected a value, found the end of the file", "the file is empty"),
        (" // x", "1:6: error: expected a value, found the end of the file", "the file is empty"),
        (
            '{"a": 1',
            "1:8: error: expected `,` or `}`, found the end of the file",
            "the `{` in line 1 is not closed",
        ),
        (
            "[\n1\n",
            "3:1: error: expected `,` or `]`, found the end of the file",
            "the `[` in line 1 is not closed",
        ),
        ("{", "1:2: error: expected a key in double quotes, found the end", "is not closed"),
        ('{"a": [1}', "1:9: error: expected `,` or `]`, found `}`", "the `[` in line 1 is not closed"),
        ("[1]]", "1:4: error: expected the end of the file, found `]`", "one closing bracket is too many"),
        ("{} {}", "1:4: error: expected the end of the file, found `{`", None),
        ('{"a": 1\n "b": 2}', '2:2: error: expected `,` or `}`, found `"b"`', "put a `,` before it"),
        ("[1 2]", "1:4: error: expected `,` or `]`, found `2`", "put a `,` before it"),
        ('{"a" 1}', "1:6: error: expected `:` behind the key, found `1`", None),
        ('{"a"}', "1:5: error: expected `:` behind the key, found `}`", None),
        ('{"a" = 1}', "1:6: error: expected `:` behind the key, found `=`", "write `:`"),
        ('{"a": }', "1:7: error: expected a value, found `}`", None),
        ("[1,,2]", "1:4: error: expected a value, found `,`", None),
        ("[,]", "1:2: error: expected a value, found `,`", None),
        ("{,}", "1:2: error: expected a key in double quotes, found `,`", None),
        ("{a: 1}", "1:2: error: expected a key in double quotes, found `a`", 'write `"a"`'),
        ("{1: 1}", "1:2: error: expected a key in double quotes, found `1`", 'write `"1"`'),
        ("{'a': 1}", "1:2: error: expected a key in double quotes, found `'`", "double quotes"),
        ("['a']", "1:2: error: expected a value, found `'`", "double quotes"),
        ("[“a”]", "1:2: error: expected a value, found `“a”`", "straight double quotes"),
        ("[opus]", "1:2: error: expected a value, found `opus`", 'write `"opus"`'),
        ("# x\n{}", "1:1: error: expected a value, found `#`", "a comment begins with `//`"),
        ("{} / x", "1:4: error: expected the end of the file, found `/`", "`//` or `/*`"),
        ("[\xa01]", "1:2: error: expected a value, found `\\u00a0`", "no-break space"),
        ("[(1)]", "1:2: error: expected a value, found `(1)`", "a list stands in"),
        ("/* {}", "1:1: error: expected `*/` behind this comment, found the end of the file", None),
        ("{}\0", "1:3: error: expected the end of the file, found `\\u0000`", None),
    ],
)
def test_a_mistake_is_named_by_its_place_with_what_was_expected(
    text: str, problem: str, hint: str | None
) -> None:
    error = refusal(text)
    assert str(error).startswith(f"c.json:{problem}")
    assert error.problems == (str(error),)
    assert (hint in (error.hint or "")) if hint else error.hint is None


@pytest.mark.parametrize(
    ("text", "problem", "hint"),
    [
        ("True", "expected `true`, found `True`", "write `true`"),
        ("None", "expected `null`, found `None`", "write `null`"),
        ("undefined", "expected `null`, found `undefined`", "write `null`"),
        ("NaN", "expected a number, found `NaN`", "no NaN"),
        ("-Infinity", "expected a number, found `-Infinity`", "no infinity"),
        ("1e999", "expected a number below 1.8e308, found `1e999`", ""),
        ("9" * 5000, "expected a number of at most 100 characters, found 5,000", ""),
        ("0." + "1" * 99, "expected a number of at most 100 characters, found 101", ""),
        ("01", "expected a number, found `01`", "leading zeros"),
        ("+1", "expected a number, found `+1`", "without `+`"),
        (".5", "expected a number, found `.5`", "both sides of the point"),
        ("5.", "expected a number, found `5.`", "both sides of the point"),
        ("0x1F", "expected a number, found `0x1F`", "in decimal"),
        ("1_000", "expected a number, found `1_000`", "without `_`"),
        ("2026-01-31", "expected a number, found `2026-01-31`", 'write `"2026-01-31"`'),
        ("٣", "expected a value, found `٣`", ""),
    ],
)
def test_what_other_languages_write_is_named(text: str, problem: str, hint: str) -> None:
    error = refusal(f'{{"a":\n {text}}}')
    assert str(error) == f"c.json:2:2: error: {problem}"
    assert hint in (error.hint or "")


@pytest.mark.parametrize(
    ("text", "problem", "hint"),
    [
        (
            '"abc',
            '1:2: error: expected `"` at the end of this text, found the end of the line',
            "written `\\n`",
        ),
        (
            '"C:\\"',
            '1:2: error: expected `"` at the end of this text, found the end of the line',
            "a backslash",
        ),
        (
            '"a\\',
            '1:2: error: expected `"` at the end of this text, found the end of the line',
            "written `\\n`",
        ),
        ('"a\tb"', "1:4: error: expected text, found the control character U+0009", "written `\\t`"),
        ('"a\x1bb"', "1:4: error: expected text, found the control character U+001B", "written `\\u001b`"),
        ('"C:\\Users"', "1:5: error: expected an escape such as `\\n`, found `\\U`", "written `\\\\`"),
        ('"C:\\users"', "1:5: error: expected an escape such as `\\n`, found `\\u`", "written `\\\\`"),
        ('"\\u00g0"', "1:3: error: expected an escape such as `\\n`, found `\\u`", "written `\\\\`"),
        ('"\\u٠٠٠٠"', "1:3: error: expected an escape such as `\\n`, found `\\u`", "written `\\\\`"),
        (
            '"\\ud83d"',
            "1:3: error: expected a whole character, found half of a surrogate pair, `\\ud83d`",
            "both",
        ),
        ('"\\ude00\\ud83d"', "1:3: error: expected a whole character, found half", "both halves"),
        ('"\\ud83d\\u0041"', "1:3: error: expected a whole character, found half", "both halves"),
    ],
)
def test_a_mistake_in_text_is_named(text: str, problem: str, hint: str) -> None:
    error = refusal(f"[{text}\n]")
    assert error.problems[0].startswith(f"c.json:{problem}")
    assert hint in (error.hint or "")


def test_text_that_is_open_at_the_end_of_the_file_is_named_where_it_begins() -> None:
    assert (
        str(refusal('["a", "b'))
        == 'c.json:1:7: error: expected `"` at the end of this text, found the end of the file'
    )


def test_a_key_given_twice_is_refused_with_the_line_of_the_first() -> None:
    error = refusal('{"name": 1,\n "x": {"name": 2},\n "\\u006eame": 3,\n "name": 4}')
    assert error.problems == (
        "c.json:3:2: error: expected each key once, found `name` again, first in line 1",
        "c.json:4:2: error: expected each key once, found `name` again, first in line 1",
    )
    assert error.hint == "keep one of the two"


def test_mistakes_that_leave_the_rest_readable_are_named_together() -> None:
    error = refusal('{"a": True,\n "b": None, "a": 01,\n "c": "\\x",\n "d": oops}')
    assert [problem.split(" ")[0] for problem in error.problems] == [
        "c.json:1:7:",
        "c.json:2:7:",
        "c.json:2:13:",
        "c.json:2:18:",
        "c.json:3:8:",
        "c.json:4:7:",
    ]
    assert str(error) == "\n".join(error.problems)
    assert error.hint == "write `true`; write `null`; keep one of the two"


def test_the_number_of_mistakes_is_bounded() -> None:
    assert len(refusal("[" + "None," * 1000 + "]").problems) == MOST_MISTAKES


@pytest.mark.parametrize("opening", ["[", '{"a":', '[{"a":'])
def test_deep_nesting_is_refused_and_not_followed(opening: str) -> None:
    error = refusal(opening * 10_000)
    assert "expected at most 100 brackets inside one another, found more" in str(error)


def test_what_is_found_can_neither_flood_nor_steer_the_terminal() -> None:
    error = refusal(
        '{"\\u001b[31m' + "x" * 10_000 + '": 1, "\\u001b[31m' + "x" * 10_000 + '": 2, ' + "y" * 10_000
    )
    assert all(problem.isprintable() and len(problem) < 200 for problem in error.problems)


def test_a_file_name_cannot_break_the_line() -> None:
    with pytest.raises(ChainError, match=r"^a\\nb\\u001b\.json:1:1: error: "):
        read_text(b"", "a\nb\x1b.json")


# --- bytes ---


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        (b'{\n "a": "\xc3\xbc\xfc"}', "c.json:2:9: error: expected UTF-8, found the byte 0xfc at offset 11"),
        (b"\xef\xbb\xbf\xff", "c.json:1:1: error: expected UTF-8, found the byte 0xff at offset 3"),
        (b"[\r\n\xc3", "c.json:2:1: error: expected UTF-8, found the byte 0xc3 at offset 3"),
        (b'"\xed\xa0\x80"', "c.json:1:2: error: expected UTF-8, found the byte 0xed at offset 1"),
        ("{}".encode("utf-16"), "c.json:1:1: error: expected UTF-8, found UTF-16"),
        (b"\xfe\xff" + "{}".encode("utf-16-be"), "c.json:1:1: error: expected UTF-8, found UTF-16"),
        ("{}".encode("utf-16-le"), "c.json:1:1: error: expected UTF-8, found UTF-16"),
        ("{}".encode("utf-16-be"), "c.json:1:1: error: expected UTF-8, found UTF-16"),
        ("{}".encode("utf-32"), "c.json:1:1: error: expected UTF-8, found UTF-32"),
    ],
)
def test_another_encoding_is_named(source: bytes, problem: str) -> None:
    error = refusal(source)
    assert str(error) == problem
    assert error.hint == "save the file as UTF-8"


def test_a_file_of_nul_bytes_is_refused() -> None:
    assert str(refusal(b"\0" * 64)) == "c.json:1:1: error: expected a value, found `" + "\\u0000" * 40 + "…`"


@pytest.mark.parametrize("text", [SAMPLE, "\ufeff" + SAMPLE.replace("\n", "\r\n")])
def test_a_sample_cut_at_any_byte_is_refused_or_read(text: str) -> None:
    source = text.encode()
    read = []
    for end in range(len(source)):
        try:
            read_text(source[:end], "c.json")
        except ChainError as error:
            assert all(problem.startswith("c.json:") for problem in error.problems)  # noqa: PT017
        else:
            read.append(source[end:])
    assert all(rest.strip() == b"" or rest.endswith(b"commas\n") for rest in read)


@given(
    st.one_of(st.binary(), st.text(st.sampled_from('{}[]:,"\\/*u0d8eE+-.1 \n\ttrufalsn\ud7ff'), max_size=40))
)
def test_any_bytes_are_refused_or_read(source: bytes | str) -> None:
    try:
        read_text(source if isinstance(source, bytes) else source.encode(), "c.json")
    except ChainError as error:
        assert error.problems  # noqa: PT017


@given(st.data())
def test_what_is_strict_json_is_read_as_json_reads_it(data: st.DataObject) -> None:
    text = data.draw(st.text(st.sampled_from('{}[]:,"\\u0aeE+-.1 \n'), max_size=12))
    try:
        expected = json.loads(text)
    except ValueError:
        return
    try:
        assert value_of(text) == expected
    except ChainError as error:
        assert "expected each key once" in str(error) or "1.8e308" in str(error)  # noqa: PT017


@pytest.mark.parametrize(
    "piece",
    [
        "[",
        "//\n",
        "/**/",
        '"\\n',
        "1",
        '"a":',
        "\\",
        "/*",
        " ",
        "\n",
        "{",
        "x",
        "-",
        "[],",
        '"a",',
        "1,",
        "{},",
    ],
)
def test_a_large_text_takes_linear_time(piece: str) -> None:
    source = ("[" + piece * (200_000 // len(piece))).encode()
    with pytest.raises(ChainError):
        read_text(source, "c.json")


# --- files ---


def test_a_file_is_read_under_its_path(tmp_path: Path) -> None:
    path = tmp_path / "c.json"
    path.write_bytes(b"{} // x")
    document = read_file(path)
    assert (document.value, document.name) == ({}, str(path))
    assert read_file(path, name="chains/c.json").name == "chains/c.json"


def test_the_largest_file_is_read_and_one_byte_more_refused(tmp_path: Path) -> None:
    path = tmp_path / "c.json"
    path.write_bytes(b"{}".ljust(LARGEST))
    assert read_file(path).value == {}
    path.write_bytes(b"{}".ljust(LARGEST + 1))
    with pytest.raises(ChainError, match=r"^c: error: expected at most 1 MiB, found 1,048,577 bytes$"):
        read_file(path, name="c")
    with pytest.raises(ChainError, match=r"^c: error: expected at most 1 MiB, found 1,048,577 bytes$"):
        read_text(path.read_bytes(), "c")


def test_a_missing_file_is_named_with_the_nearest_one(tmp_path: Path) -> None:
    (tmp_path / "review.json").touch()
    with pytest.raises(ChainError, match=r"^.*reviwe\.json: error: there is no such file$") as caught:
        read_file(tmp_path / "reviwe.json")
    assert caught.value.hint == 'did you mean "review.json"?'


def test_a_missing_file_without_a_near_one_is_just_missing(tmp_path: Path) -> None:
    with pytest.raises(ChainError) as caught:
        read_file(tmp_path / "c.json")
    assert caught.value.hint is None


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(ChainError, match="there is no such file") as caught:
        read_file(tmp_path / "none" / "c.json")
    assert caught.value.hint == f"there is no folder `{tmp_path / 'none'}` either"


def test_a_directory_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(ChainError, match="error: expected a file, found a directory"):
        read_file(tmp_path)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such pipes")
def test_a_pipe_is_refused_instead_of_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "c.json")
    with pytest.raises(ChainError, match="error: expected a file, found no regular file"):
        read_file(tmp_path / "c.json")


@pytest.mark.parametrize("name", ["a\0b", "x" * 5000, "c.json/below"])
def test_a_path_that_cannot_be_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "c.json").touch()
    with pytest.raises(ChainError, match="error: "):
        read_file(tmp_path / name)


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="needs a file whose reading fails")
def test_a_file_that_cannot_be_read_is_named_with_the_reason() -> None:
    with pytest.raises(ChainError, match=r"^/proc/self/mem: error: the file cannot be read: "):
        read_file(Path("/proc/self/mem"))
