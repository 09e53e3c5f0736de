"""Do the reviews of a loop converge? By the ids of the findings that are open after each."""

from __future__ import annotations

from collections.abc import Sequence


def trend(reviews: Sequence[frozenset[str]]) -> str:
    """first · converging · stagnant (the same ids twice) · diverging (more open, twice in a row).

    `reviews` are the ids that were open after each review, oldest first.
    """
    if len(reviews) < 2:
        return "first"
    before, now = reviews[-2], reviews[-1]
    if now and now == before:
        return "stagnant"
    if len(reviews) >= 3 and len(now) > len(before) > len(reviews[-3]):
        return "diverging"
    return "converging"


def question(link: str, reviews: Sequence[frozenset[str]]) -> str:
    """What a person is asked where a review loop does not converge; "" where it does."""
    found = trend(reviews)
    if found == "stagnant":
        ids = ", ".join(sorted(reviews[-1])[:8])
        return f"review `{link}` is stagnant: the same findings are open again ({ids})"
    if found == "diverging":
        counts = " → ".join(str(len(review)) for review in reviews[-3:])
        return f"review `{link}` diverges: {counts} findings are open"
    return ""
