"""The fault rows signal processes and hold locks as POSIX has them: Windows has nothing to collect here."""

from __future__ import annotations

import sys

collect_ignore_glob = ["test_*.py"] if sys.platform == "win32" else []
