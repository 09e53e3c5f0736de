"""`llmauto ui`: the web page, where its extra is installed."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from llmauto.errors import LlmautoError

if TYPE_CHECKING:
    from llmauto.cli.context import Context

INTERRUPTED = 130


def ui(ctx: Context) -> int:
    """Serve the page until Ctrl-C."""
    args = ctx.args
    try:
        web = import_module("llmauto.web.serve")
    except ImportError as error:
        if (error.name or "").split(".")[0] not in ("starlette", "uvicorn", "anyio", "h11", "click"):
            raise
        raise LlmautoError(
            f"the web page needs the extra `web`: `{error.name}` is not installed",
            hint="in a checkout `pip install -e '.[web]'`, else `pip install 'llmauto[web]'`",
        ) from error
    wish = web.Wish(host=args.host, port=args.port, exposed=args.expose_without_encryption, opens=args.open)
    try:
        code: int = web.serve(ctx.home, wish, ctx.out.say)
    except KeyboardInterrupt:
        return INTERRUPTED
    return code
