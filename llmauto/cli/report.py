"""`chain report`: a run as one page to be mailed, or as Markdown for a pull request."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from llmauto import __version__
from llmauto.cli import standing
from llmauto.cli.log import run_of
from llmauto.errors import LlmautoError
from llmauto.rules.names import check_name

if TYPE_CHECKING:
    from llmauto.cli.context import Context


def report(ctx: Context) -> int:
    """Print the report of a run, the newest where none is named."""
    from llmauto.report.markdown import markdown
    from llmauto.report.page import page
    from llmauto.report.words import Report
    from llmauto.views import headline, view_of

    name, now = check_name(ctx.args.name), time.time()
    with standing.reader(ctx.home) as journal:
        found = standing.standing(ctx.home, journal, name)
        summary = found.summary if ctx.args.run is None else run_of(journal, name, ctx.args.run)
        if summary is None:
            raise LlmautoError(f"chain `{name}` has not run yet", hint=f"`llmauto chain start {name}`")
        view = view_of(journal.events(summary.run))
        handoff = journal.handoff(view.progress.handoff) if view.progress.handoff else None
    died = found.died and found.summary is not None and found.summary.run == summary.run
    made = Report(
        view=view,
        head=headline(view, now, died=died),
        now=now,
        program=f"llmauto {__version__}",
        handoff=handoff,
    )
    ctx.out.stdout.write(markdown(made) if ctx.args.md else page(made))
    return 0
