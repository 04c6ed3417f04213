"""`cstar completion`: completion of commands, options and event types in the user's shell."""

import os
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from cstar_cli.errors import CstarError, UsageError

app = typer.Typer(help="Set up completion in your shell.", no_args_is_help=True, rich_markup_mode=None)


class Shell(StrEnum):
    """The shells with a script."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"
    POWERSHELL = "powershell"


_BASH = """\
_cstar_completion() {
    local IFS=$'\\n'
    COMPREPLY=($(COMP_WORDS="${COMP_WORDS[*]}" COMP_CWORD="$COMP_CWORD" _CSTAR_COMPLETE=complete_bash "$1" 2>/dev/null))
}
complete -o default -F _cstar_completion cstar
"""

# Read from fpath, the file is the function's body and must complete at once; sourced, it must register itself.
_ZSH = """\
#compdef cstar

_cstar_completion() {
    eval "$(_TYPER_COMPLETE_ARGS="${words[1,$CURRENT]}" _CSTAR_COMPLETE=complete_zsh "${words[1]}" 2>/dev/null)"
}

if [[ "${zsh_eval_context[-1]}" == loadautofunc ]]; then
    _cstar_completion "$@"
else
    compdef _cstar_completion cstar
fi
"""

_FISH = """\
function __cstar_complete
    set --local action $argv[1]
    _CSTAR_COMPLETE=complete_fish _TYPER_COMPLETE_FISH_ACTION=$action \\
        _TYPER_COMPLETE_ARGS=(commandline --cut-at-cursor --current-process | string collect) cstar 2>/dev/null
end
complete --command cstar --no-files --condition '__cstar_complete is-args' --arguments '(__cstar_complete get-args)'
"""

_POWERSHELL = """\
Register-ArgumentCompleter -Native -CommandName cstar -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)
    $Env:_CSTAR_COMPLETE = 'complete_powershell'
    $Env:_TYPER_COMPLETE_ARGS = $commandAst.ToString()
    $Env:_TYPER_COMPLETE_WORD_TO_COMPLETE = $wordToComplete
    try {
        cstar 2>$null | ForEach-Object {
            $value, $meaning = $_ -split ':::', 2
            if (-not "$meaning".Trim()) { $meaning = $value }
            [System.Management.Automation.CompletionResult]::new($value, $value, 'ParameterValue', $meaning)
        }
    } finally {
        Remove-Item Env:_CSTAR_COMPLETE, Env:_TYPER_COMPLETE_ARGS, Env:_TYPER_COMPLETE_WORD_TO_COMPLETE
    }
}
"""

SCRIPTS: Mapping[Shell, str] = {
    Shell.BASH: _BASH,
    Shell.ZSH: _ZSH,
    Shell.FISH: _FISH,
    Shell.POWERSHELL: _POWERSHELL,
}


def enable() -> None:
    """Teach typer to answer the shells' scripts; without this it knows none, for `main` adds no options of its own."""
    from cstar_cli.commands.shells import add_shells

    add_shells()


@app.command("show")
def show(shell: Annotated[Shell, typer.Argument(help="The shell to print the script for.")]) -> None:
    """Print the script that completes cstar in a shell."""
    typer.echo(SCRIPTS[shell], nl=False)


@app.command("install")
def install(
    shell: Annotated[Shell | None, typer.Argument(help="The shell to set up. [default: that of $SHELL]")] = None,
) -> None:
    """Write the script to the place where the shell looks for it."""
    from cstar_cli.commands.saying import say

    say(*install_for(shell or detect(os.environ), Path.home(), os.environ))


def detect(env: Mapping[str, str]) -> Shell:
    """Return the shell that $SHELL names; PowerShell where there is no $SHELL but its module path."""
    name = Path(env.get("SHELL", "")).name
    if name in (Shell.BASH.value, Shell.ZSH.value, Shell.FISH.value):
        return Shell(name)
    if name in ("pwsh", "powershell") or (not name and "PSModulePath" in env):
        return Shell.POWERSHELL
    raise UsageError("Which shell? Name it: cstar completion install bash|zsh|fish|powershell")


def install_for(shell: Shell, home: Path, env: Mapping[str, str]) -> list[str]:
    """Write the script and return what the user should know, the next step last."""
    data = Path(env.get("XDG_DATA_HOME") or home / ".local" / "share")
    config = Path(env.get("XDG_CONFIG_HOME") or home / ".config")
    match shell:
        case Shell.BASH:
            path = data / "bash-completion" / "completions" / "cstar"
            next_step = "Open a new shell. (It needs the package bash-completion; without it, source the file.)"
        case Shell.ZSH:
            path = home / ".zfunc" / "_cstar"
            next_step = "Add to .zshrc, unless it is there: fpath+=(~/.zfunc); autoload -Uz compinit; compinit"
        case Shell.FISH:
            path = config / "fish" / "completions" / "cstar.fish"
            next_step = "Open a new shell."
        case Shell.POWERSHELL:
            path = config / "powershell" / "cstar.ps1"
            next_step = f"Add to your profile ($PROFILE), unless it is there: . '{path}'"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(SCRIPTS[shell], encoding="utf-8")
    except OSError as error:
        raise CstarError(f"Can't write {path}: {error.strerror or error}.") from error
    return [f"Wrote {path}.", next_step]
