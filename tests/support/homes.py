"""A home in a temporary folder, and chains in it, for tests."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from llmauto.authoring.load import Loaded, load
from llmauto.errors import ChainError
from llmauto.home import Home, HowFound, shipped_root
from llmauto.settings import Settings

NOW = datetime(2030, 6, 1, 12, 0, tzinfo=timezone.utc)

SEED_EXAMPLE: dict[str, Any] = {
    "description": "Simple worker-reviewer loop",
    "mode": "loop",
    "max_rounds": 5,
    "runtime_hours": 2,
    "links": [
        {"name": "worker", "role": "worker", "model": "claude-sonnet-4-6", "prompt": "worker_prompt.txt"},
        {
            "name": "reviewer",
            "role": "reviewer",
            "model": "claude-opus-4-6-20250918",
            "prompt": "reviewer_prompt.txt",
            "continue": True,
        },
    ],
}


class Bench:
    """A home whose chains are loaded. `user_home` is what `{HOME}` means in it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.user_home = "/home/somebody"
        for folder in ("chains", "prompts", "work"):
            (root / folder).mkdir()
        self.home = Home(
            path=root,
            how_found=HowFound.OPTION,
            workdir_base=root / "work",
            private=False,
            shipped=shipped_root(),
        )

    def prompt(self, name: str, text: str | bytes = "Do it.") -> Path:
        """A prompt in the home."""
        file = self.root / "prompts" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8"))
        return file

    def write(self, chain: Any, name: str = "c") -> Path:
        """A chain file; anything but bytes and text is written as JSON."""
        file = self.root / "chains" / f"{name}.json"
        if isinstance(chain, bytes):
            file.write_bytes(chain)
        else:
            text = chain if isinstance(chain, str) else json.dumps(chain, indent=1)
            file.write_text(text, encoding="utf-8")
        return file

    def load(self, chain: Any, settings: Settings | None = None, name: str = "c") -> Loaded:
        """The chain, loaded."""
        path = self.write(chain, name)
        return load(path, home=self.home, settings=settings or Settings(), now=NOW, user_home=self.user_home)

    def problems(self, chain: Any, settings: Settings | None = None) -> list[str]:
        """What is wrong with the chain, each as `line:col: error: …`."""
        with pytest.raises(ChainError) as caught:
            self.load(chain, settings)
        prefix = f"{self.root / 'chains' / 'c.json'}:"
        assert all(problem.startswith(prefix) for problem in caught.value.problems), caught.value.problems
        return [problem.removeprefix(prefix) for problem in caught.value.problems]

    def one_problem(self, chain: Any) -> str:
        """The one mistake of the chain."""
        problems = self.problems(chain)
        assert len(problems) == 1, problems
        return problems[0]

    def files(self) -> set[str]:
        """All that is in the home."""
        return {str(path.relative_to(self.root)) for path in self.root.rglob("*")}


def one_link(**keys: Any) -> dict[str, Any]:
    """A chain with one link that has these keys, bounded so that it warns of nothing."""
    return {"max_rounds": 1, "links": [{"name": "w", "prompt": "do the work", **keys}]}


def chain(links: Sequence[Mapping[str, Any]], **keys: Any) -> dict[str, Any]:
    """A chain of these links, bounded, in which each has a prompt."""
    return {"max_rounds": 1, **keys, "links": [{"prompt": "do the work", **link} for link in links]}
