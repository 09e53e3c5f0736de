"""How does fish complete llmauto, with a word of explanation for each command and option?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from llmauto.cli.completion import CHAIN, CHAIN_OR_FILE, FILE, FOLDER, PROMPT, TEXT, Command, kinds

_HEAD = r"""# Completion of llmauto for fish; make it with
#   llmauto completion fish > ~/.config/fish/completions/llmauto.fish

function __llmauto_names --description 'The names in the JSON of `chain list` or `prompt list`'
    set -l words (commandline -opc)
    $words[1] $argv[1] list --json 2>/dev/null | string replace -rf '^ *"name": "([^"]*)".*' '$1'
end

function __llmauto_at --description 'Whether the words so far are a command, with that place behind it'
    set -l at ''
    set -l place 1
    set -l option ''
    set -l words (commandline -opc)
    for word in $words[2..-1]
        if test -n "$option"
            set option ''
        else if string match -q -- '-*' $word
            contains -- "*:$word" $__llmauto_takes; or contains -- "$at:$word" $__llmauto_takes
            and set option $word
        else if contains -- (string trim -- "$at $word") $__llmauto_commands
            set at (string trim -- "$at $word")
        else
            set place (math $place + 1)
        end
    end
    test "$at" = "$argv[1]"; or return 1
    not set -q argv[2]; or test "$place" = "$argv[2]"
end
"""

_LOOKED_UP = {
    CHAIN: "-f -a '(__llmauto_names chain)'",
    PROMPT: "-f -a '(__llmauto_names prompt)'",
    CHAIN_OR_FILE: "-F -a '(__llmauto_names chain)'",
    FILE: "-F",
    FOLDER: "-f -a '(__fish_complete_directories)'",
    TEXT: "-f",
}


def script(known: Sequence[Command]) -> str:
    """The whole script."""
    takes = [place for places in kinds(known).values() for place in places if ":-" in place]
    at = [each.at for each in known if each.at]
    lists = f"set -g __llmauto_takes {_all(takes)}\nset -g __llmauto_commands {_all(at)}\n"
    lines = [line for each in known for line in _lines(each)]
    return f"{_HEAD}\n{lists}\ncomplete -c llmauto -f\n" + "\n".join(lines) + "\n"


def _lines(each: Command) -> Iterator[str]:
    here = f"complete -c llmauto -n {_quoted(f'__llmauto_at {_quoted(each.at)}')}"
    for word, help_ in each.commands:
        yield f"{here} -f -a {word} -d {_quoted(help_)}"
    for word, help_, kind in each.options:
        flag = f"-l {word[2:]}" if word.startswith("--") else f"-s {word[1:]}"
        value = f" -r {_value(kind)}" if kind else ""
        yield f"{here} {flag}{value} -d {_quoted(help_)}"
    for number, kind in enumerate(each.places, 1):
        if kind != TEXT:
            place = f"__llmauto_at {_quoted(each.at)} {number}"
            yield f"complete -c llmauto -n {_quoted(place)} {_value(kind)}"


def _value(kind: str) -> str:
    return _LOOKED_UP.get(kind) or f"-f -a {_quoted(kind)}"


def _all(words: Sequence[str]) -> str:
    return " ".join(_quoted(word) for word in words)


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
