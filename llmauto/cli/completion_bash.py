"""How does bash complete llmauto? Also the bash 3.2 of macOS."""

from __future__ import annotations

from collections.abc import Sequence

from llmauto.cli.completion import Command, kinds

_HEAD = """\
# Completion of llmauto for bash: put `source <(llmauto completion bash)` into ~/.bashrc
"""

_TAIL = r"""
_llmauto_names() {
    # The names in the JSON of `chain list` or `prompt list`.
    "${COMP_WORDS[0]}" "$1" list --json 2>/dev/null | sed -n 's/^ *"name": "\([^"]*\)".*/\1/p'
}

_llmauto() {
    local cur=${COMP_WORDS[COMP_CWORD]} at='' place=1 option='' i word kind commands options
    COMPREPLY=()
    _llmauto_commands ''
    for ((i = 1; i < COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        if [[ $word == '=' ]]; then
            continue
        elif [[ -n $option ]]; then
            option=''
        elif [[ $word == -* ]]; then
            _llmauto_kind "$at:$word"
            [[ -n $kind ]] && option=$word
        elif [[ " $commands " == *" $word "* ]]; then
            at=${at:+$at }$word
            _llmauto_commands "$at"
        else
            place=$((place + 1))
        fi
    done
    [[ $cur == '=' ]] && cur=''
    if [[ -n $option ]]; then
        _llmauto_kind "$at:$option"
    elif [[ $cur == -* ]]; then
        kind=$options
    elif [[ -n $commands ]]; then
        kind=$commands
    else
        _llmauto_kind "$at:$place"
    fi
    local IFS=$'\n'
    case $kind in
    @chain) COMPREPLY=($(compgen -W "$(_llmauto_names chain)" -- "$cur")) ;;
    @prompt) COMPREPLY=($(compgen -W "$(_llmauto_names prompt)" -- "$cur")) ;;
    @chain-or-file)
        [[ $cur == */* ]] || COMPREPLY=($(compgen -W "$(_llmauto_names chain)" -- "$cur"))
        if [[ -z ${COMPREPLY[*]} ]]; then
            compopt -o filenames 2>/dev/null
            COMPREPLY=($(compgen -f -- "$cur"))
        fi
        ;;
    @file)
        compopt -o filenames 2>/dev/null
        COMPREPLY=($(compgen -f -- "$cur"))
        ;;
    @folder)
        compopt -o filenames 2>/dev/null
        COMPREPLY=($(compgen -d -- "$cur"))
        ;;
    @*) ;;
    *) COMPREPLY=($(compgen -W "${kind// /$IFS}" -- "$cur")) ;;
    esac
}

complete -F _llmauto llmauto
"""


def script(known: Sequence[Command]) -> str:
    """The whole script."""
    return f"{_HEAD}\n{_commands(known)}\n{_kinds(known)}{_TAIL}"


def _commands(known: Sequence[Command]) -> str:
    lines = ["_llmauto_commands() {", "    # What can follow the words in $1.", "    case $1 in"]
    for each in known:
        words = " ".join(word for word, _ in each.commands)
        options = " ".join(word for word, _, _ in each.options)
        lines.append(f"    '{each.at}') commands='{words}' options='{options}' ;;")
    return "\n".join([*lines, "    esac", "}", ""])


def _kinds(known: Sequence[Command]) -> str:
    lines = ["_llmauto_kind() {", "    # What kind of value stands at $1; nothing where none does."]
    lines.append("    case $1 in")
    for kind, places in kinds(known).items():
        lines.append(f"    {' | '.join(map(_pattern, places))}) kind='{kind}' ;;")
    return "\n".join([*lines, "    *) kind='' ;;", "    esac", "}", ""])


def _pattern(place: str) -> str:
    at, _, what = place.rpartition(":")
    return f"*':{what}'" if at == "*" else f"'{place}'"
