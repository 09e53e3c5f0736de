"""What is an agent told? The link's prompt, filled in, under a short block that orients it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from llmauto.events import Steered
from llmauto.model import Link, Role

UNTIL_FULL = """\
The context window is your limit in this call, not the number of tasks: do as many tasks as fit, one
after the other. When the context is nearly full, finish the task at hand cleanly, start no new one,
and write a full handoff.
"""

PLACEHOLDERS = (
    "HOME", "BASH_HOME", "CHAIN", "LINK", "ROLE", "RUN", "ROUND", "TASK",
    "WORKDIR", "STATE", "HANDOFF", "STATUS",
)  # fmt: skip
_PLACE = re.compile(
    r"\{("
    + "|".join(PLACEHOLDERS)
    + r"|inputs\.[A-Za-z0-9_][A-Za-z0-9_.-]*)\}|\{\{(handoff_file|task_file)\}\}"
)
_OLD_NAMES = {"handoff_file": "HANDOFF", "task_file": "TASK"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """Where and when a call takes place. Paths are absolute, as this system writes them.

    `aliases_state` says that `state/<chain>/`, which old prompts speak of, is not below the workdir.
    `assignable` are the links that wait for a controller's assignment.
    """

    chain: str
    run: str
    round: int
    max_rounds: int = 0
    home: str = ""
    bash_home: str = ""
    workdir: str = ""
    state: str = ""
    handoff: str = ""
    status: str = ""
    task: str = ""
    inputs: Mapping[str, str]
    aliases_state: bool = False
    assignable: tuple[str, ...] = ()


def fill(text: str, link: Link, setting: Setting) -> str:
    """The text with its placeholders filled in; all other braces stay as they are."""
    values = {
        "HOME": setting.home,
        "BASH_HOME": setting.bash_home,
        "CHAIN": setting.chain,
        "LINK": link.name,
        "ROLE": link.role.value,
        "RUN": setting.run,
        "ROUND": str(setting.round),
        "TASK": setting.task,
        "WORKDIR": setting.workdir,
        "STATE": setting.state,
        "HANDOFF": setting.handoff,
        "STATUS": setting.status,
    }

    def value(match: re.Match[str]) -> str:
        name = match[1] or _OLD_NAMES[match[2]]
        if name.startswith("inputs."):
            return setting.inputs.get(name.removeprefix("inputs."), match[0])
        return values[name]

    return _PLACE.sub(value, text)


def compose(link: Link, setting: Setting) -> str:
    """The whole prompt of a first attempt."""
    body = fill(link.prompt, link, setting).strip()
    parts = [body]
    if link.until_full:
        parts.append(UNTIL_FULL.strip())
    if link.context_hint:
        parts.append(fill(link.context_hint, link, setting).strip())
    if link.preamble:
        block = orientation(link, setting)
        if setting.task and "{TASK}" not in link.prompt:
            block += f"\nThe task, as the person who started this run gave it:\n{setting.task.strip()}\n"
        # A prompt that begins with a `/command` must stay at the very beginning, or the CLI does not run it.
        parts.insert(1 if body.startswith("/") else 0, block.strip())
    return "\n\n".join(part for part in parts if part) + "\n"


def orientation(link: Link, setting: Setting) -> str:
    """The block before every prompt: where the agent is, where the handoff is, how to end, skip, block."""
    of = f" of {setting.max_rounds}" if setting.max_rounds else ""
    lines = [
        f"[llmauto] chain `{setting.chain}`, link `{link.name}` (role: {link.role.value}), "
        f"round {setting.round}{of}, run {setting.run}.",
        f"- Handoff: read {setting.handoff} first (it may be missing in round 1). Before you end, replace "
        "its whole content with your handoff for the next link: what you did, the evidence, what is open.",
        "- Blocked: if you cannot go on without a person, begin a line of the handoff with `BLOCKED:`, "
        "then say why.",
        "- Skip: if there is nothing for you to do, answer just `SKIPPED` and leave the handoff as it is.",
    ]
    if link.role is Role.CONTROLLER and setting.assignable:
        names = ", ".join(f"`{name}`" for name in setting.assignable)
        lines.append(f"- Assign: a line `ASSIGNED: <name>` says who works next. The workers are {names}.")
    if link.may_finish:
        lines.append(
            f"- End of the run: only when the whole task is done and checked, write `ALL_DONE` as the first "
            f"word of {setting.status}."
        )
    if setting.aliases_state:
        lines.append(f"- Where a text says `state/{setting.chain}/`, it means {setting.state}.")
    return "\n".join(lines) + "\n"


def with_words(prompt: str, words: Sequence[Steered], path: str) -> str:
    """The prompt, and under it what a person said meanwhile.

    What came from afar is not pasted: it stands in the file `path`, since the CLI runs `/commands` and
    inlines `@paths` of a prompt.
    """
    near = [word.text.strip() for word in words if not word.afar]
    parts = [prompt.rstrip()]
    if near:
        parts.append("The person who runs this says, and it goes before all else:\n" + "\n\n".join(near))
    if len(near) < len(words):
        parts.append(f"A person has written to you in {path}: read it first, it goes before all else.")
    return "\n\n".join(parts) + "\n"


def repair(why: str) -> str:
    """What an agent is told whose structured reply could not be read."""
    return f"Your last reply could not be read: {why}. Answer once more, in the structure asked for.\n"


def canary(link: Link, setting: Setting) -> str:
    """A cheap call before round 1: it proves that the agent can run a command and hand over."""
    return (
        "This is a check of what you may do on this machine. Do exactly these two steps, look at nothing "
        "else, and go on with the second one if the first is refused.\n\n"
        "1. Run the command: true\n"
        f"2. Write two lines into the file {setting.handoff}: first `Status: DONE`, then "
        f"{canary_word(setting.run)}\n\nAnswer with the one word done.\n"
    )


def canary_word(run: str) -> str:
    """What the canary has to hand over."""
    return f"canary-{run}"


def go_on(link: Link, setting: Setting, why: str) -> str:
    """What an interrupted agent is told in its own session, in place of the whole prompt."""
    text = (
        f"You were interrupted ({why or 'the program ended early'}). Look at what you have already done, "
        "then go on with the same task from there; do not begin again.\n"
    )
    return f"{orientation(link, setting)}\n{text}" if link.preamble else text
