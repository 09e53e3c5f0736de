"""What does the command line change about a chain for one run?"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

from llmauto.errors import UsageError
from llmauto.model import Chain
from llmauto.rules.names import did_you_mean
from llmauto.rules.text import quoted


def with_overrides(
    chain: Chain,
    *,
    max_rounds: int | None = None,
    budget_usd: float | None = None,
    inputs: Mapping[str, str] | None = None,
) -> Chain:
    """The chain as it is played in this run; every input of it then has a value.

    Raises:
        UsageError: a number cannot be, an input is unknown, or one that must be given is missing.
    """
    if max_rounds is not None:
        if max_rounds < 0:
            raise UsageError(f"`--rounds`: expected a whole number from 0, found `{max_rounds}`")
        chain = replace(chain, max_rounds=max_rounds)
    if budget_usd is not None:
        if not math.isfinite(budget_usd) or budget_usd < 0:
            raise UsageError(f"`--budget`: expected dollars from 0, found `{budget_usd}`")
        chain = replace(chain, budget_usd=budget_usd)
    return _with_inputs(chain, inputs or {})


def _with_inputs(chain: Chain, given: Mapping[str, str]) -> Chain:
    known = [*chain.inputs, *chain.required_inputs]
    for name, value in given.items():
        if name not in known:
            hint = did_you_mean(name, known) or _known_hint(known)
            raise UsageError(f"the chain `{chain.name}` has no input {quoted(name)}", hint=hint)
        if "\0" in value:
            raise UsageError(f"the input {quoted(name)} holds a NUL byte")
    missing = [name for name in chain.required_inputs if name not in given]
    if missing:
        names = ", ".join(f"`{name}`" for name in missing)
        hint = " ".join(["add", *(f"--set {name}=…" for name in missing)])
        raise UsageError(f"the chain `{chain.name}` must be given {names}", hint=hint)
    return replace(chain, inputs={**chain.inputs, **given}, required_inputs=())


def _known_hint(known: list[str]) -> str:
    return f"it has {', '.join(f'`{name}`' for name in known)}" if known else "it has no inputs at all"
