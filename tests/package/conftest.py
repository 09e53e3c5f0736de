"""The wheel in a venv of its own, and a fresh clone: made once, looked at by several tests."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from tests.support.packages import ROOT, Installed, clean_env, run


@pytest.fixture(scope="session")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sources as they are now, with a private prompt and the traces of a run among them."""
    target = tmp_path_factory.mktemp("source") / "llmauto"
    names = ["llmauto", "chains", "prompts", "templates", "docs", "tests", "bench"]
    for name in names:
        shutil.copytree(ROOT / name, target / name, ignore=shutil.ignore_patterns("__pycache__", "_private"))
    for path in [*ROOT.glob("*.*"), ROOT / "LICENSE", ROOT / ".gitignore"]:
        if path.is_file() and path.suffix not in (".db", ".db-wal", ".db-shm", ".db-mark", ".db-reserve"):
            shutil.copy2(path, target)
    (target / "prompts" / "_private").mkdir()
    (target / "prompts" / "_private" / "secret.txt").write_text("nobody's business", encoding="utf-8")
    (target / "state" / "demo").mkdir(parents=True)
    (target / "state" / "demo" / "handoff.md").write_text("of a run", encoding="utf-8")
    return target


@pytest.fixture(scope="session")
def wheel(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, made from the source distribution, as a release is."""
    out = tmp_path_factory.mktemp("dist")
    argv = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(out), str(source)]
    run(argv, cwd=out, env=clean_env(out))
    (found,) = out.glob("*.whl")
    assert len(list(out.glob("*.tar.gz"))) == 1
    return found


@pytest.fixture(scope="session")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """The wheel in a venv in which nothing else is."""
    made = Installed(tmp_path_factory.mktemp("installed").resolve())
    made.pip(str(wheel))
    return made


@pytest.fixture(scope="session")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh clone of what is committed."""
    if not (ROOT / ".git").exists() or shutil.which("git") is None:
        pytest.skip("this is no git checkout")
    target = tmp_path_factory.mktemp("clone").resolve() / "llmauto"
    run(["git", "clone", "--quiet", str(ROOT), str(target)], cwd=target.parent, env=clean_env(target.parent))
    return target
