"""What is said when a run has ended: why, how far, how long, what it cost, what changed, what next."""

from __future__ import annotations

from llmauto.cli.output import Output
from llmauto.events import RunEnded
from llmauto.model import Chain
from llmauto.outcomes import ENDINGS, StopReason
from llmauto.rules import next_steps
from llmauto.rules.progress import Progress
from llmauto.rules.text import cost_words, counted, human_duration, one_line


def print_ending(out: Output, chain: Chain, p: Progress, ended: RunEnded, changed: int | None) -> None:
    """The last lines of `chain start`."""
    reason = StopReason(ended.reason)
    colour = "green" if ended.exit_code == 0 else "red" if ended.exit_code in (1, 7) else "yellow"
    status = ENDINGS[reason].status.value
    out.line(
        f"{out.style(status, colour, 'bold')}  {chain.name}: {one_line(ended.message, 1000) or ended.reason}"
    )
    cost = cost_words(p.cost_usd, p.unknown_costs)
    cost = "cost unknown" if cost == "unknown" else f"≈{cost}"
    rounds = f"{p.rounds_done} of {chain.max_rounds}" if chain.max_rounds else str(p.rounds_done)
    facts = [f"rounds {rounds}", f"calls {p.calls}", human_duration(p.runtime_s), cost]
    if changed is not None:
        since = " since this start" if p.earlier_s else ""
        facts.append(f"{counted(changed, 'file')} changed{since}")
    out.line(f"  {' · '.join(facts)}")
    command, why = next_steps.after(ended.reason, chain.name, handoff=p.has_handoffs)
    out.line(f"  next: {command}    {why}")
