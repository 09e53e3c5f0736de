"""Checkpoints keep the workdir's every byte, and touch nothing of the person's repository."""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path

import pytest

from llmauto.checkpoints import GitCheckpoints, found, repository
from llmauto.git import ask
from tests.support.repositories import ENV, Repo, tree

pytestmark = pytest.mark.git

posix = pytest.mark.skipif(os.name == "nt", reason="links, modes, pipes and scripts as POSIX has them")


@pytest.fixture(autouse=True)
def nobodys_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ENV.items():
        if "CONFIG" in name:
            monkeypatch.setenv(name, value)


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    return Repo(tmp_path / "project")


def take(workdir: Path, call: int = 1, *own: Path) -> str:
    """The commit of a checkpoint that has to come about."""
    checkpoints = GitCheckpoints(workdir, own)
    kept = checkpoints.take("r", call, "w", "before")
    assert kept is not None, checkpoints.problem
    return kept.commit


def paths(repo: Repo, commit: str) -> list[str]:
    return repo.git("-c", "core.quotePath=false", "ls-tree", "-r", "--name-only", commit).splitlines()


def content(repo: Repo, commit: str, path: str) -> bytes:
    answer = ask(repo.top, "cat-file", "blob", f"{commit}:{path}")
    assert answer.ok, answer.said
    return answer.out


def test_untracked_files_are_kept_and_ignored_ones_are_not(repo: Repo) -> None:
    repo.write(".gitignore", b"*.log\n")
    repo.write("new.txt")
    repo.write("run.log")
    assert paths(repo, take(repo.top)) == [".gitignore", "README", "new.txt"]


def test_a_checkpoint_stands_under_a_ref_of_its_call_on_top_of_head(repo: Repo) -> None:
    kept = GitCheckpoints(repo.top).take("20300101-000000-abcd", 7, "worker", "after")
    assert kept is not None
    assert kept.ref == "refs/llmauto/20300101-000000-abcd/0007-worker-after"
    assert (
        repo.git("rev-parse", kept.ref, f"{kept.ref}^") == f"{kept.commit}\n{repo.git('rev-parse', 'HEAD')}"
    )
    assert repo.git("log", "-1", "--format=%an %ae %cn %ce", kept.ref) == " ".join(
        ["llmauto llmauto@localhost"] * 2
    )


@pytest.mark.parametrize("link", ["a..b", "a...b", "x.lock", "w-1", "..."])
def test_every_name_of_a_link_makes_a_ref(repo: Repo, link: str) -> None:
    assert GitCheckpoints(repo.top).take("r.lock", 1, link, "after")


def test_nothing_of_the_persons_is_touched(repo: Repo) -> None:
    repo.write("README", b"stashed\n")
    repo.git("stash")
    repo.write("staged.txt")
    repo.git("add", "staged.txt")
    repo.write("README", b"changed\n")
    repo.write("new.txt")
    before, files = repo.persons(), repo.files()
    assert {"index", "HEAD", "logs/HEAD", "refs/stash", "logs/refs/stash", "refs/heads/main"} <= set(before)
    take(repo.top)
    assert repo.persons() == before
    assert repo.files() == files
    assert repo.git("status", "--porcelain").splitlines() == [" M README", "A  staged.txt", "?? new.txt"]


@posix
def test_no_hook_is_run_and_nothing_is_signed(repo: Repo) -> None:
    hooks = repo.top.parent / "hooks"
    hooks.mkdir()
    for name in ("reference-transaction", "post-index-change", "pre-commit", "post-commit", "post-checkout"):
        hook = hooks / name
        hook.write_text(f"#!/bin/sh\necho {name} >> '{hooks.parent}/ran'\nexit 1\n", encoding="utf-8")
        hook.chmod(0o755)
    repo.git("config", "core.hooksPath", str(hooks))
    repo.git("config", "commit.gpgSign", "true")
    repo.git("config", "core.logAllRefUpdates", "always")
    repo.write("new.txt")
    take(repo.top)
    assert not (repo.top.parent / "ran").exists()
    assert not (repo.top / ".git" / "logs" / "refs" / "llmauto").exists()


def test_a_workdir_that_has_not_changed_makes_no_new_object(repo: Repo) -> None:
    repo.write("new.txt")
    first = take(repo.top)
    objects = tree(repo.top / ".git" / "objects")
    checkpoints = GitCheckpoints(repo.top)
    again = [checkpoints.take("r", call, "w", "after") for call in (2, 3)]
    assert [kept.commit if kept else None for kept in again] == [first, first]
    assert tree(repo.top / ".git" / "objects") == objects


