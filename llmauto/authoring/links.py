"""What is each link of a chain, with every setting resolved?

A setting comes from the link, else from the chain's `defaults`, else from config.json, else it is
built in.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from llmauto.authoring.by_role import means, warn_of_meaningless
from llmauto.authoring.document import ValuePath
from llmauto.authoring.draft import Draft
from llmauto.authoring.fields import Field
from llmauto.authoring.link_keys import LINK_FIELDS
from llmauto.authoring.prompts import Prompt, Prompts, UnusableError
from llmauto.backends import BUILT_IN, NOT_BUILT_YET
from llmauto.model import Link, OnLimit, Role
from llmauto.rules.checks import PATTERNS
from llmauto.rules.names import case_twins, nearest, problem_with
from llmauto.rules.text import human_bytes, quoted

AGENT_ROLES = (Role.WORKER, Role.REVIEWER, Role.CONTROLLER)
_SMALL_PROMPT = 1 << 20
"""Bytes that every backend takes; only beyond that is the backend asked."""
_UNSET: Any = object()
_PATH_KEYS = ("settings", "mcp_config")


class Setting(NamedTuple):
    """A model's value, and where in the file it stands; None where it does not."""

    value: Any
    path: ValuePath | None = None


def read_links(draft: Draft, chain_folder: Path) -> tuple[Link, ...]:
    """The chain's links; what is wrong with them is noted."""
    names = link_names(draft)
    _check_names(draft, names)
    written = draft.document.value
    given = written.get("prompts") if isinstance(written, Mapping) else None
    named = draft.part("prompts")
    prompts = Prompts(
        home=draft.home,
        paths=draft.paths,
        chain_folder=chain_folder,
        named=named,
        broken=frozenset(given if isinstance(given, Mapping) else ()) - frozenset(named),
    )
    controlled = any(_role(draft, link) is Role.CONTROLLER for link in draft.links)
    return tuple(
        _LinkReader(draft, place, name, prompts, controlled).read() for place, name in enumerate(names)
    )


def link_names(draft: Draft) -> list[str]:
    """What the links are called, in their order; one without a name after its role and place."""
    return [
        str(link.get("name") or f"{_role(draft, link).value}-{place}")
        for place, link in enumerate(draft.links, 1)
    ]


def _role(draft: Draft, link: Mapping[str, Any]) -> Role:
    return Role(link.get("role") or draft.part("defaults").get("role") or Role.WORKER.value)


def _check_names(draft: Draft, names: list[str]) -> None:
    first: dict[str, int] = {}
    for place, name in enumerate(names):
        path = ("links", place, "name")
        problem = problem_with(name)
        if problem:
            draft.problems.error(path, f"the link name {quoted(name)} {problem}")
        if name in first:
            earlier = draft.document.place(("links", first[name])).line
            draft.problems.error(
                path, f"the link name {quoted(name)} is used again, first by the link in line {earlier}"
            )
        first.setdefault(name, place)
    for one, other in case_twins(first):
        message = f"the link names {quoted(one)} and {quoted(other)} differ by case alone"
        draft.problems.error(("links", first[other], "name"), message)


