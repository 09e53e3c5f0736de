"""Is a link's prompt the text that its author meant, and never the name of a file that is not there?"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from llmauto.authoring.load import load
from llmauto.home import shipped_root
from llmauto.model import Link
from llmauto.settings import Settings
from tests.support.homes import Bench, chain, one_link


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def prompt(bench: Bench, text: str, **prompts: object) -> Link:
    return bench.load({**one_link(prompt=text), "prompts": prompts}).chain.links[0]


# --- the order ---


def test_a_name_in_prompts_comes_first(bench: Bench) -> None:
    bench.prompt("p.txt", "of the file")
    made = prompt(bench, "p", p="of the chain")
    assert (made.prompt, made.prompt_source) == ("of the chain", "prompts.p")


@pytest.mark.parametrize("name", ["p", "p.txt", "p.md", "sub/p", "a prompt"])
def test_then_a_file_in_prompts_as_written_or_with_its_ending(bench: Bench, name: str) -> None:
    file = bench.prompt(name if "." in name else f"{name}.md", "of the file")
    made = prompt(bench, name)
    assert (made.prompt, made.prompt_source) == ("of the file", str(file))


def test_as_written_comes_before_endings_and_those_before_the_private_folder(bench: Bench) -> None:
    bench.prompt("_private/p.txt", "private")
    assert prompt(bench, "p").prompt == "private"
    bench.prompt("p.md", "md")
    assert prompt(bench, "p").prompt == "md"
    bench.prompt("p.txt", "txt")
    assert prompt(bench, "p").prompt == "txt"
    bench.prompt("p", "plain")
    assert prompt(bench, "p").prompt == "plain"


def test_the_homes_prompts_come_before_the_shipped_ones(bench: Bench) -> None:
    shipped = (shipped_root() / "prompts" / "worker.txt").read_text(encoding="utf-8")
    assert prompt(bench, "worker").prompt == shipped
    bench.prompt("_private/worker.txt", "mine")
    assert prompt(bench, "worker").prompt == "mine"


def test_then_a_path_from_home_chain_or_workdir(bench: Bench) -> None:
    (bench.root / "texts").mkdir()
    for folder, name in ((bench.root / "texts", "a.txt"), (bench.root / "chains", "b.txt")):
        (folder / name).write_text(name, encoding="utf-8")
    (bench.root / "work" / "c.txt").write_text("c.txt", encoding="utf-8")
    assert prompt(bench, "texts/a.txt").prompt == "a.txt"
    assert prompt(bench, "./b.txt").prompt == "b.txt"
    assert prompt(bench, "c.txt").prompt == "c.txt"
    assert prompt(bench, str(bench.root / "texts" / "a.txt")).prompt == "a.txt"


def test_a_chain_file_from_elsewhere_brings_its_prompts(
    bench: Bench, tmp_path_factory: pytest.TempPathFactory
) -> None:
    other = Bench(tmp_path_factory.mktemp("other"))
    other.prompt("p.txt", "theirs")
    path = other.write(chain([{"prompt": "p"}, {"prompt": "prompts/p.txt"}]))
    made = load(path, home=bench.home, settings=Settings()).chain
    assert [one.prompt for one in made.links] == ["theirs", "theirs"]


def test_a_path_may_lead_anywhere(bench: Bench, tmp_path_factory: pytest.TempPathFactory) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "p.txt"
    elsewhere.write_text("far", encoding="utf-8")
    assert prompt(bench, os.path.relpath(elsewhere, bench.root)).prompt == "far"
    assert prompt(bench, "p", p={"type": "file", "path": str(elsewhere)}).prompt == "far"


def test_else_it_is_the_text_itself(bench: Bench) -> None:
    made = prompt(bench, "Fix the tests.\nThen stop.")
    assert (made.prompt, made.prompt_source) == ("Fix the tests.\nThen stop.", "inline")


def test_a_very_long_text_is_a_text(bench: Bench) -> None:
    text = "Fix the tests. " * 5000
    assert prompt(bench, text).prompt == text


@pytest.mark.parametrize(
    "entry",
    ["Say it.", {"type": "inline", "content": "Say it."}, {"type": "template", "template": "Say it."}],
)
def test_an_entry_of_prompts_may_have_any_of_its_forms(bench: Bench, entry: object) -> None:
    assert prompt(bench, "p", p=entry).prompt == "Say it."


def test_an_entry_that_is_a_file_is_found_from_home_or_in_prompts(bench: Bench) -> None:
    bench.prompt("x.txt", "x")
    for path in ("prompts/x.txt", "x.txt", "x"):
        assert prompt(bench, "p", p={"type": "file", "path": path}).prompt == "x"
    made = prompt(bench, "p", p={"type": "file", "path": "prompts/worker.txt"})
    assert made.prompt_source == str(shipped_root() / "prompts" / "worker.txt")


@pytest.mark.parametrize("role", ["worker", "reviewer", "controller"])
def test_a_link_without_a_prompt_has_the_shipped_one_of_its_role(bench: Bench, role: str) -> None:
    made = bench.load({"max_rounds": 1, "links": [{"role": role}]}).chain.links[0]
    assert made.prompt_source == str(shipped_root() / "prompts" / f"{role}.txt")
    assert made.prompt


# --- what is not found ---


def test_what_looks_like_a_file_and_is_not_there_is_an_error_with_the_nearest_name(bench: Bench) -> None:
    bench.prompt("worker_prompt.txt")
    problem = bench.one_problem(one_link(prompt="worker_promt.txt"))
    assert problem.endswith(
        'there is no prompt `worker_promt.txt`, did you mean "worker_prompt.txt"? [links[0].prompt]'
    )
    named = {**one_link(prompt="reviw"), "prompts": {"review_it": "x y"}}
    assert 'did you mean "review' in bench.one_problem(named)


def test_words_that_end_like_a_file_are_taken_as_words_and_that_is_said(bench: Bench) -> None:
    loaded = bench.load(one_link(prompt="my prompts/plan.txt"))
    assert (
        "there is no file `my prompts/plan.txt`; these words themselves are the prompt" in loaded.warnings[0]
    )


def test_a_file_of_an_entry_that_is_missing_is_an_error(bench: Bench) -> None:
    chained = {**one_link(prompt="p"), "prompts": {"p": {"type": "file", "path": "no where.txt"}}}
    assert "there is no prompt `no where.txt`" in bench.one_problem(chained)


def test_an_entry_that_no_link_uses_may_name_a_file_that_is_not_there(bench: Bench) -> None:
    assert bench.load({**one_link(), "prompts": {"p": {"type": "file", "path": "x.txt"}}}).warnings == ()


# --- what cannot be used ---


@pytest.mark.parametrize(
    ("data", "message"),
    [(b"", "is empty"), (b" \n\t\n", "is empty"), (b"a\0b", "holds a NUL byte: it is no text")],
)
def test_a_file_without_a_text_is_an_error(bench: Bench, data: bytes, message: str) -> None:
    bench.prompt("p.txt", data)
    assert bench.one_problem(one_link(prompt="p.txt")).endswith(f"p.txt {message} [links[0].prompt]")


def test_an_inline_prompt_of_white_space_is_an_error(bench: Bench) -> None:
    assert "the prompt is empty" in bench.one_problem(one_link(prompt=" \n "))


def test_a_folder_is_an_error(bench: Bench) -> None:
    (bench.root / "folder.txt").mkdir()
    assert "is a folder" in bench.one_problem(one_link(prompt="./folder.txt"))


@pytest.mark.skipif(os.name == "nt", reason="no named pipes in folders there")
def test_a_pipe_is_an_error_and_not_waited_for(bench: Bench) -> None:
    os.mkfifo(bench.root / "prompts" / "p.txt")
    assert "is no regular file" in bench.one_problem(one_link(prompt="p.txt"))


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root reads everything")
def test_a_file_that_cannot_be_read_is_an_error(bench: Bench) -> None:
    bench.prompt("p.txt").chmod(0)
    assert "cannot be read" in bench.one_problem(one_link(prompt="p.txt"))


def test_a_prompt_larger_than_the_backend_takes_is_an_error(bench: Bench) -> None:
    bench.prompt("p.txt", b"x" * 10_000_001)
    assert "`claude` takes " in bench.one_problem(one_link(prompt="p.txt"))
    bench.prompt("q.txt", b"x" * 2_000_000)
    assert len(bench.load(one_link(prompt="q.txt")).chain.links[0].prompt) == 2_000_000


# --- a name never leads out ---


@pytest.mark.parametrize("name", ["sub/../../secret.txt", "..\\secret.txt"])
def test_a_name_with_dots_is_a_path_and_no_name(bench: Bench, name: str) -> None:
    (bench.root / "secret.txt").write_text("secret", encoding="utf-8")
    assert "there is no prompt" in bench.one_problem(one_link(prompt=name))


@pytest.mark.skipif(os.name == "nt", reason="links need a right there")
def test_a_name_that_is_a_link_out_of_the_home_is_refused(
    bench: Bench, tmp_path_factory: pytest.TempPathFactory
) -> None:
    secret = tmp_path_factory.mktemp("elsewhere") / "secret"
    secret.write_text("secret", encoding="utf-8")
    (bench.root / "prompts" / "p.txt").symlink_to(secret)
    assert "is a link that leads out of the home" in bench.one_problem(one_link(prompt="p"))
    inside = bench.root / "inside.txt"
    inside.write_text("inside", encoding="utf-8")
    (bench.root / "prompts" / "q.txt").symlink_to(inside)
    assert prompt(bench, "q").prompt == "inside"


# --- how it is read ---


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"\xef\xbb\xbfa\r\nb\rc", "a\nb\nc"),
        ("a ä → b".encode("utf-16"), "a ä → b"),
        (b"# \x1b[31mred", "# \x1b[31mred"),
        ("real \ufffd mark".encode(), "real \ufffd mark"),
    ],
)
def test_texts_are_decoded(bench: Bench, data: bytes, text: str) -> None:
    bench.prompt("p.txt", data)
    loaded = bench.load(one_link(prompt="p.txt"))
    assert loaded.chain.links[0].prompt == text
    assert loaded.warnings == ()


def test_what_is_no_utf8_is_replaced_and_said(bench: Bench) -> None:
    bench.prompt("p.txt", b"gr\xfc\xdfe")
    loaded = bench.load(one_link(prompt="p.txt"))
    assert loaded.chain.links[0].prompt == "gr\ufffd\ufffde"
    assert "is not UTF-8 throughout" in loaded.warnings[0]


def test_an_input_that_the_chain_does_not_name_is_said(bench: Bench) -> None:
    loaded = bench.load(
        {**one_link(prompt="Review {inputs.rnge} and {inputs.range}."), "inputs": {"range": "x"}}
    )
    assert len(loaded.warnings) == 1
    assert (
        '`{inputs.rnge}`, which the chain\'s `inputs` do not name, did you mean "range"?'
        in loaded.warnings[0]
    )


def test_placeholders_stay_for_the_call(bench: Bench) -> None:
    assert prompt(bench, "In {HOME}, {WORKDIR} {{x}}").prompt == "In {HOME}, {WORKDIR} {{x}}"


def test_links_may_share_a_prompt(bench: Bench) -> None:
    bench.prompt("p.txt", "same")
    made = bench.load(chain([{"prompt": "p"}, {"prompt": "p.txt"}])).chain
    assert [one.prompt for one in made.links] == ["same", "same"]