@posix
def test_line_ends_and_filters_change_no_byte(repo: Repo) -> None:
    repo.write(
        ".gitattributes", b"* text=auto\n*.id ident\n*.enc filter=no\n*.u16 working-tree-encoding=UTF-16\n"
    )
    repo.git("config", "filter.no.clean", "tr a-z A-Z")
    repo.write("crlf.txt", b"one\r\ntwo\r\n")
    repo.write("a.id", b"$Id: mine $\n")
    repo.write("a.enc", b"abc")
    repo.write("a.u16", "words\n".encode("utf-16"))
    repo.commit()
    repo.write("later.txt", b"three\r\n")
    commit = take(repo.top)
    for name in ("crlf.txt", "a.id", "a.enc", "a.u16", "later.txt"):
        assert content(repo, commit, name) == (repo.top / name).read_bytes(), name


def test_autocrlf_changes_no_byte(repo: Repo) -> None:
    repo.git("config", "core.autocrlf", "true")
    repo.write("a.txt", b"one\r\n")
    repo.commit()
    assert content(repo, take(repo.top), "a.txt") == b"one\r\n"


@posix
def test_modes_links_and_odd_names_are_kept(repo: Repo) -> None:
    repo.write("tool", mode=0o755)
    repo.write("line\nbreak ü", b"1")
    (repo.top / "link").symlink_to("nowhere")
    commit = take(repo.top)
    listing = repo.git("ls-tree", "-z", commit).split("\0")
    assert {entry.partition("\t")[2]: entry[:6] for entry in listing if entry} == {
        "README": "100644", "tool": "100755", "line\nbreak ü": "100644", "link": "120000",
    }  # fmt: skip


def test_a_repository_without_a_commit_has_checkpoints_too(tmp_path: Path) -> None:
    repo = Repo(tmp_path / "new", commit=False)
    empty = take(repo.top)
    repo.write("a")
    commit = take(repo.top, 2)
    assert commit != empty
    assert paths(repo, commit) == ["a"]
    assert repo.git("rev-parse", "-q", "--verify", f"{commit}^", check=False) == ""


def test_below_the_top_only_the_workdirs_part_is_looked_at(repo: Repo) -> None:
    repo.write("sub/in.txt")
    repo.write("out.txt", b"old\n")
    repo.write(".gitignore", b"*.log\n")
    repo.commit()
    repo.write("out.txt", b"new\n")
    repo.write("out2.txt")
    repo.write("sub/new.txt")
    repo.write("sub/x.log")
    commit = take(repo.top / "sub")
    assert repo.git("diff", "--name-status", "HEAD", commit) == "A\tsub/new.txt"
    repo.commit()
    assert repo.git("diff", "--name-only", "HEAD", take(repo.top / "sub", 2)) == ""


def test_own_files_are_left_out_also_those_that_git_knows(repo: Repo) -> None:
    repo.write("state/c/status.txt")
    repo.write("a")
    repo.commit()
    repo.write("state/c/handoff.md")
    repo.write("journal.db")
    own = (repo.top / "state", repo.top / "journal.db", repo.top.parent, repo.top)
    assert paths(repo, take(repo.top, 1, *own)) == ["README", "a"]


def test_files_that_git_knows_are_kept_though_they_are_ignored(repo: Repo) -> None:
    repo.write(".gitignore", b"*.ign\n")
    repo.write("a.ign", b"1")
    repo.git("add", "-f", "a.ign")
    repo.commit()
    checkpoints = GitCheckpoints(repo.top)
    checkpoints.take("r", 1, "w", "before")
    repo.write("a.ign", b"2")
    repo.write("b.ign", b"3")
    repo.git("add", "-f", "b.ign")
    repo.git("commit", "-q", "-m", "by an agent")
    repo.write("b.ign", b"4")
    kept = checkpoints.take("r", 2, "w", "after")
    assert kept is not None
    assert content(repo, kept.commit, "a.ign") == b"2"
    assert content(repo, kept.commit, "b.ign") == b"4"


def test_entries_that_git_was_told_to_overlook_are_looked_at(repo: Repo) -> None:
    for name in ("assumed", "skipped", "absent"):
        repo.write(name, b"1")
    repo.commit()
    repo.git("update-index", "--assume-unchanged", "assumed")
    repo.git("update-index", "--skip-worktree", "skipped", "absent")
    repo.write("assumed", b"22")
    repo.write("skipped", b"22")
    (repo.top / "absent").unlink()
    commit = take(repo.top)
    assert paths(repo, commit) == ["README", "assumed", "skipped"]
    assert content(repo, commit, "assumed") == content(repo, commit, "skipped") == b"22"


