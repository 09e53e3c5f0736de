"""What would an agent do? This script plays one, as a process of its own: no model, no key, no network.

    python -I -S demo_agent.py ROLE STATE_FOLDER [structured] < prompt

The worker fills `STATE_FOLDER/work/marbles.md`, and at first forgets to count; the reviewer really reads
the file, finds that out, and approves when it is mended; the controller assigns. Each writes the handoff
that `LLMAUTO_HANDOFF` names. Without a chain it answers in one sentence. `DEMO_PACE` is a factor for its
short pauses, 0 for none.

A line of the prompt that begins with `demo:` tells it what else to do:

    demo: finish                      end the run
    demo: blocked                     hand over as blocked
    demo: fail                        exit 1
    demo: write calc.py "a = 1\\n"     write this file of the workdir (a JSON text), instead of marbles
    demo: verdict NEEDS_FIX           hand over with this verdict, whatever the marbles say

`demo worker: …` is for the link `worker` alone, `demo #2: …` for a link's second call alone.
"""

from __future__ import annotations

import json
import os
import re
import sys
import threading
from pathlib import Path

_PAUSE_S = 0.1
_COLOURS = ("red", "blue", "green", "amber", "violet", "white", "black", "silver", "rose", "teal")
_PER_CALL = 3


def main(role: str, state: Path, form: str = "") -> int:
    """Play the role. The exit code is 0 unless the prompt asks for a failure."""
    prompt = sys.stdin.buffer.read().decode("utf-8", errors="replace")
    told = instructions(prompt, state)
    asked = {line.split()[0] for line in told}
    chain, handoff = os.environ.get("LLMAUTO_CHAIN", ""), os.environ.get("LLMAUTO_HANDOFF", "")
    if "fail" in asked:
        sys.stderr.write("the demo agent was asked to fail\n")
        return 1
    if not chain or not handoff or (chain == "pipe" and handoff not in prompt):
        count = len(prompt.split())
        words = "1 word" if count == 1 else f"{count} words"
        result(f"This is the demo backend: no model has read your prompt of {words}.")
        return 0
    say("This is the demo agent: a script, not a model.")
    text = answer(role, state / "work" / "marbles.md", Path(handoff), prompt, told)
    write(Path(handoff), text)
    if "finish" in asked:
        write(state / "status.txt", "ALL_DONE\n")
    extra = {"structured": structured(text)} if form == "structured" else {}
    result(f"Demo {role}: {text.splitlines()[0]}", **extra)
    return 0


def instructions(prompt: str, state: Path) -> list[str]:
    """What the prompt tells this link to do in this call."""
    link = os.environ.get("LLMAUTO_LINK", "")
    lines = re.findall(r"^\s*demo(?: ([\w.-]+))?(?: #(\d+))?:[ \t]*(\S.*)$", prompt, re.MULTILINE)
    turn = count_call(state / "work" / f"calls-{link}.txt") if any(number for _, number, _ in lines) else 0
    return [what for name, number, what in lines if name in ("", link) and number in ("", str(turn))]


def count_call(path: Path) -> int:
    """How many calls of the link there were, with this one."""
    count = 1 + (int(path.read_text(encoding="utf-8")) if path.is_file() else 0)
    write(path, f"{count}\n")
    return count


def answer(role: str, marbles: Path, handoff: Path, prompt: str, told: list[str]) -> str:
    """The handoff: by what the prompt tells, else by what the role does."""
    files = [line[len("write ") :].strip().partition(" ") for line in told if line.startswith("write ")]
    verdicts = [line.split()[1] for line in told if re.match(r"verdict \w", line)]
    if any(line.split()[0] == "blocked" for line in told):
        return blocked()
    for name, _, text in files:
        write(Path(name), json.loads(text))
        use("Write", name)
    if verdicts:
        say(f"The prompt asks for the verdict {verdicts[0]}.")
        return report(f"Verdict: {verdicts[0]}", Findings="- F1 [major] [open] as the prompt asks")
    if files:
        say(f"Wrote {', '.join(name for name, _, _ in files)}.")
        return report("Status: READY_FOR_REVIEW", Done="Wrote what the prompt asks for.")
    return play(role, marbles, handoff, prompt)


def structured(text: str) -> str:
    """The handoff of a reviewer as a structured review."""
    verdict = re.match(r"Verdict: (\w+)", text)
    ids = re.findall(r"^- (F\d+) \[\w+\] \[open\]", text, re.MULTILINE)
    word = verdict[1] if verdict else "BLOCKED"
    findings = [{"id": name, "severity": "high", "text": "see the handoff"} for name in ids]
    summary = f"The demo reviewer says {word}."
    return json.dumps(
        {"verdict": word, "findings": findings if word != "APPROVED" else [], "summary": summary}
    )


