"""Which texts say that the login, the model, the session or the request itself is wrong?

Rows as in `limittexts`. Three that could have gone another way:

- No credit left is `auth`: like a wrong key it ends the run at once, since only a person can mend it.
- A refusal by the model's safeguards is `blocked`: the same prompt would be refused again, the next round
  brings another one, and blocks in a row are counted.
- An answer that is longer than the model may write is `bad_output`: one more try, then the link has failed.
"""

from __future__ import annotations

from llmauto.outcomes import Outcome
from llmauto.rules.limittexts import Said

_A, _F, _S, _M = Outcome.AUTH, Outcome.CONTEXT_FULL, Outcome.SESSION_BROKEN, Outcome.NO_MODEL
_R, _B = Outcome.BAD_REQUEST, Outcome.BUDGET

LOGINS = (
    Said(r"invalid (?:api key|x-api-key|bearer token)", _A, "Invalid API key · Fix external API key"),
    Said(r"incorrect api key provided", _A, "Incorrect API key provided: sk-xxxx."),
    Said(r"api key not valid", _A, "API key not valid. Please pass a valid API key."),
    Said(r"(?:your )?api key (?:has )?(?:expired|been (?:disabled|revoked))", _A, "API key expired."),
    Said(r"(?:you(?:'re| are) )?not logged in", _A, "Not logged in · Please run /login"),
    Said(r"please run /login", _A, "Please run /login · API Error: 401"),
    Said(
        r"(?:your )?oauth (?:access )?token (?:has )?(?:been )?(?:expired|revoked)",
        _A,
        "OAuth token has expired. Please obtain a new token or refresh your existing token.",
    ),
    Said(
        r"oauth authentication is currently not (?:supported|allowed)(?: for this organization)?",
        _A,
        "OAuth authentication is currently not allowed for this organization.",
    ),
    Said(r"failed to authenticate", _A, "Failed to authenticate. API Error: 403 forbidden"),
    Said(r"authentication failed", _A, "Authentication failed"),
    Said(
        r"your (?:access|refresh|authentication) token could not be refreshed(?: because [\w ]+)?",
        _A,
        "Your access token could not be refreshed. Please log out and sign in again.",
    ),
    Said(
        r"missing bearer or basic authentication(?: in header)?",
        _A,
        "Missing bearer or basic authentication in header",
    ),
    Said(
        r"(?:this|your) (?:organization|account) (?:has been disabled|does not have access to \w+(?: code)?)",
        _A,
        "This organization has been disabled.",
    ),
    Said(r"(?:your )?credit balance is too low(?: to access [\w ]+)?", _A, "Credit balance is too low"),
    Said(
        r"insufficient (?:credits|balance)",
        _A,
        "Insufficient credits. Add more at https://example.com/credits",
    ),
    Said(
        r"to use codex with your chatgpt plan, upgrade .*",
        _A,
        "To use Codex with your ChatGPT plan, upgrade to Plus.",
    ),
    Said(r"missing environment variable", _A, "Missing environment variable: `OPENAI_API_KEY`."),
    Said(
        r"please set an auth method in .*",
        _A,
        "Please set an Auth method in your settings.json or specify one of these environment variables",
    ),
    Said(
        r"when using gemini api, you must specify .*",
        _A,
        "When using Gemini API, you must specify the GEMINI_API_KEY environment variable.",
    ),
)
"""Nobody is logged in, the key is wrong, or nothing is left to pay with."""

CONTEXTS = (
    Said(r"(?:prompt|input) is too long(?: for requested model)?", _F, "Prompt is too long"),
    Said(
        r"input length and `?max_tokens`? exceed context limit",
        _F,
        "input length and `max_tokens` exceed context limit: 188240 + 21333 > 200000",
    ),
    Said(
        r"your input exceeds the context window(?: of this model)?",
        _F,
        "Your input exceeds the context window of this model. Please adjust your input and try again.",
    ),
    Said(
        r"(?:codex )?ran out of room in the model's context window",
        _F,
        "Codex ran out of room in the model's context window. Start a new thread and retry.",
    ),
    Said(
        r"context (?:window|length|limit) (?:exceeded|reached)",
        _F,
        "Context limit reached · /compact or /clear",
    ),
    Said(
        r"you(?:'ve| have) (?:hit|reached) your context(?: window)? limit",
        _F,
        "You've reached your context limit",
    ),
    Said(
        r"this model's maximum context length is [\d,]+ tokens",
        _F,
        "This model's maximum context length is 128000 tokens. However, your messages are longer.",
    ),
    Said(
        r"(?:the )?input token count (?:\(\d+\) )?exceeds the maximum number of tokens allowed",
        _F,
        "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).",
    ),
    Said(
        r"conversation (?:is )?too long",
        _F,
        "Conversation too long. Press esc twice to go up a few messages.",
    ),
    # What a session has gathered, images for instance, is gone in a fresh one.
    Said(r"request too large(?: \(max [\w. ]+\))?", _F, "Request too large (max 32MB)."),
)
"""The conversation has outgrown the model."""

