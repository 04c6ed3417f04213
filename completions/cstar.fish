function __cstar_complete
    set --local action $argv[1]
    _CSTAR_COMPLETE=complete_fish _TYPER_COMPLETE_FISH_ACTION=$action \
        _TYPER_COMPLETE_ARGS=(commandline --cut-at-cursor --current-process | string collect) cstar 2>/dev/null
end
complete --command cstar --no-files --condition '__cstar_complete is-args' --arguments '(__cstar_complete get-args)'
