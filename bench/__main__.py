"""`python -m bench [NAME…]`: take figures and print them as one Markdown table.

    python -m bench                  every family
    python -m bench startup links    some of them
    python -m bench --quick          fewer rounds and smaller amounts, to see that it works
    python -m bench --json           for programs

Nothing here is a test: a machine that is busy has figures too. Compare the columns, not the days.
"""

from __future__ import annotations

import argparse
import importlib
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from bench import machine, report
from bench.figures import Figure, Missing, NotHereError
from bench.stage import ROOT, Stage

FAMILIES = {
    "links": "what a link costs beyond the program it runs, and the keeper's part of that",
    "startup": "how long commands take beside a bare Python",
    "begin": "from `chain start` to the agent's first act",
    "restart": "from the start after a kill to the next agent's first act",
    "rules": "how many links the rules alone play in a second",
    "status": "`status` over many chains with a long past",
    "checkpoints": "what it takes to keep a workdir in git",
    "flood": "memory and disk of a call that prints without end",
    "web": "the web page: from an event to those who look, many of them, long runs",
    "soak": "what thousands of links leave in memory and on disk",
}
"""name: what its figures say; the module of that name below `bench` has the function `figures`."""

LIMIT_S, QUICK_LIMIT_S = 60.0, 15.0


def main(argv: Sequence[str]) -> int:
    """Measure; 0 where every figure could be taken, 1 where something went wrong on the way."""
    parser = _parser()
    args = parser.parse_args(argv)
    if unknown := [name for name in args.names if name not in FAMILIES]:
        parser.error(f"there is no `{unknown[0]}`; known: {', '.join(FAMILIES)}")
    results: dict[str, list[Figure]] = {}
    missing: list[Missing] = []
    with tempfile.TemporaryDirectory(prefix="bench-", dir=args.dir) as temporary:
        folder = Path(temporary).resolve()
        facts = machine.facts(folder)
        for name in args.names or FAMILIES:
            found = _measure(name, folder / name, args)
            if isinstance(found, Missing):
                missing.append(found)
            else:
                results[name] = found
    facts["load after"] = machine.load()
    words = ["python -m bench", *argv]
    show = report.as_json if args.json else report.markdown
    print(show(results, missing, facts, " ".join(words)))
    return 1 if any(one.failed for one in missing) else 0


def _measure(name: str, folder: Path, args: argparse.Namespace) -> list[Figure] | Missing:
    sys.stderr.write(f"{name}: {FAMILIES[name]} …\n")
    folder.mkdir()
    limit_s = args.seconds or (QUICK_LIMIT_S if args.quick else LIMIT_S)
    stage = Stage(folder=folder, quick=args.quick, until=time.monotonic() + limit_s)
    take: Callable[[Stage], Iterable[Figure]] = importlib.import_module(f"bench.{name}").figures
    try:
        return list(take(stage))
    except NotHereError as error:
        return Missing(family=name, why=str(error))
    except Exception as error:  # noqa: BLE001  the other families still have their figures
        return Missing(family=name, why=f"{type(error).__name__}: {error}", failed=True)


def _parser() -> argparse.ArgumentParser:
    families = "\n".join(f"  {name:<11} {what}" for name, what in FAMILIES.items())
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description=f"What llmauto itself costs.\n\n{families}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("names", metavar="NAME", nargs="*", help="all, if none is named")
    parser.add_argument("--quick", action="store_true", help="smaller, to see that it works")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument(
        "--seconds", type=float, help=f"time for each family ({LIMIT_S:.0f}; it may end sooner)"
    )
    parser.add_argument("--dir", type=Path, help="where to measure: on which file system")
    return parser


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    sys.exit(main(sys.argv[1:]))