class _LinkReader:
    """Reads one link: settles each setting, then what depends on several of them."""

    def __init__(self, draft: Draft, place: int, name: str, prompts: Prompts, controlled: bool) -> None:
        self._draft = draft
        self._place = place
        self._given: Mapping[str, Any] = draft.links[place]
        self._defaults = draft.part("defaults")
        self._prompts = prompts
        self._controlled = controlled
        self._name = name
        self._role = _role(draft, self._given)
        self._gate = self._role is Role.GATE
        self._backend = str(self._raw("backend").value or "claude")

    def read(self) -> Link:
        """The link."""
        values: dict[str, Any] = {}
        for one in LINK_FIELDS:
            if not means(self._role, one.key):
                continue
            setting = self._setting(one)
            if setting.value is not _UNSET:
                values[one.attr] = setting.value
        values |= {"name": self._name, "role": self._role, "env": self._env()}
        self._settle_paths(values)
        self._settle_by_role(values)
        warn_of_meaningless(self._draft.problems, ("links", self._place), self._given, self._role)
        self._check_backend(values)
        prompt = self._prompt()
        return Link(**values | {"prompt": prompt.text, "prompt_source": prompt.source})

    # --- where a setting comes from ---

    def _raw(self, key: str) -> Setting:
        """The JSON value of the link, else of the defaults; a `null` of the link hides the defaults'."""
        if key in self._given:
            return Setting(self._given[key], ("links", self._place, key))
        # A time limit for calls is none for people.
        if key in self._defaults and key != "name" and not (key == "timeout_seconds" and self._gate):
            return Setting(self._defaults[key], ("defaults", key))
        return Setting(None)

    def _setting(self, one: Field) -> Setting:
        raw = self._raw(one.key)
        label = f"links.{self._name}.{one.key}"
        if raw.value is not None and raw.path:
            self._draft.origin(label, raw.path, "defaults" if raw.path[0] == "defaults" else "")
            return Setting(one.model_value(raw.value), raw.path)
        if one.config and self._takes_config(one):
            self._draft.origin(label, None, self._draft.settings.origins.get(one.config, ""))
            return Setting(getattr(self._draft.settings, one.config))
        self._draft.origin(label, None)
        return Setting(_UNSET)

    def _takes_config(self, one: Field) -> bool:
        """Defaults of config.json are Claude Code's words, but for the time limit."""
        if one.config == "default_timeout_seconds":
            return self._role is not Role.GATE
        return self._role in AGENT_ROLES and self._backend == "claude"

    def _env(self) -> dict[str, str]:
        layers: list[Mapping[str, str]] = [self._draft.settings.env, self._draft.part("env")]
        layers += [self._defaults.get("env", {}), self._given.get("env", {})]
        merged: dict[str, str] = {}
        for layer in layers:
            merged.update(layer)
        return {name: self._draft.paths.value(text) for name, text in merged.items()}

    # --- what a setting means here ---

    def _settle_paths(self, values: dict[str, Any]) -> None:
        draft = self._draft
        chain_workdir = draft.values.get("workdir")
        base = draft.home.workdir_base
        if chain_workdir:
            base = draft.paths.absolute(chain_workdir, base)
        if values.get("workdir"):
            folder = draft.paths.absolute(values["workdir"], draft.home.workdir_base)
            values["workdir"] = str(folder)
            check_folder(draft, folder, self._raw("workdir").path, "workdir")
            base = folder
        if values.get("add_dirs"):
            values["add_dirs"] = tuple(str(draft.paths.absolute(path, base)) for path in values["add_dirs"])
        for key in _PATH_KEYS:
            if isinstance(self._raw(key).value, str):
                values[key] = draft.paths.path(values[key])

    def _settle_by_role(self, values: dict[str, Any]) -> None:
        if "skip_unless_assigned" not in values:
            values["skip_unless_assigned"] = self._controlled and self._role is Role.WORKER
        if self._role not in AGENT_ROLES:
            values["skip_unless_assigned"] = False
        if self._gate:
            given = self._raw("timeout_seconds").value
            values["gate_timeout_s"] = float(given or 0)
            if given and not values.get("gate_default"):
                self._error(
                    "timeout_seconds", "a gate with a time limit needs `gate_default`: `approve` or `deny`"
                )
        if values.get("on_limit") is OnLimit.FALLBACK and not (
            values.get("fallback_model") or values.get("fallback")
        ):
            self._error("on_limit", "`fallback` needs a `fallback_model` to fall back on")
        failures = values.get("failures")
        if values.get("baseline") and not failures:
            self._error("baseline", "a baseline needs `failures`: by its id a failure is known again")
        if failures:
            try:
                re.compile(PATTERNS.get(failures, failures))
            except (re.error, OverflowError, RecursionError) as error:
                self._error("failures", f"expected a regular expression, found {quoted(failures)}: {error}")

    def _check_backend(self, values: Mapping[str, Any]) -> None:
        if self._role in AGENT_ROLES:
            self._check_backend_name()
        runs = self._role is Role.CHECK or (self._role in AGENT_ROLES and self._backend == "command")
        run = values.get("run", ())
        if any(self._draft.problems.told((*at, "run")) for at in (("links", self._place), ("defaults",))):
            return
        if runs and not (run and run[0]):
            why = "a check" if self._role is Role.CHECK else "the backend `command`"
            self._error("run", f'{why} needs `run`, a program and its arguments: `"run": ["make", "test"]`')
        elif self._role is Role.CHECK:
            self._check_inputs("run", " ".join(run[1:]))
        elif run and not runs and "run" in self._given:
            self._error("run", '`run` belongs to `"backend": "command"` or `"role": "check"`')

    def _check_backend_name(self) -> None:
        known = [name for name in BUILT_IN if name != "check"]
        if self._backend in NOT_BUILT_YET:
            self._error("backend", f"not built yet: the backend `{self._backend}`")
        elif self._backend == "check":
            self._error("backend", 'no backend to choose: a check is a link with `"role": "check"`')
        elif self._backend not in known:
            near = nearest(self._backend, known)
            names = ", ".join(f"`{name}`" for name in known)
            guess = f'did you mean "{near}"?' if near else f"known are {names}"
            self._error("backend", f"unknown backend {quoted(self._backend)}, {guess}")

    def _prompt(self) -> Prompt:
        if self._role not in AGENT_ROLES:
            return Prompt(text="", source="none")
        raw = self._raw("prompt")
        try:
            found = self._prompts.find(raw.value) if raw.value else self._prompts.for_role(self._role.value)
        except UnusableError as error:
            self._error("prompt", str(error))
            return Prompt(text="", source="none")
        for note in found.notes:
            self._draft.problems.warn(raw.path or self._path("prompt"), note)
        self._check_prompt(found)
        return found

    def _check_prompt(self, prompt: Prompt) -> None:
        size = len(prompt.text.encode("utf-8", errors="replace"))
        if size > _SMALL_PROMPT and self._backend in BUILT_IN:
            from llmauto.backends import load_backend

            most = load_backend(self._backend).max_prompt_bytes
            if most is not None and size > most:
                self._error(
                    "prompt",
                    f"the prompt has {human_bytes(size)}, `{self._backend}` takes {human_bytes(most)}",
                )
        self._check_inputs("prompt", prompt.text)

    def _check_inputs(self, key: str, text: str) -> None:
        """Warn of inputs that the chain does not have."""
        inputs = self._draft.part("inputs")
        for name in dict.fromkeys(re.findall(r"\{inputs\.([A-Za-z0-9_][A-Za-z0-9_.-]*)\}", text)):
            if name not in inputs:
                near = nearest(name, inputs)
                guess = f', did you mean "{near}"?' if near else ""
                message = f"the {key} has `{{inputs.{name}}}`, which the chain's `inputs` do not name{guess}"
                self._draft.problems.warn(self._raw(key).path or self._path(key), message)

    def _path(self, key: str) -> ValuePath:
        return ("links", self._place, key)

    def _error(self, key: str, message: str) -> None:
        self._draft.problems.error(self._raw(key).path or self._path(key), message)


def check_folder(draft: Draft, folder: Path, path: ValuePath | None, what: str) -> None:
    """Note an error where agents are to work in a folder that is not there."""
    try:
        there = folder.is_dir()
    except (OSError, ValueError):
        there = False
    if not there:
        draft.problems.error(path or (), f"the {what} {quoted(str(folder), 200)} is not a folder that exists")
