"""`python -m llmauto`: guards the Python version, answers `--version` at once, then runs the command line."""

import sys


def main() -> int:
    """The program; returns its exit code."""
    if sys.version_info < (3, 10):  # noqa: UP036  an old Python must be able to say so
        found = "%d.%d" % sys.version_info[:2]  # noqa: UP031
        sys.stderr.write("error: llmauto needs Python 3.10 or newer, this is " + found + "\n")
        return 2
    if sys.argv[1:] in (["--version"], ["-V"], ["version"]):
        from llmauto import __version__

        sys.stdout.write("llmauto " + __version__ + "\n")
        return 0
    from llmauto.cli import main as command_line

    return command_line(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
