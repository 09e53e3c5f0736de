"""What is a structured review: its schema, how a reply is read, how it reads as a handoff?"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

VERDICTS = ("APPROVED", "NEEDS_FIX", "BLOCKED")
SEVERITIES = ("high", "medium", "low")

SCHEMA = json.dumps(
    {
        "type": "object",
        "additionalProperties": False,
        "required": ["verdict", "findings", "summary"],
        "properties": {
            "verdict": {"enum": list(VERDICTS)},
            "summary": {"type": "string"},
            "findings": {
                "type": "array",
                "description": "What is open now. A finding keeps its id from review to review.",
                "items": {
                    "type": "object",
                    "additionalProperties": False,
                    "required": ["id", "severity", "text"],
                    "properties": {
                        "id": {"type": "string", "description": "short and stable, such as F1"},
                        "severity": {"enum": list(SEVERITIES)},
                        "text": {"type": "string"},
                        "place": {"type": "string", "description": "file:line, where there is one"},
                    },
                },
            },
        },
    },
    separators=(",", ":"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is open."""

    id: str
    severity: str
    text: str
    place: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """A reviewer's judgement."""

    verdict: str
    findings: tuple[Finding, ...]
    summary: str


def read_review(structured: str | None) -> Review | str:
    """The review, or a sentence that says what is wrong with the reply."""
    if structured is None:
        return "the reply has no structured review"
    try:
        data = json.loads(structured)
    except ValueError:
        return "the reply is not JSON"
    if not isinstance(data, dict):
        return "the reply is not a JSON object"
    verdict, summary, findings = data.get("verdict"), data.get("summary"), data.get("findings")
    if verdict not in VERDICTS:
        return f"`verdict` must be one of {', '.join(VERDICTS)}"
    if not isinstance(summary, str):
        return "`summary` must be a text"
    if not isinstance(findings, list):
        return "`findings` must be a list"
    read = [_finding(row, place) for place, row in enumerate(findings)]
    problem = next((row for row in read if isinstance(row, str)), None)
    if problem is not None:
        return problem
    found = tuple(row for row in read if isinstance(row, Finding))
    if len({row.id for row in found}) < len(found):
        return "two findings have the same id"
    return Review(verdict=verdict, findings=found, summary=summary)


def _finding(row: Any, place: int) -> Finding | str:
    if not isinstance(row, dict):
        return f"`findings[{place}]` must be an object"
    values = {key: row.get(key) for key in ("id", "severity", "text")}
    for key, value in values.items():
        if not isinstance(value, str) or not value.strip():
            return f"`findings[{place}].{key}` must be a text"
    if values["severity"] not in SEVERITIES:
        return f"`findings[{place}].severity` must be one of {', '.join(SEVERITIES)}"
    where = row.get("place")
    return Finding(
        id=str(values["id"]).strip(),
        severity=str(values["severity"]),
        text=str(values["text"]),
        place=where if isinstance(where, str) else "",
    )


def as_handoff(review: Review, link: str) -> str:
    """The review as the next link reads it."""
    lines = [f"# Review by `{link}`", "", f"Verdict: {review.verdict}", "", review.summary.strip(), ""]
    if review.findings:
        lines.append("## Open findings")
        for row in review.findings:
            place = f" ({row.place})" if row.place else ""
            lines.append(f"- {row.id} [{row.severity}]{place}: {row.text.strip()}")
    return "\n".join(lines) + "\n"
