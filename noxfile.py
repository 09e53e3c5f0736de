"""What can be run on this project, one session each: `nox -l` lists them with what they prove.

Nox is for what `python -m tests` does not cover: every Python that is supported.
`nox -s tests-3.12` runs one; what follows `--` goes to the tool, as in `nox -s tests-3.12 -- -k handoff`.
"""

from __future__ import annotations

from pathlib import Path

import nox

nox.needs_version = ">=2024.10.9"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.error_on_missing_interpreters = False
nox.options.envdir = ".cache/nox"
nox.options.sessions = ["lint", "types", "tests", "package", "docs"]

ROOT = Path(__file__).parent
PYTHONS = ["3.10", "3.11", "3.12", "3.13", "3.14"]


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
def package(session: nox.Session) -> None:
    """The wheel runs in a venv of its own, and a fresh clone with nothing installed."""
    install_dev(session)
    session.run("python", "-m", "pytest", "-q", "-m", "package", *session.posargs)


@nox.session
def git(session: nox.Session) -> None:
    """Checkpoints, rewinds and worktrees on real repositories."""
    install_dev(session)
    session.run("python", "-m", "pytest", "-q", "-m", "git", *session.posargs)


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
def web(session: nox.Session) -> None:
    """The web page in a real Chromium of this machine, and the attacks on its server."""
    install_dev(session)
    project = nox.project.load_toml(ROOT / "pyproject.toml")
    session.install(*nox.project.dependency_groups(project, "web-tests"))
    session.run("python", "-m", "tests.support.web_tools", success_codes=[0, 1])
    session.run("python", "-m", "pytest", "-q", "-m", "web", *session.posargs)


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
