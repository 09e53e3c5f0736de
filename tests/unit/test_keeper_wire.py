"""The order that a runner hands to its keeper, and the JSON that the keeper writes by hand."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some

from llmauto.keeper import Launch, records, starting
from llmauto.keeper.child import wire

NO_NUL = some.binary(max_size=60).map(lambda raw: raw.replace(b"\0", b"0"))
NAME = NO_NUL.map(lambda raw: raw.replace(b"=", b"-") or b"N")


def an_order() -> wire.Order:
    order = wire.Order()
    order.argv = [b"prog"]
    return order


@given(
    secrets=some.lists(some.tuples(NAME, NO_NUL), max_size=3),
    argv=some.lists(NO_NUL, min_size=1, max_size=5),
    env=some.dictionaries(NAME, NO_NUL, max_size=5),
    cwd=NO_NUL,
    seconds=some.floats(0, 1e9),
    count=some.integers(0, 10**12),
)
def test_an_order_arrives_as_it_was_sent(
    secrets: list[tuple[bytes, bytes]],
    argv: list[bytes],
    env: dict[bytes, bytes],
    cwd: bytes,
    seconds: float,
    count: int,
) -> None:
    order = an_order()
    order.argv, order.env, order.cwd, order.secrets = argv, env, cwd, secrets
    order.timeout_s, order.output_cap = seconds, count
    read, write = os.pipe()
    os.write(write, wire.pack(order) + b"more")
    got = wire.read_order(read)

    assert os.read(read, 9) == b"more"
    os.close(read)
    os.close(write)
    assert (got.argv, got.env, got.cwd, got.secrets) == (argv, env, cwd, secrets)
    assert (got.timeout_s, got.output_cap) == (seconds, count)


def test_an_order_that_was_cut_anywhere_is_none() -> None:
    message = wire.pack(an_order())
    for end in range(len(message)):
        read, write = os.pipe()
        os.write(write, message[:end])
        os.close(write)
        with pytest.raises(wire.BadOrderError):
            wire.read_order(read)
        os.close(read)


@given(some.binary(max_size=200))
def test_other_bytes_are_no_order(data: bytes) -> None:
    with pytest.raises(wire.BadOrderError):
        wire.unpack(data)


@pytest.mark.parametrize("place", ["argv", "cwd", "env", "name"])
def test_what_cannot_be_handed_over_is_refused(place: str) -> None:
    order = an_order()
    if place == "argv":
        order.argv = [b"a\0b"]
    elif place == "cwd":
        order.cwd = b"\0"
    else:
        order.env = {b"N": b"\0"} if place == "env" else {b"A=B": b""}
    with pytest.raises(wire.BadOrderError):
        wire.pack(order)


def test_no_program_is_refused() -> None:
    with pytest.raises(wire.BadOrderError, match="no program"):
        wire.pack(wire.Order())


@given(
    some.dictionaries(
        some.text(max_size=10),
        some.none()
        | some.booleans()
        | some.integers()
        | some.floats(allow_nan=False, allow_infinity=False)
        | some.text(),
        max_size=6,
    )
)
def test_json_by_hand_is_json(values: dict[str, str | int | float | bool | None]) -> None:
    assert json.loads(wire.to_json(values)) == values


def test_the_environment_is_not_in_the_folder(tmp_path: Path) -> None:
    launch = Launch(argv=("a", "b"), cwd="/", env={"TOKEN": "secret"})

    assert b"secret" not in records.spec_text(launch, "mark")


def test_the_call_of_an_outer_llmauto_stays_named() -> None:
    launch = Launch(argv=("a",), cwd="/", env={"LLMAUTO_CALL": "outer"})
    order = starting.make_order(Path("/"), launch)

    assert order.env[b"LLMAUTO_CALL"] == b"outer " + order.mark


def test_the_keeper_imports_only_what_is_cheap() -> None:
    program = Path(wire.__file__).parents[1]
    code = f"import sys; sys.path.insert(0, {str(program)!r}); import child.spare; print(*sys.modules)"
    run = [sys.executable, "-I", "-S", "-c", code]
    loaded = subprocess.run(run, capture_output=True, check=True, encoding="utf-8").stdout.split()
    dear = {
        "json",
        "re",
        "enum",
        "signal",
        "subprocess",
        "dataclasses",
        "typing",
        "pathlib",
        "ctypes",
        "socket",
        "llmauto",
    }

    assert dear & set(loaded) == set()


def test_naming_the_keeper_loads_nothing_of_it() -> None:
    code = "import sys, llmauto.keeper; print(*[name for name in sys.modules if 'keeper.' in name])"
    run = [sys.executable, "-c", code]
    there = Path(wire.__file__).parents[3]

    assert subprocess.run(run, capture_output=True, check=True, cwd=there).stdout.split() == []
