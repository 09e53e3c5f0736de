"""Which texts say that a limit, an overload or the network stands in the way, and none of our doing?

Each row is a beginning of such a text in `folding.folded` form (case does not count), what it means, and
a text as a CLI prints it. What a CLI puts before (`API Error:`) is taken away first; `saidtext` says how.
"""

from __future__ import annotations

from typing import NamedTuple

from llmauto.outcomes import Outcome


class Said(NamedTuple):
    """A known text: its beginning as a regular expression, what it means, and an example that is tested."""

    pattern: str
    outcome: Outcome
    example: str


_L, _O, _N = Outcome.LIMITED, Outcome.OVERLOADED, Outcome.OFFLINE

LIMITS = (
    Said(
        r"claude(?: ai| max| pro| code)? usage limit reached", _L, "Claude AI usage limit reached|1762952400"
    ),
    Said(
        r"you(?:'ve| have) (?:hit|reached) your (?!context|output|token)(?:[\w-]+ ){0,4}limits?"
        r"(?: for (?:claude|codex) messages)?",
        _L,
        "You've hit your limit · resets 1pm (Europe/Lisbon)",
    ),
    Said(
        r"(?:(?:\d+|five)[- ]hour|session|hourly|daily|weekly|monthly|usage"
        r"|(?:opus|sonnet|haiku|fable)(?: weekly)?)(?: usage)? limit reached",
        _L,
        "5-hour limit reached ∙ resets 3pm",
    ),
    Said(r"you(?:'re| are) out of (?:extra )?usage", _L, "You're out of extra usage · resets 9pm"),
    Said(
        r"you(?:'ve| have) reached your specified (?:[\w-]+ )?usage limits?",
        _L,
        "You have reached your specified API usage limits. You will regain access on 2026-08-01 at 0:00 UTC.",
    ),
    Said(
        r"(?:this request would exceed|(?:the )?number of request tokens has exceeded)"
        r" your [\w' -]{0,40}rate limit",
        _L,
        "This request would exceed your account's rate limit. Please try again later.",
    ),
    Said(
        r"rate limit (?:reached|exceeded)(?: for [\w.:/@-]+(?: \(for limit \S+\))?"
        r"(?: in organization [\w-]+)?(?: on [\w ]+(?:\([\w ]+\))?)?)?",
        _L,
        "API Error: Rate limit reached",
    ),
    Said(
        r"request rejected \(429\)", _L, "API Error: Request rejected (429) · This may be a temporary limit"
    ),
    Said(r"too many requests(?:, please [\w ]+)?", _L, "Too many requests, please wait before trying again."),
    Said(
        r"you(?:'ve| have)? exceeded your current quota(?:, please check your plan and billing details)?",
        _L,
        "You exceeded your current quota, please check your plan and billing details.",
    ),
    Said(
        r"you(?:'ve| have) exhausted your (?:daily )?(?:capacity|quota)(?: on this model)?",
        _L,
        "[API Error: You have exhausted your daily quota on this model.]",
    ),
    Said(
        r"quota exceeded(?: for (?:quota )?metric.*)?",
        _L,
        "Quota exceeded for quota metric 'Gemini 2.5 Pro Requests' and limit 'Requests per day per user'",
    ),
    Said(
        r"resource (?:has been )?exhausted(?: \(e\.g\. check quota\))?",
        _L,
        "Resource has been exhausted (e.g. check quota).",
    ),
    Said(r"sie haben ihr (?:\w+)?limit erreicht", _L, "Sie haben Ihr Nutzungslimit erreicht."),
    Said(
        r"vous avez atteint (?:votre|la) limite(?: d'utilisation)?",
        _L,
        "Vous avez atteint votre limite d’utilisation · réinitialisation à 15h (Europe/Paris)",
    ),
    Said(
        r"has (?:alcanzado|llegado a) (?:tu|el) limite(?: de \w+)?",
        _L,
        "Has alcanzado tu límite de uso. Se restablecerá a las 15:00.",
    ),
    Said(
        r"hai raggiunto il (?:tuo )?limite(?: di \w+)?",
        _L,
        "Hai raggiunto il limite di utilizzo. Si reimposterà alle 15:00.",
    ),
    Said(
        r"voce atingiu (?:o|seu|o seu) limite(?: de \w+)?(?: do codex)?",
        _L,
        "Você atingiu seu limite de uso. Tente novamente às 15:00.",
    ),
    Said(r"je hebt je (?:\w+)?limiet bereikt", _L, "Je hebt je gebruikslimiet bereikt. Opnieuw om 15:00."),
    Said(
        r"(?:вы достигли|достигнут) лимита?(?: \w+)?", _L, "Вы достигли лимита использования. Сброс в 15:00."
    ),
    Said(r"osiagnieto limit(?: \w+)?", _L, "Osiągnięto limit użycia. Zresetowany zostanie o 15:00."),
    Said(
        r"(?:使用量?の?(?:制限|上限)|利用(?:制限|上限))に達しました",
        _L,
        "使用制限に達しました。午後3時にリセットされます。",
    ),
    Said(r"(?:您)?已达到?(?:您的)?(?:使用)?(?:限制|上限|限额)", _L, "您已达到使用限制。将于下午3:00重置。"),
)
"""A usage limit. Also for a 429 without more: who knows no better waits in growing steps."""

