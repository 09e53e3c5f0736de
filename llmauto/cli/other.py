"""`schema` and `version`: what is asked of llmauto itself."""

from __future__ import annotations

from llmauto import __version__
from llmauto.authoring.schema import FILES, committed
from llmauto.cli.context import Context
from llmauto.errors import LlmautoError


def schema(ctx: Context) -> int:
    """Print the JSON Schema of chain files or of config.json."""
    which = ctx.args.which
    try:
        text = committed(which)
    except OSError as error:
        raise LlmautoError(
            f"`{FILES[which]}` cannot be read: {(error.strerror or str(error)).lower()}",
            hint="install llmauto anew: files are missing",
        ) from error
    ctx.out.line(text.rstrip("\n"))
    return 0


def version(ctx: Context) -> int:
    """Print the version."""
    ctx.out.line(f"llmauto {__version__}")
    return 0
