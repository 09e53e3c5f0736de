"""Is every mistake in a chain file told, at its place, at once, and without a trace left behind?

Rows B1 to B5, B7 and B9 of the faults: what is wrong is an error of the chain, never of the program.
"""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path
from typing import Any

import pytest

from llmauto.authoring import unbuilt
from llmauto.authoring.chain_keys import CHAIN
from llmauto.authoring.flat import flatten
from llmauto.authoring.link_keys import LINK_FIELDS
from llmauto.authoring.load import load
from llmauto.errors import ChainError
from llmauto.settings import Settings
from tests.support.homes import NOW, SEED_EXAMPLE, Bench, chain, one_link

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = {path.stem: path.read_bytes() for path in sorted((ROOT / "chains").glob("*.json"))}
EXAMPLES["seed"] = json.dumps(SEED_EXAMPLE, indent=2).encode()


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


# --- B1: no chain at all ---


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_chain_cut_at_any_byte_is_an_error_of_the_chain(bench: Bench, name: str) -> None:
    whole = EXAMPLES[name].rstrip()
    path = bench.write(b"")
    before = bench.files()
    for end in range(len(whole)):
        path.write_bytes(whole[:end])
        with pytest.raises(ChainError) as caught:
            load(path, home=bench.home, settings=Settings(), now=NOW)
        assert str(path) in caught.value.problems[0]
    assert bench.files() == before


@pytest.mark.parametrize(
    "text",
    ["", "5", "[]", "null", '"x"', '{"links": [], "links": []}', '{"max_rounds": NaN}', "[" * 10_000,
     '{"a":' * 10_000, '{"max_rounds": ' + "9" * 5000 + "}"],
    ids=["empty", "number", "array", "null", "text", "twice", "nan", "deep", "deeper", "digits"],
)  # fmt: skip
def test_what_is_no_chain_is_told_with_a_place(bench: Bench, text: str) -> None:
    assert all(problem.split(":")[0].isdigit() for problem in bench.problems(text))


def test_a_byte_order_mark_is_no_mistake(bench: Bench) -> None:
    assert bench.load(b"\xef\xbb\xbf" + json.dumps(chain([{}])).encode()).warnings == ()


def test_a_folder_or_a_missing_file_is_told(bench: Bench) -> None:
    for path in (bench.root, bench.root / "none.json", bench.root / "a\0b.json"):
        with pytest.raises(ChainError):
            load(path, home=bench.home, settings=Settings())


# --- B2: wrong values ---


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"links": 5}, "expected an array of links, found `5` [links]"),
        ({"links": []}, "expected an array of links with at least 1, found 0 [links]"),
        ({"max_rounds": "x"}, "expected a whole number from 0 to 1,000,000, found `x` [max_rounds]"),
        ({"max_rounds": "3"}, 'found the text `"3"` [max_rounds]'),
        ({"telegram": {"enabled": "true"}}, 'found the text `"true"` [telegram.enabled]'),
        ({"max_rounds": True}, "expected a whole number from 0 to 1,000,000, found `true` [max_rounds]"),
        ({"max_rounds": None}, "expected a whole number from 0 to 1,000,000, found `null` [max_rounds]"),
        ({"max_rounds": -1}, "expected a whole number from 0 to 1,000,000, found `-1` [max_rounds]"),
        ({"max_rounds": 1.5}, "expected a whole number from 0 to 1,000,000, found `1.5` [max_rounds]"),
        ({"runtime_hours": 1e99}, "expected a number from 0 to 87,660 hours, found `1e+99` [runtime_hours]"),
        ({"runtime_hours": False}, "expected a number from 0 to 87,660 hours, found `false` [runtime_hours]"),
        ({"max_rounds": 10**40}, "expected a whole number from 0 to 1,000,000, "
                                 "found a number with too many digits [max_rounds]"),
        ({"mode": "onec"}, "expected one of `loop`, `once`, `deadend`, `conditional`, found `onec`, "
                           'did you mean "once"? [mode]'),
        ({"max_round": 3}, 'unknown key `max_round`, did you mean "max_rounds"? [max_round]'),
        ({"xyzzy": 3}, "unknown key `xyzzy` in a chain [xyzzy]"),
        ({"deadline": "2030-02-30"}, "expected a date `2030-12-31` or a date and time `2030-12-31T18:00`, "
                                     "found `2030-02-30` [deadline]"),
        ({"breakers": {"denials": True}}, "expected a whole number from 0 to 10,000, found `true` "
                                          "[breakers.denials]"),
        ({"defaults": {"name": "x"}}, "unknown key `name` in link defaults [defaults.name]"),
        ({"env": {"A": 1}}, "expected a text, found `1` [env.A]"),
        ({"workdir": "nowhere"}, "is not a folder that exists [workdir]"),
        ({"inputs": {"a": [1]}}, "found an array [inputs.a]"),
        ({"prompts": {"p": {"type": "file"}}}, "a prompt of type `file` needs `path` [prompts.p]"),
    ],
)  # fmt: skip
def test_wrong_values_of_a_chain_are_told(bench: Bench, keys: dict[str, Any], message: str) -> None:
    problem = bench.one_problem({**chain([{}]), **keys})
    assert problem.endswith(message)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"modle": "x"}, 'unknown key `modle`, did you mean "model"? [links[0].modle]'),
        ({"role": "workr"}, 'found `workr`, did you mean "worker"? [links[0].role]'),
        ({"model": 5}, "expected the name of a model or `null`, found `5` [links[0].model]"),
        ({"model": "-rf"}, "expected the name of a model, found `-rf` [links[0].model]"),
        ({"model": ""}, "expected the name of a model, found an empty one [links[0].model]"),
        ({"continue": "yes"}, "expected `true` or `false`, found `yes` [links[0].continue]"),
        ({"allowed_tools": [1]}, "expected a text that is not empty, found `1` [links[0].allowed_tools[0]]"),
        ({"timeout_seconds": 0}, "expected a number above 0 to 2,678,400 seconds, found `0` "
                                 "[links[0].timeout_seconds]"),
        ({"backend": "cluade"}, 'unknown backend `cluade`, did you mean "claude"? [links[0].backend]'),
        ({"backend": "zzz"}, "known are `claude`, `command`, `demo` [links[0].backend]"),
        ({"backend": "codex"}, "not built yet: the backend `codex` [links[0].backend]"),
        ({"backend": "command"}, '`"run": ["make", "test"]` [links[0].run]'),
        ({"backend": "command", "run": [""]}, '`"run": ["make", "test"]` [links[0].run]'),
        ({"backend": "command", "run": "make test"}, "expected an array of a program and its arguments, "
                                                     "found `make test` [links[0].run]"),
        ({"run": ["x"]}, '`run` belongs to `"backend": "command"` or `"role": "check"` [links[0].run]'),
        ({"workdir": "nowhere"}, "is not a folder that exists [links[0].workdir]"),
        ({"description": "a\0b"}, "holds a NUL byte, which no program can be given [links[0].description]"),
        ({"env": {"A": "a\0b"}}, "holds a NUL byte, which no program can be given [links[0].env.A]"),
        ({"env": {"A=B": "x"}}, 'expected a variable\'s name without `=`, found `A=B` [links[0].env["A=B"]]'),
    ],
)  # fmt: skip
def test_wrong_values_of_a_link_are_told(bench: Bench, keys: dict[str, Any], message: str) -> None:
    problems = bench.problems(one_link(**keys))
    assert problems[0].endswith(message)


