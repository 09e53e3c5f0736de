"""The fault rows signal processes and hold locks as POSIX has them: Windows has nothing to collect here."""

from __future__ import annotations

import signal
import sys

collect_ignore_glob = ["test_*.py"] if sys.platform == "win32" else []

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # So it is where a shell has put us into the background. What we start would be deaf to Ctrl-C, too.
    signal.signal(signal.SIGINT, signal.default_int_handler)