OVERLOADS = (
    Said(r"repeated 529 overloaded errors", _O, "API Error: Repeated 529 Overloaded errors"),
    Said(
        r"\(?(?:the )?request timed out\.?\)?",
        _O,
        "API Error (Request timed out.) · Retrying in 36 seconds… (attempt 7/10)",
    ),
    Said(r"overloaded[.!]?$", _O, "API Error: Overloaded"),
    Said(
        r"we(?:'re| are) currently experiencing high demand(?:, which may cause temporary errors)?",
        _O,
        "We're currently experiencing high demand, which may cause temporary errors.",
    ),
    Said(
        r"(?:the |this |our )?(?:selected )?(?:model|engine|servers?|service)(?: [\w.-]+)? (?:is|are)"
        r" (?:currently |temporarily )?(?:overloaded|at capacity|unavailable)"
        r"(?: (?:right now|with other requests))?",
        _O,
        "Selected model is at capacity. Please try a different model.",
    ),
    Said(
        r"no capacity available for (?:model )?[\w.-]+", _O, "No capacity available for model gemini-3-flash"
    ),
    Said(
        r"internal server error|internal error encountered|bad gateway|service(?: temporarily)? unavailable"
        r"|gateway time-?out|upstream (?:connect error|request timeout)",
        _O,
        "API Error: Internal server error",
    ),
    Said(
        r"(?:the server had an error|an error occurred)(?: while)? processing your request",
        _O,
        "The server had an error while processing your request. Sorry about that!",
    ),
)
"""The provider is there, and has too much to do or trouble of its own."""

OUTAGES = (
    Said(
        r"connection (?:error|dropped|refused|reset(?: by peer)?|closed(?: unexpectedly| mid-response)?"
        r"|timed out|aborted|terminated|lost)(?: while [\w ]+)?",
        _N,
        "API Error: Connection dropped (ECONNRESET)",
    ),
    Said(
        r"(?:unable|failed) to connect to (?:the )?(?:api|server|anthropic services|[\w-]+(?:\.[\w-]+)+)",
        _N,
        "API Error: Unable to connect to API (ECONNREFUSED)",
    ),
    Said(r"(?:typeerror: )?fetch failed", _N, "TypeError: fetch failed"),
    Said(r"typeerror: terminated", _N, "TypeError: terminated"),
    Said(
        r"request to \S+ failed, reason",
        _N,
        "request to https://example.com/v1 failed, reason: socket hang up",
    ),
    Said(
        r"(?:getaddrinfo|connect|read|write) (?-i:E[A-Z]{4,}|EAI_[A-Z]+)\b(?: \S+)?",
        _N,
        "API Error: getaddrinfo ENOTFOUND api.anthropic.com",
    ),
    Said(
        r"(?:econn(?:refused|reset|aborted)|enotfound|eai_again|etimedout|enetunreach|ehostunreach|epipe)\b",
        _N,
        "API Error: ECONNRESET",
    ),
    Said(r"(?:the )?network (?:is unreachable|error)", _N, "network is unreachable"),
    Said(r"socket hang up", _N, "API Error: socket hang up"),
    Said(
        r"stream (?:disconnected before completion|closed before response\.completed)",
        _N,
        "stream disconnected before completion: Transport error: network error: error decoding response body",
    ),
    Said(r"idle timeout waiting for (?:sse|websocket)", _N, "stream error: idle timeout waiting for SSE"),
    Said(
        r"error sending request(?: for url)?",
        _N,
        "error sending request for url (https://example.com/v1/responses)",
    ),
    Said(
        r"(?:failed to lookup address information|temporary failure in name resolution|could not resolve host"
        r"|dns error)",
        _N,
        "failed to lookup address information: Temporary failure in name resolution",
    ),
)
"""Nobody answered, or the line broke."""
