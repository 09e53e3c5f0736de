"""`chain diff`, `rewind` and `merge`, and what `clean`, `delete` and `reset` do with what git keeps."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from llmauto import assembly, worktree
from llmauto.events import Checkpointed
from llmauto.home import find_home
from tests.support.cli import Cli
from tests.support.repositories import ENV, Repo
from tests.support.told_runs import ToldHome, ToldRun

pytestmark = pytest.mark.git


class Stage:
    """A home with chain `x`, a repository that it works in, and a run of which checkpoints are made."""

    def __init__(self, cli: Cli) -> None:
        shutil.rmtree(cli.home)
        self.cli = cli
        self.home = ToldHome(cli.home)
        self.repo = Repo(cli.folder / "project")
        self._calls = 0

    def run(self, run: str = "r1", *, workdir: Path | None = None) -> ToldRun:
        self._calls = 0
        return self.home.run(run, workdir=str(workdir or self.repo.top))

    def played(self, told: ToldRun, link: str, *files: tuple[str, bytes | None], after: bool = True) -> None:
        """A link plays: a checkpoint, what it writes (None removes), and another checkpoint."""
        workdir = Path(told.summary.workdir)
        told.call(link)
        self._calls += 1
        self._checkpoint(told, link, "before")
        for name, data in files:
            if data is None:
                (workdir / name).unlink()
            else:
                (workdir / name).write_bytes(data)
        told.end()
        if after:
            self._checkpoint(told, link, "after")

    def _checkpoint(self, told: ToldRun, link: str, when: str) -> None:
        summary = told.summary
        home = find_home(self.cli.folder, {}, self.home.path)
        checkpoints = assembly.checkpoints_for(home, "x", Path(summary.workdir))
        assert checkpoints is not None
        kept = checkpoints.take(summary.run, self._calls, link, when)
        assert kept is not None, checkpoints.problem
        told.tell(Checkpointed(round=summary.round, link=link, when=when, commit=kept.commit, ref=kept.ref))

    def refs(self) -> list[str]:
        return self.repo.git("for-each-ref", "--format=%(refname)", "refs/llmauto").splitlines()


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    for name, value in ENV.items():
        if "CONFIG" in name:
            monkeypatch.setenv(name, value)
    return Stage(Cli(tmp_path, monkeypatch))


@pytest.fixture
def two_rounds(stage: Stage) -> Stage:
    """Round 1: worker writes `a`, reviewer `notes`. Round 2: worker changes `a` and removes README."""
    told = stage.run()
    stage.played(told, "worker", ("a", b"one\n"))
    stage.played(told, "reviewer", ("notes", b"fine\n"))
    told.round_over()
    stage.played(told, "worker", ("a", b"two\n"), ("README", None))
    told.over()
    return stage


# --- diff ---


def changed(stage: Stage, *words: str) -> dict[str, str]:
    ran = stage.cli.run("chain", "diff", "x", "--json", *words)
    assert ran.code == 0, ran.err
    return {file["path"]: file["status"] for file in ran.json()["files"]}


def test_a_diff_is_of_the_run_a_round_or_a_link(two_rounds: Stage) -> None:
    whole = {"README": "D", "a": "A", "notes": "A"}
    assert changed(two_rounds) == changed(two_rounds, "--run", "r1") == whole
    assert changed(two_rounds, "--round", "1") == {"a": "A", "notes": "A"}
    assert changed(two_rounds, "--round", "2") == {"README": "D", "a": "M"}
    assert changed(two_rounds, "--link", "worker") == {"README": "D", "a": "M"}
    assert changed(two_rounds, "--link", "reviewer") == {"notes": "A"}
    assert changed(two_rounds, "--round", "1", "--link", "worker") == {"a": "A"}


def test_a_diff_can_be_applied(two_rounds: Stage) -> None:
    ran = two_rounds.cli.run("chain", "diff", "x", "--round", "2")
    assert (ran.code, ran.err) == (0, "")
    assert "-one\n+two\n" in ran.out
    two_rounds.repo.write("README", b"hello\n")
    two_rounds.repo.write("a", b"one\n")
    patch = two_rounds.cli.folder / "patch"
    patch.write_text(ran.out, encoding="utf-8")
    two_rounds.repo.git("apply", str(patch))
    assert two_rounds.repo.files()["a"] == ("file", b"two\n")


def test_a_short_diff_counts_lines(two_rounds: Stage) -> None:
    ran = two_rounds.cli.run("chain", "diff", "x", "--stat")
    assert "3 files changed" in ran.out


def test_what_a_link_has_done_that_did_not_end_is_shown_up_to_now(stage: Stage) -> None:
    told = stage.run()
    stage.played(told, "worker", ("a", b"half\n"), after=False)
    ran = stage.cli.run("chain", "diff", "x")
    assert "+half" in ran.out
    assert "up to now" in ran.err
    assert stage.cli.run("chain", "diff", "x", "--json").json()["to"] is None
    assert len(stage.refs()) == 1


def test_the_persons_settings_call_no_program(two_rounds: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    two_rounds.repo.git("config", "diff.external", "false")
    two_rounds.repo.git("config", "core.pager", "false")
    monkeypatch.setenv("GIT_EXTERNAL_DIFF", "false")
    assert "+two" in two_rounds.cli.run("chain", "diff", "x").out


def test_what_has_no_checkpoint_is_named(two_rounds: Stage) -> None:
    for words, hint in (
        (("--round", "7"), "rounds 1 to 2, links worker, reviewer"),
        (("--link", "wroker"), 'did you mean "worker"?'),
        (("--round", "2", "--link", "reviewer"), "rounds 1 to 2"),
    ):
        ran = two_rounds.cli.run("chain", "diff", "x", *words)
        assert (ran.code, "has no checkpoint of" in ran.err, hint in ran.err) == (2, True, True)


@pytest.mark.parametrize("command", [("diff", "x"), ("rewind", "x", "1", "--yes")])
def test_where_there_is_no_repository_that_is_said(stage: Stage, command: tuple[str, ...]) -> None:
    folder = stage.cli.folder / "plain"
    folder.mkdir()
    stage.run(workdir=folder).call().end()
    ran = stage.cli.run("chain", *command)
    assert ran.code == 2
    assert "is in no git repository" in ran.err


@pytest.mark.parametrize("command", [("diff", "x"), ("rewind", "x", "1"), ("merge", "x")])
def test_a_chain_that_has_not_run_has_nothing_to_show(stage: Stage, command: tuple[str, ...]) -> None:
    ran = stage.cli.run("chain", *command)
    assert (ran.code, "chain `x` has not run yet" in ran.err) == (2, True)


def test_checkpoints_that_are_switched_off_are_said_to_be(stage: Stage) -> None:
    stage.run().call().end()
    (stage.home.path / "config.json").write_text('{"git_checkpoints": false}', encoding="utf-8")
    assert "`git_checkpoints` is off" in stage.cli.run("chain", "diff", "x").err


# --- rewind ---


def test_a_rewind_goes_back_to_before_a_round(two_rounds: Stage) -> None:
    ran = two_rounds.cli.run("chain", "rewind", "x", "2", "--yes")
    assert ran.code == 0, ran.err
    assert two_rounds.repo.files() == {
        "README": ("file", b"hello\n"), "a": ("file", b"one\n"), "notes": ("file", b"fine\n"),
    }  # fmt: skip
    assert "is as it was before round 2: 2 files put back, 0 removed" in ran.out
    assert "llmauto chain rewind x undo" in ran.out
    assert "llmauto chain start x --from worker" in ran.out


def test_a_rewind_goes_back_to_before_a_link(two_rounds: Stage) -> None:
    ran = two_rounds.cli.run("chain", "rewind", "x", "1:reviewer", "--yes")
    assert ran.code == 0, ran.err
    assert two_rounds.repo.files() == {"README": ("file", b"hello\n"), "a": ("file", b"one\n")}
    assert [line.split() for line in ran.err.splitlines()[1:]] == [
        ["A", "README"],
        ["M", "a"],
        ["D", "notes"],
    ]


def test_a_rewind_can_be_undone_and_that_too(two_rounds: Stage) -> None:
    now = two_rounds.repo.files()
    assert two_rounds.cli.run("chain", "rewind", "x", "1", "--yes").code == 0
    then = two_rounds.repo.files()
    assert two_rounds.cli.run("chain", "rewind", "x", "undo", "--yes").code == 0
    assert two_rounds.repo.files() == now
    assert two_rounds.cli.run("chain", "rewind", "x", "undo", "--yes").code == 0
    assert two_rounds.repo.files() == then


def test_a_rewind_asks_first(two_rounds: Stage) -> None:
    before, refs = two_rounds.repo.files(), two_rounds.refs()
    no = two_rounds.cli.typed("chain", "rewind", "x", "2", keys="n\n")
    assert (no.code, "nothing was changed" in no.err, two_rounds.repo.files()) == (0, True, before)
    nobody = two_rounds.cli.run("chain", "rewind", "x", "2")
    assert (nobody.code, "--yes" in nobody.err) == (2, True)
    assert two_rounds.refs() == refs
    yes = two_rounds.cli.typed("chain", "rewind", "x", "2", keys="y\n")
    assert "Put 2 files back?" in yes.err
    assert two_rounds.repo.files()["a"] == ("file", b"one\n")


def test_where_all_is_as_it_was_nothing_is_asked(two_rounds: Stage) -> None:
    two_rounds.cli.run("chain", "rewind", "x", "1", "--yes")
    ran = two_rounds.cli.run("chain", "rewind", "x", "1")
    assert (ran.code, "nothing to put back" in ran.out) == (0, True)


@pytest.mark.parametrize("target", ["0", "x", "1:", "-", "undone", "²"])
def test_a_target_that_is_none_is_an_error(stage: Stage, target: str) -> None:
    assert stage.cli.run("chain", "rewind", "x", target, "--yes").code == 2


def test_without_a_rewind_there_is_none_to_undo(two_rounds: Stage) -> None:
    ran = two_rounds.cli.run("chain", "rewind", "x", "undo", "--yes")
    assert (ran.code, "there is no rewind" in ran.err) == (2, True)


def test_a_running_chain_is_not_rewound(two_rounds: Stage) -> None:
    before = two_rounds.repo.files()
    with two_rounds.home.lock():
        ran = two_rounds.cli.run("chain", "rewind", "x", "1", "--yes")
    assert (ran.code, two_rounds.repo.files()) == (75, before)


def test_a_chain_whose_agent_still_works_is_not_rewound(two_rounds: Stage) -> None:
    before = two_rounds.repo.files()
    with two_rounds.home.living_call():
        ran = two_rounds.cli.run("chain", "rewind", "x", "1", "--yes")
    assert (ran.code, two_rounds.repo.files()) == (75, before)


def test_git_shows_nothing_of_checkpoints_and_rewinds(two_rounds: Stage) -> None:
    before = two_rounds.repo.persons()
    two_rounds.cli.run("chain", "rewind", "x", "1", "--yes")
    two_rounds.cli.run("chain", "diff", "x")
    assert two_rounds.repo.persons() == before
    assert two_rounds.repo.git("branch", "--list") == "* main"


# --- worktrees ---


@pytest.fixture
def isolated(stage: Stage) -> Stage:
    """A run in its own worktree has ended, played by the real engine; it left `made` uncommitted."""
    write = "import pathlib; pathlib.Path('made').write_text('by an agent')"
    stage.home.chain(
        "x", isolation="worktree", max_rounds=1, workdir=str(stage.repo.top),
        links=[{"name": "w", "backend": "command", "run": ["python3", "-c", write], "prompt": "Do it."}],
    )  # fmt: skip
    stage.repo.write("README", b"in work\n")
    ran = stage.cli.run("chain", "start", "x")
    assert ran.code == 0, ran.err
    assert "1 uncommitted change" in ran.err
    assert "1 file changed" in ran.out
    assert "llmauto chain merge x" in ran.out
    return stage


def the_tree(stage: Stage) -> worktree.Worktree:
    (tree,) = worktree.all_of(stage.home.path)
    return tree


def test_an_isolated_run_leaves_the_persons_files_alone(isolated: Stage) -> None:
    assert isolated.repo.files() == {"README": ("file", b"in work\n")}
    tree = the_tree(isolated)
    assert (tree.top / "made").read_text(encoding="utf-8") == "by an agent"
    assert (tree.top / "README").read_bytes() == b"hello\n"
    (run,) = isolated.cli.run("chain", "runs", "x", "--json").json()
    assert (run["workdir"], run["run"]) == (str(tree.workdir), tree.run)
    assert tree.branch == f"llmauto/x/{tree.run}"


def test_what_is_in_work_is_not_merged_into_and_the_commands_are_named(isolated: Stage) -> None:
    ran = isolated.cli.run("chain", "merge", "x")
    assert ran.code == 1
    assert f"git -C {isolated.repo.top} merge {the_tree(isolated).branch}" in ran.err
    assert isolated.repo.files() == {"README": ("file", b"in work\n")}


def test_a_merge_brings_all_of_it_and_clean_then_takes_the_worktree(isolated: Stage) -> None:
    isolated.repo.git("checkout", "-q", "README")
    ran = isolated.cli.run("chain", "merge", "x")
    assert ran.code == 0, ran.err
    assert isolated.repo.files()["made"] == ("file", b"by an agent")
    assert "merged run" in ran.out
    assert "next: llmauto clean" in ran.out
    again = isolated.cli.run("chain", "merge", "x")
    assert "has all of run" in again.out
    assert isolated.cli.run("clean", "--dry-run").out.startswith("would remove the worktree")
    tree = the_tree(isolated)
    assert isolated.cli.run("clean").code == 0
    assert not tree.top.exists()
    assert isolated.repo.git("branch", "--list") == "* main"


def test_work_that_is_not_merged_stays_unless_told_so(isolated: Stage) -> None:
    ran = isolated.cli.run("clean")
    assert (ran.code, "stays, since its work is not merged" in ran.err) == (0, True)
    ran = isolated.cli.run("chain", "delete", "x", "--yes")
    assert (ran.code, "`--unmerged`" in ran.err) == (1, True)
    assert the_tree(isolated).top.is_dir()
    assert isolated.cli.run("clean", "--unmerged").code == 0
    assert list(worktree.all_of(isolated.home.path)) == []


def test_a_deleted_chain_takes_its_worktrees_along(isolated: Stage) -> None:
    assert isolated.cli.run("chain", "delete", "x", "--yes", "--unmerged").code == 0
    assert list(worktree.all_of(isolated.home.path)) == []
    assert isolated.repo.git("branch", "--list") == "* main"


def test_the_worktree_of_a_running_chain_is_never_cleaned_away(isolated: Stage) -> None:
    isolated.repo.git("checkout", "-q", "README")
    isolated.cli.run("chain", "merge", "x")
    with isolated.home.lock():
        isolated.cli.run("clean")
    assert the_tree(isolated).top.is_dir()


def test_a_run_that_goes_on_does_so_in_its_worktree(stage: Stage) -> None:
    count = "import pathlib; p = pathlib.Path('n'); p.write_text(p.read_text() + 'x' if p.exists() else 'x')"
    stop = f"{count}; import os; pathlib.Path(os.environ['STOP']).write_text('enough')"
    state = stage.home.path / "state" / "x" / "STOP"
    stage.home.chain(
        "x", isolation="worktree", max_rounds=2, workdir=str(stage.repo.top), env={"STOP": str(state)},
        links=[{"name": "w", "backend": "command", "run": ["python3", "-c", stop], "prompt": "Do it."}],
    )  # fmt: skip
    assert stage.cli.run("chain", "start", "x").code == 3
    tree = the_tree(stage)
    shutil.rmtree(tree.top / ".git") if (tree.top / ".git").is_dir() else None
    assert (
        stage.cli.run("chain", "merge", "x").out.splitlines()[-1].startswith("  next: llmauto chain start x")
    )
    stage.cli.run("clean")
    stage.cli.run("chain", "start", "x")
    assert the_tree(stage) == tree
    assert (tree.workdir / "n").read_text(encoding="utf-8") == "xx"


def test_a_start_that_is_refused_leaves_no_worktree(stage: Stage) -> None:
    stage.home.chain(
        "x", isolation="worktree", workdir=str(stage.repo.top), inputs={"what": None}, max_rounds=1,
        links=[{"name": "w", "backend": "demo", "prompt": "{inputs.what}"}],
    )  # fmt: skip
    assert stage.cli.run("chain", "start", "x").code == 2
    assert list(worktree.all_of(stage.home.path)) == []
    assert stage.repo.git("branch", "--list") == "* main"


def test_isolation_without_a_repository_starts_nothing(stage: Stage) -> None:
    plain = stage.cli.folder / "plain"
    plain.mkdir()
    stage.home.chain("x", isolation="worktree", workdir=str(plain), max_rounds=1)
    for words in (("chain", "start", "x", "--dry-run"), ("chain", "start", "x")):
        ran = stage.cli.run(*words)
        assert (ran.code, "needs a git repository" in ran.err) == (2, True)
    assert not (stage.home.path / "worktrees").exists()
    assert not (stage.home.path / "calls").exists()


def test_a_run_in_the_persons_folder_has_nothing_to_merge(two_rounds: Stage) -> None:
    ran = two_rounds.cli.run("chain", "merge", "x")
    assert (ran.code, "has no worktree of its own" in ran.err) == (2, True)


# --- forgetting ---


def test_reset_forgets_the_checkpoints_too(two_rounds: Stage) -> None:
    assert two_rounds.refs()
    assert two_rounds.cli.run("chain", "reset", "x").code == 0
    assert two_rounds.refs() == []


def test_clean_forgets_the_checkpoints_of_the_runs_that_go(two_rounds: Stage) -> None:
    told = two_rounds.run("r2")
    two_rounds.played(told, "worker", ("b", b"1"))
    told.over()
    (two_rounds.home.path / "calls").mkdir(exist_ok=True)
    assert two_rounds.cli.run("clean", "--keep", "1").code == 0
    assert {ref.split("/")[2] for ref in two_rounds.refs()} == {"r2"}


def test_a_deleted_chain_takes_its_checkpoints_along(two_rounds: Stage) -> None:
    assert two_rounds.cli.run("chain", "delete", "x", "--yes").code == 0
    assert two_rounds.refs() == []


def test_what_json_says_of_a_diff(two_rounds: Stage) -> None:
    said = two_rounds.cli.run("chain", "diff", "x", "--round", "2", "--json").json()
    assert json.dumps(sorted(said)) == '["chain", "files", "from", "run", "to"]'
    assert {key: said["from"][key] for key in ("round", "link", "when")} == {
        "round": 2, "link": "worker", "when": "before",
    }  # fmt: skip
    assert said["files"][1] == {"path": "a", "status": "M", "added": 1, "removed": 1}
