"""Runs the whole fault suite and prints its table: `python -m tests.faults`.

    python -m tests.faults            the quick part, as in CI
    python -m tests.faults --whole    1,000 kills, 200 of runner and keeper, 8 starts × 100, 10,000 reads …
    python -m tests.faults --write    also puts the table into docs/reference/faults.md and the README

The tools live in `.venv/` of the checkout, as for `python -m tests`; where pytest is there already it is
used. Exit code 0 is: every row that could be tried here holds.
"""

from __future__ import annotations

import importlib.util
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.faults import table
from tests.support.checkout import PYTHON, ROOT, SetupError, clean_environment, prepare, say

PAGES = (ROOT / "docs" / "reference" / "faults.md", ROOT / "README.md")
BEGIN, END = "<!-- made: faults -->", "<!-- end of what is made -->"
WHOLE = {"LLMAUTO_KILLS": "1000", "LLMAUTO_CRASH_STEP": "1"}
MOST_S = 5400.0


def main(argv: list[str]) -> int:
    """Run it; the exit code."""
    unknown = [word for word in argv if word not in ("--whole", "--write")]
    if unknown:
        say((__doc__ or "").strip())
        return 0 if unknown[0] in ("-h", "--help") else 2
    python = sys.executable
    if importlib.util.find_spec("pytest") is None or importlib.util.find_spec("hypothesis") is None:
        try:
            prepare()
        except SetupError as error:
            say(f"error: {error}")
            return 2
        python = str(PYTHON)
    whole = "--whole" in argv
    with tempfile.TemporaryDirectory() as folder:
        kept = Path(folder) / "table.json"
        code = _run(python, kept, whole=whole)
        if not kept.exists():
            return code or 1
        tests = table.read(kept)
    text = f"{_where(whole=whole)}\n\n{table.markdown(tests)}\n\n{table.total(tests)}"
    say(f"\n{text}")
    if "--write" in argv:
        _put(text)
    return code


def _run(python: str, kept: Path, *, whole: bool) -> int:
    argv = [python, "-m", "pytest", "-q", "-p", "tests.faults.table", "--fault-table", str(kept), "-m", ""]
    argv += ["-o", "faulthandler_timeout=1500", *table.suites(ROOT)]
    env = clean_environment(os.environ) | (WHOLE if whole else {})
    try:
        return subprocess.run(argv, cwd=ROOT, env=env, timeout=MOST_S, check=False).returncode
    except subprocess.TimeoutExpired:
        say(f"error: it took more than {MOST_S:.0f} s")
        return 1


def _where(*, whole: bool) -> str:
    words = "python -m tests.faults --whole" if whole else "python -m tests.faults"
    release = ".".join(platform.release().split(".")[:2])
    machine = f"{platform.system()} {release}, {platform.machine()}, {os.cpu_count()} processors"
    return f"By `{words}` on {machine}, Python {platform.python_version()}."


def _put(text: str) -> None:
    """Replace what was made before in the page."""
    for path in PAGES:
        page = path.read_text(encoding="utf-8")
        before, _, rest = page.partition(BEGIN)
        _, _, after = rest.partition(END)
        path.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
