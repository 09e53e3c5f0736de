"""`python -m llmauto`: guards the Python version, answers `--version` at once, then runs the command line."""

import gc
import os
import sys


def main() -> int:
    """The program; returns its exit code."""
    if None in (sys.stdin, sys.stdout, sys.stderr):
        _open_streams()
    if sys.version_info < (3, 10):  # noqa: UP036  an old Python must be able to say so
        found = "%d.%d" % sys.version_info[:2]  # noqa: UP031
        sys.stderr.write("error: llmauto needs Python 3.10 or newer, this is " + found + "\n")
        return 2
    if sys.argv[1:] in (["--version"], ["-V"], ["version"]):
        from llmauto import __version__

        sys.stdout.write("llmauto " + __version__ + "\n")
        return 0
    gc.disable()
    try:
        from llmauto.cli import main as command_line

        return command_line(sys.argv[1:], loaded=_keep_what_is_loaded)
    except KeyboardInterrupt:  # before the command line was ready for one
        sys.stderr.write("interrupted\n")
        return 130


def _keep_what_is_loaded() -> None:
    """Modules stay to the end: looking through them for garbage takes an eighth of the time of `status`."""
    if hasattr(gc, "freeze"):  # not in every Python
        gc.freeze()
    gc.enable()


def _open_streams() -> None:
    """Put what leads nowhere in the place of streams that are closed (`>&-`, a service, `pythonw`).

    Else the next file that is opened, say the journal, would get the number of standard output.
    """
    number = 0
    while number <= 2:
        number = os.open(os.devnull, os.O_RDWR)
        if number <= 2:
            os.set_inheritable(number, True)
    os.close(number)
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115, PTH123  stays open


if __name__ == "__main__":
    sys.exit(main())
