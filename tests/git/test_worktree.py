"""A run in a worktree of its own: made, found again, merged, and removed only when nothing is lost."""

from __future__ import annotations

import json
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from llmauto import merging, worktree
from llmauto.errors import LlmautoError, UsageError
from llmauto.worktree import Worktree
from tests.support.repositories import ENV, Repo

pytestmark = pytest.mark.git


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


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


def create(home: Path, workdir: Path, run: str = "r1") -> Worktree:
    return worktree.create(home, chain="c", run=run, workdir=workdir)


def agent_writes(tree: Worktree, path: str, data: bytes = b"x\n", *, commit: bool = False) -> None:
    file = tree.top / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(data)
    if commit:
        inside = Repo.__new__(Repo)
        inside.top = tree.top
        inside.commit("by an agent")


def test_a_worktree_stands_on_a_branch_of_its_own_at_head(repo: Repo, home: Path) -> None:
    repo.write("README", b"not committed\n")
    before = repo.files()
    tree = create(home, repo.top)
    assert tree.workdir == home / "worktrees" / "c-r1"
    assert (tree.top / "README").read_bytes() == b"hello\n"
    assert repo.git("rev-parse", "llmauto/c/r1") == repo.git("rev-parse", "HEAD") == tree.base
    assert repo.git("symbolic-ref", "--short", "HEAD") == "main"
    assert repo.files() == before


def test_worktrees_are_private_and_git_ignores_them(repo: Repo) -> None:
    create(repo.top, repo.top)
    assert repo.git("status", "--porcelain") == ""
    assert stat.S_IMODE((repo.top / "worktrees").stat().st_mode) == 0o700


def test_a_workdir_below_the_top_is_that_in_the_worktree(repo: Repo, home: Path) -> None:
    (repo.top / "new").mkdir()
    tree = create(home, repo.top / "new")
    assert tree.workdir == tree.top / "new"
    assert tree.workdir.is_dir()
    assert tree.inside(repo.top / "other") == tree.top / "other"
    assert tree.inside(home) == home


@pytest.mark.parametrize(("chain", "run"), [("a..b", "r"), ("x.lock", "r"), ("c", "r.lock")])
def test_every_name_makes_a_branch(repo: Repo, home: Path, chain: str, run: str) -> None:
    tree = worktree.create(home, chain=chain, run=run, workdir=repo.top)
    assert repo.git("rev-parse", tree.branch) == tree.base


def test_without_a_repository_or_a_commit_the_start_says_so(tmp_path: Path, home: Path) -> None:
    with pytest.raises(UsageError, match="is in none") as caught:
        create(home, tmp_path)
    assert "git init" in (caught.value.hint or "")
    with pytest.raises(UsageError, match="has none yet"):
        create(home, Repo(tmp_path / "new", commit=False).top)
    assert not home.exists()


def test_a_branch_that_is_in_the_way_leaves_nothing_behind(repo: Repo, home: Path) -> None:
    repo.git("branch", "llmauto")
    with pytest.raises(UsageError, match="llmauto"):
        create(home, repo.top)
    assert list(worktree.all_of(home)) == []
    assert [path.name for path in (home / "worktrees").iterdir()] == [".gitignore"]
    assert repo.git("branch", "--list", "llmauto*").strip() == "llmauto"


def test_a_worktree_is_found_again_by_its_run(repo: Repo, home: Path) -> None:
    tree = create(home, repo.top)
    assert worktree.of_run(home, "c", "r1") == tree
    assert worktree.of_run(home, "c", "r2") is None
    assert list(worktree.all_of(home)) == [tree]


@pytest.mark.parametrize("key", ["path", "chain", "run"])
def test_a_record_that_names_another_folder_is_not_believed(
    repo: Repo, home: Path, tmp_path: Path, key: str
) -> None:
    create(home, repo.top)
    record = home / "worktrees" / "c-r1.json"
    values = json.loads(record.read_text(encoding="utf-8"))
    record.write_text(json.dumps({**values, key: str(tmp_path)}), encoding="utf-8")
    assert worktree.of_run(home, "c", "r1") is None


def test_a_worktree_that_was_removed_comes_back_from_its_branch(repo: Repo, home: Path) -> None:
    tree = create(home, repo.top)
    agent_writes(tree, "made", commit=True)
    shutil.rmtree(tree.top)
    worktree.reopen(tree)
    assert (tree.top / "made").exists()


def test_a_worktree_without_its_branch_cannot_come_back(repo: Repo, home: Path) -> None:
    tree = create(home, repo.top)
    shutil.rmtree(tree.top)
    repo.git("worktree", "prune")
    repo.git("branch", "-D", tree.branch)
    with pytest.raises(UsageError, match="no worktree for run r1"):
        worktree.reopen(tree)


# --- merging ----------------------------------------------------------------------------------------


def test_what_agents_left_uncommitted_comes_over_too(repo: Repo, home: Path) -> None:
    tree = create(home, repo.top)
    agent_writes(tree, "committed", commit=True)
    agent_writes(tree, "left/one")
    agent_writes(tree, "left/two")
    agent_writes(tree, "state/c/handoff.md")
    done = merging.merge(tree, ["state/c"])
    assert (done.how, done.into, done.committed, done.commits, done.files) == ("forwarded", "main", 2, 2, 3)
    assert set(repo.files()) == {"README", "committed", "left/one", "left/two"}
    assert repo.git("log", "-1", "--format=%s") == "llmauto: what run r1 of chain c left uncommitted"


