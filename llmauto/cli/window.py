"""Opens a terminal window for a runner, where there is a desktop. Not run on macOS and Windows here."""

from __future__ import annotations

import shlex
import shutil
import sys
from collections.abc import Mapping

from llmauto.errors import UsageError

LINUX_TERMINALS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("x-terminal-emulator", ("-e",)),
    ("gnome-terminal", ("--",)),
    ("konsole", ("-e",)),
    ("xfce4-terminal", ("-x",)),
    ("kitty", ()),
    ("alacritty", ("-e",)),
    ("xterm", ("-e",)),
)


def in_window(argv: list[str], title: str, environ: Mapping[str, str]) -> list[str]:
    """The command that runs `argv` in a new terminal window. Raises `UsageError` where there is none."""
    if sys.platform == "win32":
        return ["cmd.exe", "/c", "start", f"llmauto {title}", *argv]
    if sys.platform == "darwin":
        script = shlex.join(argv).replace("\\", "\\\\").replace('"', '\\"')
        return ["osascript", "-e", f'tell application "Terminal" to do script "{script}"']
    if environ.get("DISPLAY") or environ.get("WAYLAND_DISPLAY"):
        for terminal, how in LINUX_TERMINALS:
            if shutil.which(terminal, path=environ.get("PATH")):
                return [terminal, *how, *argv]
    raise UsageError("there is no desktop to open a window on", hint="`--bg` runs the chain without a window")
