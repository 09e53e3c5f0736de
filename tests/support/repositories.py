"""A real git repository in a temporary folder, seen by nobody's settings."""

from __future__ import annotations

import hashlib
import os
import stat
import subprocess
from pathlib import Path

ENV = {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "A", "GIT_AUTHOR_EMAIL": "a@localhost",
    "GIT_COMMITTER_NAME": "A", "GIT_COMMITTER_EMAIL": "a@localhost",
}  # fmt: skip

Tree = dict[str, tuple[str, bytes]]
"""Path → (kind, content): `file`, `program` or `link`."""


class Repo:
    """A repository with one commit, or with none."""

    def __init__(self, top: Path, *, commit: bool = True) -> None:
        self.top = top
        top.mkdir(parents=True, exist_ok=True)
        self.git("init", "-q", "-b", "main")
        if commit:
            self.write("README", b"hello\n")
            self.commit("first")

    def git(self, *args: str, check: bool = True) -> str:
        """What git prints."""
        done = subprocess.run(
            ["git", "-C", str(self.top), *args], capture_output=True, check=False, env={**os.environ, **ENV}
        )
        assert not check or done.returncode == 0, done.stderr.decode()
        return done.stdout.decode("utf-8", "surrogateescape").rstrip("\n")

    def write(self, path: str, data: bytes = b"x\n", *, mode: int = 0o644) -> Path:
        """A file in it."""
        file = self.top / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
        file.chmod(mode)
        return file

    def commit(self, message: str = "more") -> str:
        """Commit all there is; the commit."""
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", message)
        return self.git("rev-parse", "HEAD")

    def files(self) -> Tree:
        """All files outside of `.git`, byte by byte."""
        return tree(self.top)

    def persons(self) -> dict[str, str]:
        """All that is the person's own in the git folder: everything but objects and what is llmauto's."""
        folder, found = self.top / ".git", {}
        for path in sorted(folder.rglob("*")):
            name = path.relative_to(folder).as_posix()
            if name.startswith(("objects", "llmauto", "refs/llmauto")) or not path.is_file():
                continue
            found[name] = hashlib.sha256(path.read_bytes()).hexdigest()
        return found


def tree(top: Path) -> Tree:
    """All files below a folder, but for `.git`."""
    found: Tree = {}
    for here, folders, names in os.walk(top):
        if ".git" in folders:
            folders.remove(".git")
        links = [name for name in folders if (Path(here) / name).is_symlink()]
        for name in (*names, *links):
            path = Path(here) / name
            status = path.lstat()
            if stat.S_ISLNK(status.st_mode):
                kind, data = "link", os.fsencode(path.readlink())
            else:
                kind = "program" if status.st_mode & 0o100 else "file"
                data = path.read_bytes()
            if not (name == ".git" and kind == "file"):
                found[path.relative_to(top).as_posix()] = (kind, data)
    return found
