"""How is a CLI's text spelt once colours, boxes, odd spaces and accents are taken away?

The rules that read limits and errors look at this form, so that their tables need one spelling of each
phrase: `You’ve hit your limit ∙ resets 3\u202fPM` and `You've hit your limit · resets 3 PM` are the same.
"""

from __future__ import annotations

import unicodedata

from llmauto.rules.text import plain

MAX_CHARS = 20_000
"""Characters that are looked at, half of them from the end. Limit and error texts are short, the longest
are JSON bodies of a few KB; in a log they stand last."""

_SAME = str.maketrans(
    {
        **dict.fromkeys("∙•‧⋅●◦▪・", "·"),
        **dict.fromkeys("‐‑‒–—―−", "-"),
        **dict.fromkeys("‘’ʼ′´", "'"),
        **dict.fromkeys("“”„«»", '"'),
        **dict.fromkeys("│┃╎┆║╭╮╰╯─━", " "),
        "。": ". ",
    }
)


def folded(text: str) -> str:
    """`text` line by line, without escapes, accents, invisible characters and runs of white space."""
    if len(text) > MAX_CHARS:
        text = text[: MAX_CHARS // 2] + "\n" + text[-MAX_CHARS // 2 :]
    bare = plain(text)
    if not bare.isascii():
        bare = fold(bare)
    return "\n".join(" ".join(line.split()) for line in bare.splitlines() if line.strip())


def folded_line(text: str) -> str:
    """As `folded`, with the lines joined: CLIs wrap their texts at the width of a terminal."""
    return folded(text).replace("\n", " ")


def fold(text: str) -> str:
    """One spelling for look-alikes: accents dropped, full-width forms, bullets, dashes, quotes made plain.

    Tables of words pass through this too, so that both sides agree (`й` becomes `и` on both).
    """
    apart = unicodedata.normalize("NFKD", text.translate(_SAME))
    kept = "".join(_visible(char) for char in apart)
    return unicodedata.normalize("NFC", kept).translate(_SAME)


def _visible(char: str) -> str:
    kind = unicodedata.category(char)
    return "" if kind in {"Mn", "Cf"} else char
