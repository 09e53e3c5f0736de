"""How does PowerShell complete llmauto? Files it completes by itself, wherever nothing else is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from llmauto.cli.completion import Command, kinds

_HEAD = """\
# Completion of llmauto for PowerShell: put this line into $PROFILE
#   llmauto completion powershell | Out-String | Invoke-Expression
Register-ArgumentCompleter -Native -CommandName llmauto -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)
"""

_TAIL = r"""
    $before = @($commandAst.CommandElements | Where-Object { $_.Extent.EndOffset -lt $cursorPosition })
    $at = ''
    $place = 1
    $option = ''
    foreach ($element in ($before | Select-Object -Skip 1)) {
        $word = $element.ToString()
        if ($option) {
            $option = ''
        } elseif ($word.StartsWith('-')) {
            if ($kinds["*:$word"] -or $kinds["${at}:$word"]) { $option = $word }
        } elseif ($commands.ContainsKey("$at $word".Trim())) {
            $at = "$at $word".Trim()
        } else {
            $place++
        }
    }

    if ($option) {
        $kind = $kinds["${at}:$option"]
        if (-not $kind) { $kind = $kinds["*:$option"] }
    } elseif ($wordToComplete.StartsWith('-')) {
        $kind = $options[$at]
    } elseif ($commands[$at]) {
        $kind = $commands[$at]
    } else {
        $kind = $kinds["${at}:$place"]
    }

    $words = switch -Regex ($kind) {
        '^@chain' { (& llmauto chain list --json 2>$null | Out-String | ConvertFrom-Json).name }
        '^@prompt' { (& llmauto prompt list --json 2>$null | Out-String | ConvertFrom-Json).name }
        '^[^@]' { $kind -split ' ' }
    }
    $words | Where-Object { $_ -and $_.StartsWith($wordToComplete) } | ForEach-Object {
        [System.Management.Automation.CompletionResult]::new($_, $_, 'ParameterValue', $_)
    }
}
"""


def script(known: Sequence[Command]) -> str:
    """The whole script."""
    commands = {each.at: " ".join(word for word, _ in each.commands) for each in known}
    options = {each.at: " ".join(word for word, _, _ in each.options) for each in known}
    values = {place: kind for kind, places in kinds(known).items() for place in places}
    tables = (("commands", commands), ("options", options), ("kinds", values))
    return f"{_HEAD}\n{''.join(_table(name, rows) for name, rows in tables)}{_TAIL}"


def _table(name: str, rows: Mapping[str, str]) -> str:
    lines = [f"        {_quoted(key)} = {_quoted(value)}" for key, value in rows.items()]
    # Not a plain `@{}`: its keys do not tell `-v` from `-V`.
    head = f"    ${name} = [System.Collections.Hashtable]::new()\n"
    return head + "".join(f"    ${name}[{line.strip().replace(' = ', '] = ', 1)}\n" for line in lines)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
