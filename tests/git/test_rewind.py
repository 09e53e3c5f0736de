"""A rewind puts every byte of the workdir back, and nothing else."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from llmauto.checkpoints import CheckpointError, GitCheckpoints, found
from llmauto.checkpoints.rewinding import Plan, Rewind
from tests.support.repositories import ENV, Repo, Tree

pytestmark = pytest.mark.git

posix = pytest.mark.skipif(os.name == "nt", reason="links and modes as POSIX has them")


@pytest.fixture(autouse=True, scope="module")
def nobodys_settings() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in ENV.items():
            if "CONFIG" in name:
                patch.setenv(name, value)
        yield


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    return Repo(tmp_path / "project")


def take(workdir: Path, *own: Path) -> str:
    kept = GitCheckpoints(workdir, own).take("r", 1, "w", "before")
    assert kept is not None
    return kept.commit


def rewind(workdir: Path, commit: str, *own: Path) -> Plan:
    """Like a command: everything anew from the disk."""
    one = Rewind(GitCheckpoints(workdir, own))
    plan = one.plan(commit)
    one.apply(plan, "r")
    return plan


# --- any tree, any change ---------------------------------------------------------------------------

PARTS = st.sampled_from(["a", "b", "c.txt", "ü", "x y", "l\nb", ".hid", "-n", "*"])
NAMES = st.lists(PARTS, min_size=1, max_size=3).map("/".join)
BYTES = st.sampled_from([b"", b"a\r\nb\r\n", b"a\nb\n", b"\0\xff", b"$Id: x $\n", b"mixed\r\nends\n"])
FILES = st.one_of(
    st.tuples(st.just("file"), BYTES),
    st.tuples(st.just("program"), BYTES),
    st.tuples(st.just("link"), st.sampled_from([b"a", b"nowhere", b"../..", b"b/c.txt"])),
)
TREES = st.dictionaries(NAMES, FILES, max_size=7)
RULES = st.sampled_from([b"", b"* text=auto\n", b"* text eol=crlf ident\n", b"*.txt filter=up\n"])


def lay_out(repo: Repo, wanted: Tree, rules: bytes) -> None:
    """Make the workdir hold just these files, and an ignored one."""
    for path in repo.top.iterdir():
        if path.name == ".git" or path.name == "i.ign":
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    if rules:
        repo.write(".gitattributes", rules)
    for name, (kind, data) in wanted.items():
        path = repo.top / name
        if any(parent.is_symlink() or parent.is_file() for parent in path.parents) or path.is_dir():
            continue  # two names that cannot both be
        path.parent.mkdir(parents=True, exist_ok=True)
        if kind == "link":
            path.symlink_to(os.fsdecode(data))
        else:
            repo.write(name, data, mode=0o755 if kind == "program" else 0o644)


@posix
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(first=TREES, then=TREES, rules=st.tuples(RULES, RULES), committed=st.booleans(), staged=st.booleans())
def test_a_rewind_brings_back_every_byte(
    first: Tree, then: Tree, rules: tuple[bytes, bytes], committed: bool, staged: bool
) -> None:
    with TemporaryDirectory() as folder:
        repo = Repo(Path(folder))
        repo.git("config", "filter.up.clean", "tr a-z A-Z")
        (repo.top / ".git" / "info" / "exclude").write_bytes(b"*.ign\n")
        repo.write("i.ign", b"never touched")
        lay_out(repo, first, rules[0])
        if staged:
            repo.git("add", "-A")
        before = repo.files()
        commit = take(repo.top)
        lay_out(repo, then, rules[1])
        if committed:
            repo.commit("by an agent")
        repo.git("add", "-N", ".")
        after, persons = repo.files(), repo.persons()
        rewind(repo.top, commit)
        assert repo.files() == before
        assert repo.persons() == persons
        undo = Rewind(GitCheckpoints(repo.top)).undo("r")
        assert undo is not None
        rewind(repo.top, undo)
        assert repo.files() == after
        assert repo.persons() == persons


# --- one by one ---------------------------------------------------------------------------------------


def test_a_plan_says_what_would_be_written_and_removed_and_does_nothing(repo: Repo) -> None:
    repo.write("gone")
    commit = take(repo.top)
    (repo.top / "gone").unlink()
    repo.write("new")
    repo.write("README", b"changed\n")
    files, refs = repo.files(), repo.git("for-each-ref")
    one = Rewind(GitCheckpoints(repo.top))
    plan = one.plan(commit)
    one.forget()
    assert [change.path for change in plan.written] == ["README", "gone"]
    assert [change.path for change in plan.removed] == ["new"]
    assert (repo.files(), repo.git("for-each-ref")) == (files, refs)


def test_a_file_that_did_not_change_is_not_written(repo: Repo) -> None:
    same = repo.write("same")
    os.utime(same, (1, 1))
    commit = take(repo.top)
    repo.write("README", b"changed\n")
    rewind(repo.top, commit)
    assert same.stat().st_mtime == 1


def test_where_nothing_differs_there_is_nothing_to_do(repo: Repo) -> None:
    assert Rewind(GitCheckpoints(repo.top)).plan(take(repo.top)).nothing


def test_ignored_files_stay(repo: Repo) -> None:
    repo.write(".gitignore", b"*.log\n")
    commit = take(repo.top)
    repo.write("out/run.log", b"log")
    repo.write("out/new")
    rewind(repo.top, commit)
    assert set(repo.files()) == {".gitignore", "README", "out/run.log"}


def test_files_that_were_ignored_then_stay(repo: Repo) -> None:
    repo.write(".gitignore", b"*.log\n/data/\n")
    repo.write("run.log", b"log")
    repo.write("data/x", b"precious")
    commit = take(repo.top)
    repo.write(".gitignore", b"")
    repo.write("new")
    plan = rewind(repo.top, commit)
    assert repo.files()["data/x"] == ("file", b"precious")
    assert set(repo.files()) == {".gitignore", "README", "run.log", "data/x"}
    assert plan.left == ("data/x", "run.log")


def test_a_file_that_is_ignored_now_is_kept_before_it_is_put_back(repo: Repo) -> None:
    repo.write("a.log", b"then")
    commit = take(repo.top)
    shutil.rmtree(repo.top / ".git" / "llmauto")
    repo.write(".gitignore", b"*.log\n")
    repo.write("a.log", b"now")
    rewind(repo.top, commit)
    assert repo.files()["a.log"] == ("file", b"then")
    undo = Rewind(GitCheckpoints(repo.top)).undo("r")
    assert undo is not None
    rewind(repo.top, undo)
    assert repo.files()["a.log"] == ("file", b"now")


def test_large_files_stay_as_they_are(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(found, "LARGEST_FILE", 1000)
    repo.write("grew", b"x" * 10)
    repo.write("big", b"x" * 1001)
    commit = take(repo.top)
    repo.write("grew", b"y" * 2000)
    repo.write("big", b"small now")
    repo.write("big2", b"z" * 2000)
    plan = rewind(repo.top, commit)
    assert repo.files()["big"] == ("file", b"small now")
    assert repo.files()["grew"] == ("file", b"y" * 2000)
    assert plan.left == ("big",)


def test_repositories_inside_the_workdir_stay(repo: Repo) -> None:
    commit = take(repo.top)
    inner = Repo(repo.top / "inner")
    repo.write("new")
    rewind(repo.top, commit)
    assert inner.git("status", "--porcelain") == ""
    assert not (repo.top / "new").exists()


def test_a_folder_that_became_a_repository_gets_its_files_back_and_stays_one(repo: Repo) -> None:
    repo.write("lib/a", b"1")
    commit = take(repo.top)
    repo.write("lib/a", b"2")
    inner = Repo(repo.top / "lib", commit=False)
    inner.commit()
    persons = inner.persons()
    rewind(repo.top, commit)
    assert inner.files() == {"a": ("file", b"1")}
    assert inner.persons() == persons


def test_own_files_stay(repo: Repo) -> None:
    own = repo.top / "state"
    repo.write("state/handoff.md", b"1")
    commit = take(repo.top, own)
    repo.write("state/handoff.md", b"2")
    repo.write("state/new", b"2")
    repo.write("README", b"changed\n")
    rewind(repo.top, commit, own)
    assert repo.files() == {
        "README": ("file", b"hello\n"),
        "state/handoff.md": ("file", b"2"),
        "state/new": ("file", b"2"),
    }


def test_outside_of_the_workdir_nothing_is_put_back(repo: Repo) -> None:
    repo.write("sub/a", b"1")
    repo.write("b", b"1")
    commit = take(repo.top / "sub")
    repo.write("sub/a", b"2")
    repo.write("b", b"2")
    repo.commit()
    rewind(repo.top / "sub", commit)
    assert repo.files()["sub/a"] == ("file", b"1")
    assert repo.files()["b"] == ("file", b"2")


@posix
def test_nothing_is_written_through_a_link(repo: Repo, tmp_path: Path) -> None:
    repo.write("d/a", b"1")
    commit = take(repo.top)
    shutil.rmtree(repo.top / "d")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "a").write_bytes(b"mine")
    (repo.top / "d").symlink_to(elsewhere)
    rewind(repo.top, commit)
    assert (elsewhere / "a").read_bytes() == b"mine"
    assert repo.files()["d/a"] == ("file", b"1")


@posix
def test_nothing_is_written_through_a_link_that_git_ignores(repo: Repo, tmp_path: Path) -> None:
    repo.write("d/a", b"1")
    commit = take(repo.top)
    shutil.rmtree(repo.top / "d")
    repo.write(".gitignore", b"/d\n")
    (tmp_path / "elsewhere").mkdir()
    (repo.top / "d").symlink_to(tmp_path / "elsewhere")
    try:
        rewind(repo.top, commit)
    except CheckpointError:
        assert (repo.top / "d").is_symlink()
    assert not any((tmp_path / "elsewhere").iterdir())


@posix
def test_a_file_that_was_closed_to_others_stays_closed(repo: Repo) -> None:
    secret = repo.write("secret", b"1", mode=0o600)
    commit = take(repo.top)
    repo.write("secret", b"2", mode=0o600)
    rewind(repo.top, commit)
    assert secret.read_bytes() == b"1"
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600


def test_a_checkpoint_that_is_gone_is_named(repo: Repo) -> None:
    with pytest.raises(CheckpointError, match="the checkpoint 123456123456 is gone"):
        Rewind(GitCheckpoints(repo.top)).plan("123456" * 6 + "1234")


def test_without_a_rewind_there_is_nothing_to_take_back(repo: Repo) -> None:
    assert Rewind(GitCheckpoints(repo.top)).undo("r") is None