def play(role: str, marbles: Path, handoff: Path, prompt: str) -> str:
    """The handoff that this role writes, after it has done its work."""
    before = handoff.read_text(encoding="utf-8", errors="replace") if handoff.is_file() else ""
    use("Read", handoff.name)
    if role == "reviewer":
        return review(marbles)
    if role == "controller":
        return assign(prompt)
    return work(marbles, before)


def work(marbles: Path, before: str) -> str:
    """Mend what the last review found, else add marbles."""
    old = entries(marbles)
    findings = "F1" in before and "[open]" in before
    names = old if findings else old + [colour(len(old) + i) for i in range(_PER_CALL)]
    # At first it forgets to count, so that the reviewer has something to find.
    total = bool(old)
    lines = [
        "# Marbles",
        "",
        *(f"- {name}" for name in names),
        *(["", f"Total: {len(names)}"] if total else []),
    ]
    write(marbles, "\n".join(lines) + "\n")
    use("Write", f"work/{marbles.name}")
    done = (
        "F1: mended, the total stands at the end." if findings else f"Added {len(names) - len(old)} marbles."
    )
    say(done)
    return report(
        "Status: READY_FOR_REVIEW",
        Assignment="Keep a list of marbles, with their total (the demo's own assignment).",
        Done=f"{done} The list is {marbles}, {len(names)} marbles long.",
        Evidence=f"Wrote {marbles.stat().st_size} bytes.",
        Open="Nothing.",
        Next="Review the list.",
    )


def review(marbles: Path) -> str:
    """Read the list, and compare its total with what stands in it."""
    use("Read", f"work/{marbles.name}")
    names = entries(marbles)
    text = marbles.read_text(encoding="utf-8") if marbles.is_file() else ""
    total = re.search(r"^Total: (\d+)$", text, re.MULTILINE)
    right = total is not None and int(total[1]) == len(names)
    verdict = "APPROVED" if right else "NEEDS_FIX"
    told = f"says {total[1]}" if total else "has no total"
    say(f"{len(names)} marbles, and the list {told}: {verdict}.")
    state = "fixed" if right else "open"
    return report(
        f"Verdict: {verdict}",
        Assignment="Keep a list of marbles, with their total (the demo's own assignment).",
        Findings=f"- F1 [major] [{state}] {marbles.name}: the total is to stand at the end of the list.",
        Done=f"{len(names)} marbles are in the list.",
        Evidence=f"Counted the lines that begin with `- `: {len(names)}; the list {told}.",
        Open="Nothing.",
        Next="Add more marbles." if right else "Mend F1.",
    )


def assign(prompt: str) -> str:
    """Assign the next piece to the worker that the prompt names first."""
    named = re.search(r"ASSIGNED: ([\w.-]+)", prompt)
    worker = named[1] if named else "worker"
    say(f"The next marbles are for {worker}.")
    return report(
        f"Status: IN_PROGRESS\nASSIGNED: {worker}",
        Assignment="Add marbles to the list, and give their total.",
        Done="See the list.",
        Next="Check what comes back.",
    )


def blocked() -> str:
    """A handoff that a person has to answer."""
    return report(
        "Status: BLOCKED", Open="The prompt asked the demo agent to be blocked. What is to be done?"
    )


def report(head: str, **sections: str) -> str:
    """A handoff in the shape that the shipped prompts ask for."""
    parts = [head, *(f"## {title}\n{text}" for title, text in sections.items())]
    return "\n\n".join(parts) + "\n\nWritten by the demo agent, which is a script.\n"


def entries(marbles: Path) -> list[str]:
    """The marbles of the list, none where there is no list yet."""
    text = marbles.read_text(encoding="utf-8", errors="replace") if marbles.is_file() else ""
    return [line[2:] for line in text.splitlines() if line.startswith("- ")]


def colour(place: int) -> str:
    """A marble's name; it repeats only with a number."""
    lap, at = divmod(place, len(_COLOURS))
    return _COLOURS[at] if not lap else f"{_COLOURS[at]} {lap + 1}"


def write(path: Path, text: str) -> None:
    """Replace a file in one step."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temp = path.with_name(f"{path.name}.demo.tmp")
    temp.write_text(text, encoding="utf-8", newline="\n")
    temp.replace(path)


def emit(**event: str) -> None:
    """One line of the stream."""
    sys.stdout.buffer.write(json.dumps(event).encode("utf-8") + b"\n")
    sys.stdout.buffer.flush()


def say(text: str) -> None:
    """A text, and a short pause so that it can be seen."""
    emit(type="text", text=text)
    try:
        pace = float(os.environ.get("DEMO_PACE", "1"))
    except ValueError:
        pace = 1.0
    threading.Event().wait(min(max(pace, 0.0) * _PAUSE_S, 10.0))


def use(tool: str, detail: str) -> None:
    """A tool call."""
    emit(type="tool", tool=tool, detail=detail)


def result(text: str, **extra: str) -> None:
    """The end."""
    emit(type="result", text=text, **extra)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1], Path(sys.argv[2]), *sys.argv[3:4]))
