"""What can be run on this project, one session each: `nox -l` lists them with what they prove.

Nox is for what `python -m tests` does not cover: other Pythons, a fresh clone, the built wheel.
`nox -s tests-3.12` runs one; what follows `--` goes to the tool, as in `nox -s tests-3.12 -- -k handoff`.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import nox

nox.needs_version = ">=2024.10.9"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.error_on_missing_interpreters = False
nox.options.envdir = ".cache/nox"
nox.options.sessions = ["lint", "types", "tests", "clone", "wheel", "docs"]

ROOT = Path(__file__).parent
PYTHONS = ["3.10", "3.11", "3.12", "3.13", "3.14"]
QUIET = {"LLMAUTO_HOME": None, "PYTHONPATH": None, "CI": "true"}  # None: not set at all


def install_dev(session: nox.Session) -> None:
    """Install the tools of `[dependency-groups] dev`; the project itself runs from the checkout."""
    project = nox.project.load_toml(ROOT / "pyproject.toml")
    session.install(*nox.project.dependency_groups(project, "dev"))


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """The unit tests, on every Python that is supported."""
    install_dev(session)
    session.run("python", "-m", "pytest", "-q", *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Style, form and complexity, by ruff."""
    install_dev(session)
    session.run("ruff", "check", *session.posargs)
    session.run("ruff", "format", "--check")


@nox.session
def types(session: nox.Session) -> None:
    """The types of package and tests, by mypy in its strict mode."""
    install_dev(session)
    session.run("mypy", *session.posargs)


@nox.session(python=PYTHONS)
def clone(session: nox.Session) -> None:
    """A fresh clone runs with nothing installed, and a demo leaves `git status` clean."""
    target = Path(session.create_tmp()).resolve() / "clone"
    shutil.rmtree(target, ignore_errors=True)
    session.run("git", "clone", "-q", str(ROOT), str(target), external=True)
    session.chdir(target)
    session.run("python", "-S", "-m", "llmauto", "--help", env=QUIET, silent=True)
    session.run("python", "-S", "-m", "llmauto", "chain", "list", env=QUIET)
    session.run("python", "-S", "-m", "llmauto", "chain", "start", "demo", "--fresh", env=QUIET)
    changed = session.run("git", "status", "--porcelain", external=True, silent=True)
    if changed:
        session.error(f"the demo changed the checkout:\n{changed}")


@nox.session
def wheel(session: nox.Session) -> None:
    """The wheel, built and installed alone, runs from an empty folder with all that ships."""
    folder = Path(session.create_tmp()).resolve()
    session.install("build")
    session.run("python", "-m", "build", "--wheel", "--outdir", str(folder / "dist"), str(ROOT), silent=True)
    newest = max((folder / "dist").glob("*.whl"), key=lambda path: path.stat().st_mtime)
    session.install("--no-deps", "--force-reinstall", str(newest))
    empty = folder / "empty"
    empty.mkdir(exist_ok=True)
    session.chdir(empty)
    env = QUIET | {"LLMAUTO_HOME": str(folder / "home")}
    session.run("llmauto", "--version", env=env)
    session.run("llmauto", "chain", "list", env=env)
    session.run("llmauto", "chain", "start", "demo", "--fresh", env=env)


@nox.session
def docs(session: nox.Session) -> None:
    """The documents: every link leads somewhere, every chain in them can be read."""
    install_dev(session)
    session.run("python", "-m", "pytest", "-q", "tests/unit/test_docs.py", *session.posargs)


@nox.session
def faults(session: nox.Session) -> None:
    """What goes wrong at night, done on purpose through the real command line."""
    install_dev(session)
    session.run("python", "-m", "pytest", "-q", "-m", "faults", *session.posargs)


@nox.session
def e2e(session: nox.Session) -> None:
    """The real Claude Code CLI against a scripted API on this machine; needs npm or a copy from before."""
    install_dev(session)
    session.run("python", "-m", "tests.support.claude_cli")
    session.run("python", "-m", "pytest", "-q", "-m", "e2e", *session.posargs)


@nox.session
def bench(session: nox.Session) -> None:
    """What llmauto itself costs: start-up, time per link, memory."""
    session.run("python", "-m", "bench", *session.posargs)
