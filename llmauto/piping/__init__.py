"""One prompt, one answer: a call without a chain, which the journal knows all the same.

In the journal it is a run whose chain is "". It counts for the day's budget as every call does, and its
session can be gone on with.
"""

from llmauto.piping.asking import ask
from llmauto.piping.values import Means, Question

__all__ = ["Means", "Question", "ask"]