def test_an_index_in_two_parts_is_understood(repo: Repo) -> None:
    repo.write("a.ign")
    repo.commit()
    repo.write(".gitignore", b"*.ign\n")
    repo.git("update-index", "--split-index")
    assert paths(repo, take(repo.top)) == [".gitignore", "README", "a.ign"]


def test_a_merge_in_its_middle_is_kept_as_it_stands(repo: Repo) -> None:
    repo.git("switch", "-q", "-c", "side")
    repo.write("README", b"side\n")
    repo.commit()
    repo.git("switch", "-q", "main")
    repo.write("README", b"main\n")
    repo.commit()
    repo.git("merge", "side", check=False)
    before = repo.persons()
    assert "MERGE_HEAD" in before
    assert b"<<<<<<<" in content(repo, take(repo.top), "README")
    assert repo.persons() == before


def test_large_files_are_left_out_and_that_is_said_once(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(found, "LARGEST_FILE", 1000)
    repo.write("big", b"x" * 1001)
    checkpoints = GitCheckpoints(repo.top)
    kept = checkpoints.take("r", 1, "w", "before")
    assert kept is not None
    assert paths(repo, kept.commit) == ["README"]
    assert list(checkpoints.remarks()) == ["checkpoints leave out `big`: larger than 100 MiB"]
    checkpoints.take("r", 1, "w", "after")
    assert not checkpoints.remarks()
    assert 'left-out: ["big"]' in repo.git("log", "-1", "--format=%B", kept.commit)


def test_repositories_inside_the_workdir_are_left_alone(repo: Repo) -> None:
    Repo(repo.top / "inner")
    Repo(repo.top / "deep" / "empty", commit=False)
    repo.write("a")
    checkpoints = GitCheckpoints(repo.top)
    kept = checkpoints.take("r", 1, "w", "before")
    assert kept is not None
    assert paths(repo, kept.commit) == ["README", "a"]
    assert list(checkpoints.remarks()) == [
        "checkpoints leave out `deep/empty/`, `inner/`: a repository of its own"
    ]


def test_a_submodule_stays_what_it_is(repo: Repo) -> None:
    other = Repo(repo.top.parent / "other")
    repo.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(other.top), "sub")
    repo.commit()
    (repo.top / "sub" / "README").write_bytes(b"changed\n")
    checkpoints = GitCheckpoints(repo.top)
    kept = checkpoints.take("r", 1, "w", "before")
    assert kept is not None
    assert repo.git("diff", "--name-only", "HEAD", kept.commit) == ""
    assert not checkpoints.remarks()


@posix
def test_what_is_neither_file_nor_link_is_left_out(repo: Repo) -> None:
    (repo.top / "README").unlink()
    os.mkfifo(repo.top / "README")
    checkpoints = GitCheckpoints(repo.top)
    assert checkpoints.take("r", 1, "w", "before")
    assert "neither a file nor a link" in checkpoints.remarks()[0]


@posix
def test_folders_become_files_and_links_become_folders(repo: Repo) -> None:
    repo.write("a/x")
    repo.write("b")
    (repo.top / "c").symlink_to("a")
    checkpoints = GitCheckpoints(repo.top)
    checkpoints.take("r", 1, "w", "before")
    shutil.rmtree(repo.top / "a")
    repo.write("a")
    (repo.top / "b").unlink()
    repo.write("b/y")
    (repo.top / "c").unlink()
    repo.write("c/z")
    kept = checkpoints.take("r", 1, "w", "after")
    assert kept is not None
    assert paths(repo, kept.commit) == ["README", "a", "b/y", "c/z"]
    shutil.rmtree(repo.top / "b")
    (repo.top / "b").symlink_to("c")
    kept = checkpoints.take("r", 2, "w", "after")
    assert kept is not None
    assert paths(repo, kept.commit) == ["README", "a", "b", "c/z"]


def test_a_worktree_has_checkpoints_of_its_own(repo: Repo) -> None:
    folder = repo.top.parent / "tree"
    repo.git("worktree", "add", "-q", str(folder), "-b", "other")
    (folder / "in_the_tree").write_bytes(b"1")
    commit = take(folder)
    assert paths(repo, commit) == ["README", "in_the_tree"]
    assert repo.git("rev-parse", "refs/llmauto/r/0001-w-before") == commit


def test_another_hash_than_sha1_is_no_hindrance(tmp_path: Path) -> None:
    repo = Repo(tmp_path / "new", commit=False)
    shutil.rmtree(repo.top / ".git")
    if "sha256" not in repo.git("init", "-q", "--object-format=sha256", check=False) + repo.git(
        "rev-parse", "--show-object-format", check=False
    ):
        pytest.skip("this git knows no SHA-256")
    repo.write("sub/a")
    assert len(take(repo.top / "sub")) == 64