SESSIONS = (
    Said(r"no conversation found(?: with session id)?", _S, "No conversation found with session ID: 1ef7d2"),
    Said(r"session id \S+ is already in use", _S, "Session ID 1ef7d2 is already in use."),
    Said(r"invalid session (?:identifier|id)", _S, 'Invalid session identifier "1ef7d2".'),
    Said(
        r"error resuming session", _S, "Error resuming session: no previous sessions found for this project."
    ),
    Said(
        r"(?:no (?:saved |previous )?(?:session|thread|rollout|conversation)s? found"
        r"|(?:session|thread|conversation)(?: \S+)? (?:was )?not found)(?: (?:for|with)[\w ]* [\w-]+)?",
        _S,
        "Error: no rollout found for thread id 01a2b3c4",
    ),
    Said(
        r"(?:messages\.[\w.]+: )?`?tool_use`? ids were found without `?tool_result`?.*",
        _S,
        "API Error: 400 messages.4: `tool_use` ids were found without `tool_result` blocks after: t1",
    ),
    Said(
        r"(?:messages\.[\w.]+: )?unexpected `?tool_use_id`? found in `?tool_result`? blocks.*",
        _S,
        "API Error: 400 messages.0.content.0: unexpected `tool_use_id` found in `tool_result` blocks: t1",
    ),
    Said(
        r"(?:messages\.[\w.]+: )?each `?tool_(?:use|result)`? block must have a corresponding .*",
        _S,
        "Each `tool_result` block must have a corresponding `tool_use` block in the previous message.",
    ),
    Said(r"due to tool use concurrency issues", _S, "API Error: 400 due to tool use concurrency issues."),
    Said(r"no tool output found for function call .*", _S, "No tool output found for function call call_1."),
    Said(
        r"(?:messages\.[\w.]+: )?`?thinking`? or `?redacted_thinking`? blocks in the latest .*",
        _S,
        "messages.1.content.2: `thinking` or `redacted_thinking` blocks in the latest assistant message",
    ),
    Said(
        r"(?:messages: |messages\.[\w.]+: )?text content blocks must be non-empty",
        _S,
        "API Error: 400 messages: text content blocks must be non-empty",
    ),
    Said(r"could not process image", _S, "API Error: 400 Could not process image"),
)
"""The session is gone, taken, or holds something that the API refuses each time."""

MODELS = (
    Said(
        r"there's an issue with the selected model",
        _M,
        "There's an issue with the selected model (claude-x). It may not exist.",
    ),
    Said(
        r"(?:the )?(?:requested )?models?:? ?[/'\"`]?[\w./:@\[\]-]+['\"`]? (?:(?:was |is )?not found"
        r"|does not exist)(?: (?:or you|for api version) .*)?",
        _M,
        "The model `gpt-x` does not exist or you do not have access to it.",
    ),
    Said(r"model[ _]not[ _]found", _M, "Error: Model not found: mock/m9."),
    Said(
        r"the '[^']+' model is not supported(?: when using [\w ]+)?",
        _M,
        "The 'gpt-x' model is not supported when using Codex with a ChatGPT account.",
    ),
    Said(
        r"claude [\w. ]+ is not available with (?:the|your) claude \w+ plan",
        _M,
        "Claude Opus is not available with the Claude Pro plan.",
    ),
    Said(
        r"extra usage is required for .*",
        _M,
        "API Error: 429 Extra usage is required for long context requests.",
    ),
)
"""There is no such model, or not for this account."""

REQUESTS = (
    Said(
        r"unknown (?:option|argument|command|flag)s?|unexpected argument"
        r"|unrecognized (?:option|argument|subcommand)s?",
        _R,
        "error: unknown option '--frob'",
    ),
    Said(r"invalid value '[^']*' for", _R, "error: invalid value 'x' for '--sandbox <SANDBOX_MODE>'"),
    Said(
        r"option '[^']+' argument (?:missing|'[^']*' is invalid)",
        _R,
        "error: option '--model <m>' argument missing",
    ),
    Said(r"missing required argument", _R, "error: missing required argument 'prompt'"),
    Said(r"piped stdin input exceeds(?: [\d.]+ ?\w+)?", _R, "piped stdin input exceeds 10MB"),
    Said(
        r"input exceeds the maximum (?:length|size) of [\d,]+ \w+",
        _R,
        "Input exceeds the maximum length of 1048576 characters.",
    ),
    Said(
        r"input must be provided either through stdin .*",
        _R,
        "Error: Input must be provided either through stdin or as a prompt argument when using --print",
    ),
    Said(
        r"--dangerously-skip-permissions cannot be used with root.*",
        _R,
        "--dangerously-skip-permissions cannot be used with root/sudo privileges for security reasons",
    ),
    Said(
        r"not inside a trusted directory .*",
        _R,
        "Not inside a trusted directory and --skip-git-repo-check was not specified.",
    ),
    Said(r"error loading config(?:\.toml)?", _R, "Error loading config.toml: missing field `name`"),
    Said(r"tool names must be unique", _R, "API Error: 400 tools: Tool names must be unique."),
)
"""The command line or the request is wrong, and would be so again."""

OTHERS = (
    Said(
        r"reached max(?:imum)? (?:number of )?(?:session )?turns", _B, "Reached maximum number of turns (2)"
    ),
    Said(r"reached maximum budget", _B, "Reached maximum budget ($0.5)"),
    Said(
        r"(?:[\w. -]{1,40}'s )?safeguards flagged this message",
        Outcome.BLOCKED,
        "API Error: Claude Opus's safeguards flagged this message",
    ),
    Said(
        r"claude code is unable to respond to this request(?:, which appears to violate [\w ]+)?",
        Outcome.BLOCKED,
        "API Error: Claude Code is unable to respond to this request, which appears to violate our policy",
    ),
    Said(
        r"(?:claude's )?response exceeded the (?:\S+ )?output token maximum",
        Outcome.BAD_OUTPUT,
        "API Error: Claude's response exceeded the 32000 output token maximum.",
    ),
    Said(r"execution error[.!]?$", Outcome.UNKNOWN, "Execution error"),
    Said(r"\[?request interrupted by user", Outcome.UNKNOWN, "[Request interrupted by user]"),
)
"""Caps, refusals, and what says no more than that something went wrong."""
