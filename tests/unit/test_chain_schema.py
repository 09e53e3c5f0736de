"""Do the committed JSON Schemas say what the program checks?"""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from llmauto.authoring.chain_keys import BREAKERS, CHAIN
from llmauto.authoring.compounds import Either, Items, Named
from llmauto.authoring.config_keys import CONFIG
from llmauto.authoring.fields import Field, Table
from llmauto.authoring.link_keys import LINK_FIELDS
from llmauto.authoring.reference import FILE, page
from llmauto.authoring.schema import as_text, committed, schemas
from llmauto.authoring.shapes import Choice, Flag, Null, Number, Shape, Text
from llmauto.model import Breakers, Chain, Link
from tests.support.homes import SEED_EXAMPLE

ROOT = Path(__file__).resolve().parents[2]
ODD: list[Any] = [
    None, True, False, 0, 1, 2, -1, 1.0, 2.5, 0.5, 1e99, 10**12, "", "x", "a\0b", "next", "-x", "a,b", "_n",
    [], ["x"], [1], {}, {"x": 1}, {"_n": 1}, {"A=B": "x"}, {"type": "file"},
]  # fmt: skip
JUNK = st.sampled_from(ODD)
DICE = st.sampled_from(range(25))
GOOD_WORDS = ["x", "_note", "APPROVED", "claude"]
BAD_WORDS = ["a-b.c", "A B", "*", "a\n", "é", "", "A=B"]


def near(shape: Shape) -> st.SearchStrategy[Any]:
    """Values that nearly always fit `shape`, so that a whole chain of them often does."""
    good = fitting(shape)
    return DICE.flatmap(lambda dice: JUNK if dice == 0 else good)


def fitting(shape: Shape) -> st.SearchStrategy[Any]:
    """Values of the JSON type of `shape`, and mostly in its bounds."""
    if isinstance(shape, Table):
        return table(shape)
    if isinstance(shape, Named):
        return st.dictionaries(mostly(GOOD_WORDS, BAD_WORDS), near(shape.value), max_size=2)
    if isinstance(shape, Items):
        return st.lists(near(shape.item), max_size=2)
    if isinstance(shape, Either):
        return st.one_of([fitting(inner) for inner in shape.of])
    return scalar(shape)


def mostly(good: list[Any], edges: list[Any]) -> st.SearchStrategy[Any]:
    return DICE.flatmap(lambda dice: st.sampled_from(good if dice else edges))


def scalar(shape: Shape) -> st.SearchStrategy[Any]:
    if isinstance(shape, Choice):
        return mostly(list(shape.of), [shape.of[0].upper()])
    if isinstance(shape, Number):
        outside = [shape.least, shape.least - 1, shape.most + 1, shape.least + 0.5]
        return mostly([shape.most, 1], outside)
    if isinstance(shape, Flag):
        return st.booleans()
    if isinstance(shape, Null):
        return st.none()
    if isinstance(shape, Text):
        return mostly(["x", "https://x", "https://two words"], ["", "a\0b", "-x"])
    return JUNK


def table(shape: Table) -> st.SearchStrategy[dict[str, Any]]:
    required = {one.key: near(one.shape) for one in shape.fields if one.required}
    some = st.lists(st.sampled_from(shape.fields), max_size=4, unique_by=lambda one: one.key)
    given_fields = some.flatmap(
        lambda ones: st.fixed_dictionaries({one.key: near(one.shape) for one in ones})
    )
    others = st.dictionaries(st.sampled_from(["$schema", "_note", "modle"]), JUNK, max_size=1)
    base = st.one_of(st.fixed_dictionaries(required), st.fixed_dictionaries(required), st.just({}))
    return st.builds(lambda first, then, last: first | then | last, base, given_fields, others)


@pytest.mark.parametrize("what", ["chain", "config", "rehearsal"])
def test_the_committed_schema_is_that_of_the_tables(what: str) -> None:
    """Where this fails: `python -m llmauto.authoring.schema` writes the files anew."""
    assert committed(what) == as_text(schemas()[what])