def test_all_mistakes_are_told_in_one_run_in_the_order_of_the_file(bench: Bench) -> None:
    text = """{
  "mode": "onec",
  "max_rounds": "x",
  "links": [
    {"name": "a", "prompt": "nothere.txt", "model": 5},
    {"name": "A", "prompt": "do it", "backend": "cluade"},
    7
  ],
  "deadline": "soon"
}"""
    problems = bench.problems(text)
    assert [problem.split(": ")[0] for problem in problems] == [
        "2:11", "3:17", "5:29", "5:53", "6:14", "6:49", "7:5", "9:15",
    ]  # fmt: skip


def test_an_unknown_key_is_shown_where_the_key_stands(bench: Bench) -> None:
    problem = bench.one_problem('{"max_rounds": 1,\n  "lnks": [],\n "links": [{"prompt": "do it"}]}')
    assert problem == '2:3: error: unknown key `lnks`, did you mean "links"? [lnks]'


def test_a_missing_links_key_is_told(bench: Bench) -> None:
    assert bench.one_problem('{"max_rounds": 1}').startswith("1:1: error: `links` is missing")


def test_a_wrong_prompt_is_told_once_and_not_again_by_the_link_that_uses_it(bench: Bench) -> None:
    problems = bench.problems({**one_link(prompt="p"), "prompts": {"p": {"type": "fle"}}})
    assert len(problems) == 1
    assert 'did you mean "file"?' in problems[0]


def test_a_file_full_of_mistakes_names_fifty(bench: Bench) -> None:
    problems = told(bench, {f"k{n}": 1 for n in range(70)})
    assert len(problems) == 51
    assert problems[-1].endswith("error: and 21 more")


def told(bench: Bench, text: Any) -> tuple[str, ...]:
    with pytest.raises(ChainError) as caught:
        bench.load(text)
    return caught.value.problems


ODD: list[Any] = [
    None, True, 0, -1, 1.5, 1e99, 10**400, "", " ", "x", "a b", "\\", "{", "next", "0", "a" * 5000,
    [], [[]], ["x"], {}, {"x": {}}, {"x": None}, {"_": 1}, {"type": "file"}, {"type": "file", "path": "/"},
]  # fmt: skip


