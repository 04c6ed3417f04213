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
