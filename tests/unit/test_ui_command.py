"""What does `llmauto ui` say before there is any page?"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.support.source_tree import ROOT


def ui(home: Path, *words: str, installed: bool) -> subprocess.CompletedProcess[str]:
    """The command; with `-S` nothing that was installed is found."""
    flags = [] if installed else ["-S"]
    argv = [sys.executable, *flags, "-m", "llmauto", "--home", str(home), "ui", *words]
    return subprocess.run(argv, cwd=ROOT, capture_output=True, encoding="utf-8", timeout=30, check=False)


def test_without_its_extra_the_page_is_one_error_that_names_it(tmp_path: Path) -> None:
    ran = ui(tmp_path / "home", installed=False)
    assert ran.returncode == 1
    assert "error: the web page needs the extra `web`" in ran.stderr
    assert "hint: in a checkout `pip install -e '.[web]'`" in ran.stderr
    assert "Traceback" not in ran.stderr
    assert not (tmp_path / "home").exists()


def test_a_port_that_is_none_is_a_usage_error(tmp_path: Path) -> None:
    for port in ("x", "-1", "65536", "²"):
        assert ui(tmp_path, "--port", port, installed=True).returncode == 2