@pytest.fixture
def built(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """A home of a program in which everything is built, so that every value is looked at."""
    monkeypatch.setattr(unbuilt, "CHAIN_KEYS", {})
    monkeypatch.setattr(unbuilt, "LINK_KEYS", {})
    return bench


@pytest.mark.parametrize("key", [one.key for one in CHAIN.fields])
def test_no_value_of_a_chain_is_more_than_a_mistake(built: Bench, key: str) -> None:
    for value in ODD:
        with contextlib.suppress(ChainError):
            flatten(built.load({**chain([{}]), key: value}).chain)


@pytest.mark.parametrize("key", [one.key for one in LINK_FIELDS])
def test_no_value_of_a_link_is_more_than_a_mistake(built: Bench, key: str) -> None:
    for value in ODD:
        with contextlib.suppress(ChainError):
            flatten(built.load(chain([{key: value}], mode="conditional")).chain)


# --- B3: links that do not go together ---


def test_the_same_name_twice_is_told(bench: Bench) -> None:
    problem = bench.one_problem(chain([{"name": "a"}, {"name": "b"}, {"name": "a"}]))
    assert "the link name `a` is used again, first by the link in line 4 [links[2].name]" in problem


def test_a_name_made_from_role_and_place_collides_too(bench: Bench) -> None:
    problem = bench.one_problem(chain([{"name": "worker-2"}, {}]))
    assert "the link name `worker-2` is used again" in problem


def test_names_that_differ_by_case_alone_are_told(bench: Bench) -> None:
    problem = bench.one_problem(chain([{"name": "a"}, {"name": "A"}]))
    assert problem.endswith("the link names `a` and `A` differ by case alone [links[1].name]")


def test_a_loop_without_a_bound_and_without_breakers_is_refused(bench: Bench) -> None:
    off = {"no_progress": 0, "failures": 0, "same_error": 0, "denials": 0}
    unbound = {"links": [{"prompt": "do it"}], "breakers": off}
    assert "nothing would ever end this loop" in bench.one_problem(unbound)
    assert bench.load({**unbound, "budget_tokens": 5}).warnings == ()
    assert bench.load({**unbound, "mode": "once"}).warnings == ()


# --- B4: names ---


@pytest.mark.parametrize(
    "name",
    ["../../x", "/abs", "a/b", "..", "\n", "a\n", "CON", "nul.txt", "x" * 300, "-rf", "a.", "a b",
     "e\u0301", "\u00e9", "a\\b", "~", "a:b"],
)  # fmt: skip
def test_a_link_name_that_is_no_good_file_name_is_refused(bench: Bench, name: str) -> None:
    before = bench.files() | {"chains/c.json"}
    assert bench.one_problem(one_link(name=name)).endswith("[links[0].name]")
    assert bench.files() == before


def test_an_empty_link_name_is_refused(bench: Bench) -> None:
    assert "found an empty one [links[0].name]" in bench.one_problem(one_link(name=""))


@pytest.mark.parametrize("name", ["a b", "CON", "../x", "a/b", "x.", "a\n"])
def test_a_prompt_name_follows_the_same_rules(bench: Bench, name: str) -> None:
    assert "[prompts" in bench.one_problem({**chain([{}]), "prompts": {name: "text"}})


def test_a_chain_is_called_after_its_file(bench: Bench) -> None:
    with pytest.raises(ChainError, match="is called after its file, and `nul` is reserved by Windows"):
        bench.load(chain([{}]), name="nul")


# --- B7 and B9: hostile texts ---

HOSTILE = [
    "$(touch pwned)", "`touch pwned`", "; touch pwned", '"; touch pwned; "', "a\nb", "%PATH%", "'; x",
    "\u001b[31mred", "\u202e", "ä→😀", "\t", "|&<>^",
]  # fmt: skip
TEXT_KEYS = ["model", "fallback_model", "description", "permission_mode", "agent", "effort", "context_hint"]
TEXT_KEYS += ["system_prompt"]


@pytest.mark.parametrize("key", TEXT_KEYS)
@pytest.mark.parametrize("text", HOSTILE)
def test_texts_arrive_as_they_are(bench: Bench, key: str, text: str) -> None:
    made = bench.load(one_link(**{key: text})).chain.links[0]
    assert getattr(made, key) == text


@pytest.mark.parametrize("text", HOSTILE)
def test_arguments_variables_and_tools_arrive_as_they_are(bench: Bench, text: str) -> None:
    made = bench.load(
        one_link(backend="command", run=["prog", text], env={"A": text}, backend_args=[text])
    ).chain.links[0]
    assert (made.run, made.env, made.backend_args) == (("prog", text), {"A": text}, (text,))


def test_half_a_surrogate_pair_is_told(bench: Bench) -> None:
    assert "surrogate" in bench.problems('{"max_rounds": 1, "links": [{"prompt": "a \\ud800 b"}]}')[0]


@pytest.mark.parametrize("name", ["a\u001b[31mb", "a\u202eb"])
def test_messages_show_no_escape_as_it_is(bench: Bench, name: str) -> None:
    for keys in ({"name": name}, {name: 1}, {"role": name}, {"prompt": name.replace(" ", "")}):
        told = "\n".join(bench.problems(one_link(**keys)))
        assert "\u001b" not in told
        assert "\u202e" not in told


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root reads everything")
def test_a_chain_that_cannot_be_read_is_told(bench: Bench) -> None:
    path = bench.write(chain([{}]))
    path.chmod(0)
    with pytest.raises(ChainError, match="cannot be read"):
        load(path, home=bench.home, settings=Settings())
