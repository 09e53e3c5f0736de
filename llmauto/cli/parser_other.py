"""The words beside `llmauto chain`."""

from __future__ import annotations

from llmauto.cli import parser_seen
from llmauto.cli.parser_chain import positive_number, whole
from llmauto.cli.parser_words import Parser, SubParsers, as_json, command, filled


def add(commands: SubParsers) -> None:
    """Add every command that is not below `chain`."""
    _pipe(commands)
    status = command(commands, "status", "status:status", "all chains of this home at a glance")
    as_json(status)
    parser_seen.add_ui(commands)
    _prompts(commands)
    init = command(commands, "init", "init:init", "make `.llmauto/` in a project, with an example chain")
    init.add_argument("folder", metavar="DIR", nargs="?", default=".", help="the project (this folder)")
    doctor = command(commands, "doctor", "doctor:doctor", "check this machine: programs, logins, folders")
    doctor.add_argument("--live", action="store_true", help="make one cheap call that proves the rights")
    as_json(doctor)
    clean = command(commands, "clean", "edit:clean", "remove old runs, beyond `keep_runs` of each chain")
    clean.add_argument("--keep", metavar="N", type=whole, help="how many runs of each chain stay")
    clean.add_argument("--dry-run", action="store_true", help="say what would go, remove nothing")
    clean.add_argument("--unmerged", action="store_true",
                       help="worktrees of ended runs go also where their work is not merged")  # fmt: skip
    schema = command(commands, "schema", "other:schema", "print the JSON Schema of chain files")
    schema.add_argument(
        "which", nargs="?", choices=["chain", "config", "rehearsal"], default="chain", help="of which file"
    )
    completion = command(commands, "completion", "completion:completion", "print a shell's completion script")
    completion.add_argument("shell", choices=["bash", "zsh", "fish", "powershell"], help="the shell")
    command(commands, "version", "other:version", "print the version")


def _pipe(commands: SubParsers) -> None:
    pipe = command(
        commands, "pipe", "pipe:pipe", "one prompt, the answer on stdout",
        "One prompt, the answer on stdout. Text that comes by a pipe or a file is joined to the prompt.",
    )  # fmt: skip
    pipe.add_argument("prompt", metavar="PROMPT", nargs="*", help="the prompt")
    pipe.add_argument("-f", "--file", metavar="FILE", help="a file that holds the prompt; `-` is stdin")
    pipe.add_argument("-t", "--template", metavar="NAME", type=filled, help="a prompt of the home, by name")
    pipe.add_argument("-m", "--model", metavar="M", help="the model")
    pipe.add_argument("--fallback", metavar="M", help="the model to use when that one fails")
    pipe.add_argument("--timeout", metavar="S", type=positive_number, help="seconds for the call")
    pipe.add_argument("-q", "--quiet", action="store_true", help="only the answer, and errors")
    pipe.add_argument("--backend", metavar="B", help="the agent CLI (claude)")
    pipe.add_argument("--system", metavar="TEXT", help="text to append to the system prompt")
    pipe.add_argument("--schema", metavar="FILE", help="a JSON Schema that the answer has to meet")
    pipe.add_argument("-c", "--continue", dest="go_on", action="store_true",
                      help="go on with the last pipe's session in this folder")  # fmt: skip
    as_json(pipe)


def _prompts(commands: SubParsers) -> None:
    prompt: Parser = commands.add_parser(
        "prompt", help="list, show and write prompts", description="Prompts."
    )
    below = prompt.add_subparsers(title="commands", metavar="COMMAND", parser_class=Parser)
    as_json(command(below, "list", "prompts:listing", "the prompts of this home and the shipped ones"))
    show = command(below, "show", "prompts:show", "print a prompt")
    show.add_argument("name", metavar="NAME", help="a prompt's name")
    as_json(show)
    new = command(below, "new", "prompts:new", "write a new prompt from a role's")
    new.add_argument("name", metavar="NAME", help="the new prompt's name")
    new.add_argument(
        "--role", default="worker", choices=["worker", "reviewer", "controller"], help="the role (worker)"
    )
