"""What does `chain create` ask about a pattern, and what becomes of the answers?"""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from llmauto.authoring.paths import Paths
from llmauto.authoring.prompts import Prompts, UnusableError
from llmauto.cli.ask import Asker
from llmauto.home import Home
from llmauto.rules.text import decode, quoted

NEW_PROMPT = "new"
_AGENTS = ("worker", "reviewer", "controller")
_SINGLE_PASS = ("once", "deadend")
_MOST = 1_000_000
_LONGEST_NAME = 60
"""Characters of a prompt's name, so that with its `.txt` it is one that `prompt show` takes."""


class Questions:
    """Asks for what people change most often in a pattern. `values` and `prompts` are the result.

    `prompts` are new files of the home: name → text.
    """

    def __init__(self, asker: Asker, home: Home, chain: str, pattern: Mapping[str, Any]) -> None:
        self.values: dict[str, Any] = copy.deepcopy(dict(pattern))
        self.prompts: dict[str, str] = {}
        self._asker = asker
        self._home = home
        self._chain = chain
        self._lookup = Prompts(
            home=home,
            paths=Paths(str(Path.home())),
            chain_folder=home.chains,
            named=self.values.get("prompts") or {},
        )

    def ask(self) -> None:
        """Ask all of it."""
        self.values["description"] = self._asker.text("Description", str(self.values.get("description", "")))
        links = self.values["links"]
        self._asker.tell(
            f"Each link has a model and a prompt: its name, `{NEW_PROMPT}` for a copy to change, or its text."
        )
        for place, link in enumerate(links, 1):
            role = str(link.get("role") or "worker")
            name = str(link.get("name") or f"{role}-{place}")
            if role in _AGENTS and "run" not in link:
                self._ask_link(link, role, name, f"Link {place} of {len(links)}, {name}")
        if self.values.get("mode") not in _SINGLE_PASS:
            self._ask_number("Rounds at the most (0 = no limit)", "max_rounds", whole=True)
        self._ask_number("Hours at the most (0 = no limit)", "runtime_hours")
        self._ask_number("Budget of a run in dollars (0 = none)", "budget_usd", zero_is_none=True)

    def _ask_link(self, link: dict[str, Any], role: str, name: str, title: str) -> None:
        model = str(link.get("model") or "")
        answer = self._asker.text(f"{title}: model", model, _model_problem)
        if answer != model:
            link["model"] = answer
        current = str(link.get("prompt") or f"{role}.txt")
        file = f"{self._chain}_{name}"[:_LONGEST_NAME] + ".txt"

        def problem(given: str) -> str | None:
            return None if given == current else self._prompt_problem(given, current, file)

        answer = self._asker.text(f"{title}: prompt", current, problem)
        if answer == current:
            return
        if _is_new(answer):
            self.prompts[file] = self._text_of(current) if answer == NEW_PROMPT else f"{answer}\n"
            answer = file
        link["prompt"] = answer

    def _prompt_problem(self, given: str, current: str, file: str) -> str | None:
        if _is_new(given):
            if (self._home.prompts / file).exists() or file in self.prompts:
                return f"`prompts/{file}` exists already: type its name to use it"
            if given != NEW_PROMPT:
                return None
        try:
            self._lookup.find(current if given == NEW_PROMPT else given)
        except UnusableError as error:
            return str(error)
        return None

    def _text_of(self, prompt: str) -> str:
        """The text of a prompt as its file has it: a copy keeps what is only filled in at a start."""
        found = self._lookup.find(prompt)
        path = Path(found.source)
        return decode(path.read_bytes()) if path.is_absolute() and path.is_file() else f"{found.text}\n"

    def _ask_number(
        self, question: str, key: str, *, whole: bool = False, zero_is_none: bool = False
    ) -> None:
        now = self.values.get(key)
        default = f"{now:g}" if isinstance(now, (int, float)) and not isinstance(now, bool) else "0"
        answer = self._asker.text(question, default, _whole_problem if whole else _number_problem)
        if answer == default:
            return
        number = float(answer)
        if zero_is_none and not number:
            self.values.pop(key, None)
        else:
            self.values[key] = int(number) if number == int(number) else number


def _is_new(answer: str) -> bool:
    return answer == NEW_PROMPT or any(char.isspace() for char in answer)


def _model_problem(answer: str) -> str | None:
    if answer.startswith("-") or any(char.isspace() for char in answer):
        return f"{quoted(answer)} is no name of a model"
    return None


def _number_problem(answer: str) -> str | None:
    try:
        number = float(answer)
    except ValueError:
        number = math.nan
    return None if 0 <= number <= _MOST else f"expected a number from 0, found {quoted(answer)}"


def _whole_problem(answer: str) -> str | None:
    known = answer.isascii() and answer.isdecimal() and len(answer) <= 6
    return None if known else f"expected a whole number from 0, found {quoted(answer)}"