def test_objects_that_were_pruned_are_made_anew(repo: Repo) -> None:
    repo.write("new.txt", b"only here\n")
    commit = take(repo.top)
    repo.git("update-ref", "-d", "refs/llmauto/r/0001-w-before")
    repo.git("prune", "--expire=now")
    assert repo.git("cat-file", "-e", commit, check=False) == ""
    again = take(repo.top, 2)
    assert content(repo, again, "new.txt") == b"only here\n"
    assert "missing" not in repo.git("fsck", "--full")


def test_a_repository_that_a_hook_names_is_not_taken_for_the_workdirs(
    repo: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Repo(tmp_path / "other")
    monkeypatch.setenv("GIT_DIR", str(other.top / ".git"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(other.top / ".git" / "index"))
    take(repo.top)
    monkeypatch.undo()
    assert repo.git("for-each-ref", "refs/llmauto")
    assert not other.git("for-each-ref", "refs/llmauto")


def test_where_no_checkpoint_can_be_the_reason_is_told_once(tmp_path: Path) -> None:
    checkpoints = GitCheckpoints(tmp_path)
    assert checkpoints.take("r", 1, "w", "before") is None
    assert checkpoints.take("r", 1, "w", "after") is None
    assert "not a git repository" in checkpoints.problem
    assert len(checkpoints.remarks()) == 1
    assert not checkpoints.remarks()


def test_a_repository_of_somebody_else_is_told_with_the_way_out(
    repo: Repo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    checkpoints = GitCheckpoints(repo.top)
    if checkpoints.take("r", 1, "w", "before") is not None:
        pytest.skip("this git does not look at owners")
    assert "dubious ownership" in checkpoints.problem
    assert "safe.directory" in checkpoints.remarks()[0]


def test_two_runners_in_one_workdir_do_not_disturb_each_other(repo: Repo) -> None:
    one, other = GitCheckpoints(repo.top), GitCheckpoints(repo.top)
    for call in range(1, 4):
        for run, checkpoints in (("r1", one), ("r2", other)):
            repo.write(f"{run}-{call}")
            kept = checkpoints.take(run, call, "w", "after")
            assert kept is not None
            assert f"{run}-{call}" in paths(repo, kept.commit)


def test_without_git_nothing_is_tried_again(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(repo.top))
    checkpoints = GitCheckpoints(repo.top)
    assert checkpoints.take("r", 1, "w", "before") is None
    assert checkpoints.problem == "git is not installed"
    monkeypatch.undo()
    assert checkpoints.take("r", 1, "w", "after") is None


def test_a_folder_that_the_repository_ignores_has_no_checkpoints(repo: Repo) -> None:
    repo.write(".gitignore", b"/out/\n")
    repo.write("out/a")
    checkpoints = GitCheckpoints(repo.top / "out")
    assert checkpoints.take("r", 1, "w", "before") is None
    assert "ignores this folder" in checkpoints.problem


@posix
def test_a_checkpoint_that_takes_too_long_is_the_last_one(
    repo: Repo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repository, "TAKE_WITHIN_S", 0.3)
    slow = repo.top.parent / "bin"
    slow.mkdir()
    real = shutil.which("git")
    (slow / "git").write_text(
        f'#!/bin/sh\ncase "$*" in *diff-files*) exec sleep 30;; esac\nexec {real} "$@"\n', encoding="utf-8"
    )
    (slow / "git").chmod(0o755)
    monkeypatch.setenv("PATH", f"{slow}{os.pathsep}{os.environ['PATH']}")
    checkpoints = GitCheckpoints(repo.top)
    assert checkpoints.take("r", 1, "w", "before") is None
    assert checkpoints.problem == "git took too long"
    assert "git_checkpoints" in checkpoints.remarks()[0]


@posix
def test_our_git_folder_is_private(repo: Repo) -> None:
    take(repo.top)
    assert stat.S_IMODE((repo.top / ".git" / "llmauto").stat().st_mode) == 0o700


def test_what_killed_processes_left_disturbs_nobody(repo: Repo) -> None:
    take(repo.top)
    side = repo.top / ".git" / "llmauto"
    (memory,) = side.glob("last-*.json")
    stem = next(side.glob("index-*")).name.rpartition("-")[0]
    (side / f"{stem}-12345678").write_bytes(b"half an ind")
    (side / f"{stem}-12345678.lock").write_bytes(b"")
    os.utime(side / f"{stem}-12345678", (0, 0))
    memory.write_bytes(b'{"index": "ind')
    repo.write("a")
    assert paths(repo, take(repo.top, 2)) == ["README", "a"]
    assert not (side / f"{stem}-12345678").exists()
