"""How does zsh complete llmauto, with a word of explanation for each command and option?"""

from __future__ import annotations

from collections.abc import Sequence

from llmauto.cli.completion import Command, kinds

_HEAD = """\
#compdef llmauto
# Completion of llmauto for zsh: put `source <(llmauto completion zsh)` into ~/.zshrc, behind `compinit`
"""

_TAIL = r"""
_llmauto_names() {
    # The names in the JSON of `chain list` or `prompt list`.
    "$words[1]" "$1" list --json 2>/dev/null | sed -n 's/^ *"name": "\([^"]*\)".*/\1/p'
}

_llmauto() {
    local cur=$words[CURRENT] at='' place=1 option='' i word kind
    local -a commands options names
    _llmauto_commands ''
    for ((i = 2; i < CURRENT; i++)); do
        word=$words[i]
        if [[ -n $option ]]; then
            option=''
        elif [[ $word == --*=* ]]; then
            continue
        elif [[ $word == -* ]]; then
            _llmauto_kind "$at:$word"
            [[ -n $kind ]] && option=$word
        elif [[ -n ${(M)commands:#${(b)word}:*} ]]; then
            at=${at:+$at }$word
            _llmauto_commands "$at"
        else
            place=$((place + 1))
        fi
    done
    if [[ -n $option ]]; then
        _llmauto_kind "$at:$option"
    elif [[ $cur == --*=* ]]; then
        _llmauto_kind "$at:${cur%%=*}"
        compset -P '*='
    elif [[ $cur == -* ]]; then
        _describe -o option options
        return
    elif (($#commands)); then
        _describe command commands
        return
    else
        _llmauto_kind "$at:$place"
    fi
    case $kind in
    @chain | @prompt)
        names=(${(f)"$(_llmauto_names ${kind#@})"})
        compadd -a names
        ;;
    @chain-or-file)
        names=(${(f)"$(_llmauto_names chain)"})
        [[ $cur != */* ]] && compadd -a names || _files
        ;;
    @file) _files ;;
    @folder) _files -/ ;;
    @* | '') ;;
    *)
        names=(${=kind})
        compadd -a names
        ;;
    esac
}

if [[ $funcstack[1] == _llmauto ]]; then
    _llmauto "$@"
else
    compdef _llmauto llmauto
fi
"""


def script(known: Sequence[Command]) -> str:
    """The whole script."""
    return f"{_HEAD}\n{_commands(known)}\n{_kinds(known)}{_TAIL}"


def _commands(known: Sequence[Command]) -> str:
    lines = ["_llmauto_commands() {", "    # What can follow the words in $1.", "    case $1 in"]
    for each in known:
        lines.append(f"    {_quoted(each.at)})")
        for name, rows in (("commands", each.commands), ("options", [row[:2] for row in each.options])):
            lines.append(f"        {name}=({' '.join(_quoted(f'{word}:{help_}') for word, help_ in rows)})")
        lines.append("        ;;")
    return "\n".join([*lines, "    esac", "}", ""])


def _kinds(known: Sequence[Command]) -> str:
    lines = ["_llmauto_kind() {", "    # What kind of value stands at $1; nothing where none does."]
    lines.append("    case $1 in")
    for kind, places in kinds(known).items():
        lines.append(f"    ({'|'.join(map(_pattern, places))}) kind={_quoted(kind)} ;;")
    return "\n".join([*lines, "    (*) kind='' ;;", "    esac", "}", ""])


def _pattern(place: str) -> str:
    at, _, what = place.rpartition(":")
    return f"*{_quoted(f':{what}')}" if at == "*" else _quoted(place)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"