@pytest.mark.parametrize("what", ["chain", "config", "rehearsal"])
def test_the_schema_is_a_schema(what: str) -> None:
    jsonschema.Draft202012Validator.check_schema(json.loads(committed(what)))


VALIDATORS = {what: jsonschema.Draft202012Validator(schema) for what, schema in schemas().items()}


def agree(shape: Table, what: str, value: Any) -> None:
    problems = list(shape.problems(value, ()))
    assert VALIDATORS[what].is_valid(value) == (not problems), (problems, value)


@pytest.mark.parametrize("key", [one.key for one in CHAIN.fields])
def test_schema_and_program_take_the_same_values_of_each_key_of_a_chain(key: str) -> None:
    for value in ODD:
        agree(CHAIN, "chain", SEED_EXAMPLE | {key: value})


@pytest.mark.parametrize("key", [one.key for one in LINK_FIELDS])
def test_schema_and_program_take_the_same_values_of_each_key_of_a_link(key: str) -> None:
    for value in ODD:
        agree(CHAIN, "chain", {"links": [{key: value}]})


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(near(CHAIN))
def test_schema_and_program_take_the_same_chains(value: Any) -> None:
    agree(CHAIN, "chain", value)


@settings(max_examples=100, deadline=None)
@given(near(CONFIG))
def test_schema_and_program_take_the_same_configs(value: Any) -> None:
    agree(CONFIG, "config", value)


FILES = [*sorted((ROOT / "chains").glob("*.json")), *sorted((ROOT / "templates").rglob("*.json"))]


@pytest.mark.parametrize("path", [*FILES, ROOT / "config.json"], ids=lambda path: path.stem)
def test_what_ships_fits_its_schema(path: Path) -> None:
    what = "config" if path.stem == "config" else "chain"
    jsonschema.Draft202012Validator(schemas()[what]).validate(json.loads(path.read_text(encoding="utf-8")))


def test_the_seeds_example_fits_the_schema() -> None:
    jsonschema.Draft202012Validator(schemas()["chain"]).validate(SEED_EXAMPLE)


def test_a_whole_number_in_the_form_of_a_fraction_is_whole() -> None:
    agree(CHAIN, "chain", SEED_EXAMPLE | {"max_rounds": 3.0})
    assert list(CHAIN.problems(SEED_EXAMPLE | {"max_rounds": 3.0}, ())) == []


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_json_does_not_have_is_no_number(value: float) -> None:
    assert list(Number(most=5).problems(value, ()))


# --- one field is one option ---


MODELS: list[tuple[tuple[Field, ...], Any]] = [
    (CHAIN.fields, Chain(name="c", links=())),
    (LINK_FIELDS, Link(name="l")),
    (BREAKERS.fields, Breakers()),
]


@pytest.mark.parametrize(("fields", "model"), MODELS, ids=["chain", "link", "breakers"])
def test_the_tables_defaults_are_those_of_the_model(fields: tuple[Field, ...], model: Any) -> None:
    for one in fields:
        if one.attr and one.default is not None:
            assert one.model_value(one.default) == getattr(model, one.attr), one.key


def test_every_value_of_the_model_has_a_key_or_is_derived() -> None:
    derived_in_chains = {"name", "path", "links", "deadline", "inputs", "required_inputs"}
    derived_in_chains |= {"telegram_enabled", "telegram_every_n_links"}
    in_chains = {one.attr for one in CHAIN.fields if one.attr} | derived_in_chains
    in_links = {one.attr for one in LINK_FIELDS} | {"prompt_source", "gate_timeout_s"}
    assert {one.name for one in dataclasses.fields(Chain)} == in_chains
    assert {one.name for one in dataclasses.fields(Link)} == in_links


def test_every_key_has_help_and_stands_in_the_reference() -> None:
    """Where this fails: `python -m llmauto.authoring.reference` writes the page anew."""
    assert FILE.read_text(encoding="utf-8") == page()
    for fields in (CHAIN.fields, LINK_FIELDS, CONFIG.fields, BREAKERS.fields):
        for one in fields:
            assert one.help or one.dead, one.key
            assert one.dead or f"| `{one.key}` |" in page()