def test_a_branch_that_has_gone_on_gets_a_merge(repo: Repo, home: Path) -> None:
    tree = create(home, repo.top)
    agent_writes(tree, "theirs", commit=True)
    repo.write("mine")
    repo.commit()
    done = merging.merge(tree, [])
    assert (done.how, done.commits, done.files) == ("merged", 1, 1)
    assert set(repo.files()) == {"README", "theirs", "mine"}
    assert merging.merge(tree, []).how == "nothing"


def test_no_name_in_gits_settings_is_no_hindrance(
    repo: Repo, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EMAIL", "")
    repo.git("config", "user.useConfigOnly", "true")
    tree = create(home, repo.top)
    agent_writes(tree, "left")
    repo.write("mine")
    repo.commit()
    assert merging.merge(tree, []).how == "merged"


@pytest.mark.parametrize("staged", [False, True])
def test_uncommitted_changes_are_not_merged_into(repo: Repo, home: Path, staged: bool) -> None:
    tree = create(home, repo.top)
    agent_writes(tree, "made", commit=True)
    repo.write("README", b"in work\n")
    if staged:
        repo.git("add", "README")
    before = (repo.files(), repo.git("status", "--porcelain"))
    done = merging.merge(tree, [])
    assert done.how == "by_hand"
    assert "1 uncommitted change" in done.why
    assert (repo.files(), repo.git("status", "--porcelain")) == before
    assert merging.by_hand(tree, into=done.into) == (f"git -C {repo.top} merge llmauto/c/r1",)


def test_an_untracked_file_that_would_be_overwritten_stays(repo: Repo, home: Path) -> None:
    tree = create(home, repo.top)
    for name in ("made", "m2", "m3", "m4", "m5"):
        agent_writes(tree, name, b"theirs", commit=True)
        repo.write(name, b"mine")
    done = merging.merge(tree, [])
    assert done.how == "by_hand"
    assert "untracked" in done.why
    assert done.why.endswith(": `m2`, `m3`, `m4` and 2 more")
    assert (repo.top / "made").read_bytes() == b"mine"


def test_a_conflict_leaves_the_persons_branch_as_it_was(repo: Repo, home: Path) -> None:
    tree = create(home, repo.top)
    agent_writes(tree, "README", b"theirs\n", commit=True)
    repo.write("README", b"mine\n")
    head = repo.commit()
    done = merging.merge(tree, [])
    assert (done.how, done.why) == ("by_hand", "both sides have changed `README`")
    assert repo.git("rev-parse", "HEAD") == head
    assert repo.git("status", "--porcelain") == ""


def test_on_no_branch_a_person_has_to_merge(repo: Repo, home: Path) -> None:
    tree = create(home, repo.top)
    agent_writes(tree, "made", commit=True)
    repo.git("switch", "-q", "--detach")
    done = merging.merge(tree, [])
    assert (done.how, done.into, done.why) == ("by_hand", "", "HEAD is on no branch")
    assert merging.by_hand(tree, into="")[0] == f"git -C {repo.top} switch BRANCH"


def test_an_agent_that_went_to_another_branch_is_named(repo: Repo, home: Path) -> None:
    tree = create(home, repo.top)
    inside = Repo.__new__(Repo)
    inside.top = tree.top
    inside.git("switch", "-q", "-c", "elsewhere")
    with pytest.raises(LlmautoError, match="is on `elsewhere`, not on `llmauto/c/r1`"):
        merging.merge(tree, [])


def test_a_merge_that_an_agent_left_in_its_middle_is_not_committed(repo: Repo, home: Path) -> None:
    tree = create(home, repo.top)
    agent_writes(tree, "README", b"theirs\n", commit=True)
    repo.write("README", b"mine\n")
    repo.commit()
    inside = Repo.__new__(Repo)
    inside.top = tree.top
    inside.git("merge", "main", check=False)
    with pytest.raises(LlmautoError, match="in the middle of a merge"):
        merging.merge(tree, [])


def test_repositories_that_an_agent_made_inside_are_left_alone(repo: Repo, home: Path) -> None:
    tree = create(home, repo.top)
    Repo(tree.top / "deep" / "inner")
    agent_writes(tree, "made")
    assert merging.merge(tree, []).committed == 1
    assert set(repo.files()) == {"README", "made"}


# --- its end ------------------------------------------------------------------------------------------


def test_a_run_that_made_nothing_counts_as_merged(repo: Repo, home: Path) -> None:
    assert worktree.is_merged(create(home, repo.top), [])


def test_work_is_merged_when_another_branch_holds_it(repo: Repo, home: Path) -> None:
    tree, other = create(home, repo.top), create(home, repo.top, "r2")
    agent_writes(tree, "made")
    assert not worktree.is_merged(tree, [])
    merging.merge(tree, [])
    assert worktree.is_merged(tree, [])
    agent_writes(tree, "later", commit=True)
    assert not worktree.is_merged(tree, [])
    assert worktree.is_merged(other, [])


def test_what_is_removed_is_gone_with_its_branch(repo: Repo, home: Path) -> None:
    tree = create(home, repo.top)
    agent_writes(tree, "made")
    worktree.remove(home, tree)
    assert not tree.top.exists()
    assert repo.git("branch", "--list", "llmauto/*") == ""
    assert repo.git("worktree", "list").count("\n") == 0
    assert list(worktree.all_of(home)) == []


def test_a_worktree_is_removed_also_when_its_repository_is_gone(repo: Repo, home: Path) -> None:
    tree = create(home, repo.top)
    shutil.rmtree(repo.top)
    worktree.remove(home, tree)
    assert not tree.top.exists()
    assert list(worktree.all_of(home)) == []
