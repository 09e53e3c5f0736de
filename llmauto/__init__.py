"""Autonomous chains of coding agents: marble runs from a JSON file.

    import llmauto

    result = llmauto.run(llmauto.load_chain("chains/my-chain.json"), task="…")
    reply = llmauto.pipe("Explain quantum computing in 3 sentences")

What is named here is public. It is imported when it is first used: `import llmauto` alone costs nothing.
"""

__version__ = "0.1.0"

TYPE_CHECKING = False  # `typing` is not imported for it: type checkers know the name
if TYPE_CHECKING:
    from llmauto.errors import (
        BackendError,
        BusyError,
        ChainError,
        DiskError,
        JournalError,
        LlmautoError,
        UsageError,
    )
    from llmauto.events import Event
    from llmauto.library import RunResult, load_chain, pipe, run
    from llmauto.model import Chain, Link, Mode, Role
    from llmauto.outcomes import Outcome, StopReason
    from llmauto.ports import Activity, Reply

_PLACES = {
    "library": ("RunResult", "load_chain", "pipe", "run"),
    "model": ("Chain", "Link", "Mode", "Role"),
    "ports": ("Activity", "Reply"),
    "events": ("Event",),
    "outcomes": ("Outcome", "StopReason"),
    "errors": (
        "BackendError", "BusyError", "ChainError", "DiskError", "JournalError", "LlmautoError", "UsageError",
    ),
}  # fmt: skip

__all__ = [
    "Activity",
    "BackendError",
    "BusyError",
    "Chain",
    "ChainError",
    "DiskError",
    "Event",
    "JournalError",
    "Link",
    "LlmautoError",
    "Mode",
    "Outcome",
    "Reply",
    "Role",
    "RunResult",
    "StopReason",
    "UsageError",
    "__version__",
    "load_chain",
    "pipe",
    "run",
]


def __getattr__(name: str) -> object:
    for module, names in _PLACES.items():
        if name in names:
            from importlib import import_module

            value = getattr(import_module(f"{__name__}.{module}"), name)
            globals()[name] = value
            return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
