"""A command as a process: what can't be run, and how one has ended, in words."""

from pathlib import Path

import pytest

from cstar_cli.commands.process import NOT_EXECUTABLE, NOT_FOUND, CommandError, ending_of, runnable


@pytest.mark.parametrize(
    ("name", "advice"),
    [("no-such-command", "there is no such command. Check its name"), ("npm run dev", "quotes: -- npm run dev")],
)
def test_a_command_that_is_not_there_is_told_and_whether_it_is_the_quotes(name: str, advice: str) -> None:
    with pytest.raises(CommandError, match=advice) as told:
        runnable([name])
    assert told.value.exit_code == NOT_FOUND


def test_a_file_that_may_not_be_run_is_told(tmp_path: Path) -> None:
    script = tmp_path / "dev"
    script.write_text("#!/bin/sh\n")
    with pytest.raises(CommandError, match=r"it is no program that you may run \(chmod \+x\?\)") as told:
        runnable([str(script)])
    assert told.value.exit_code == NOT_EXECUTABLE


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (0, "ended with exit code 0"),
        (128, "ended with exit code 128"),
        (137, "was ended by SIGKILL"),
        (255, "ended with exit code 255"),
    ],
)
def test_how_it_ended_is_said_in_words(code: int, words: str) -> None:
    assert ending_of(code) == words
