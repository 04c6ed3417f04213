"""One command of the user's as a process: what runs, how it is started, how it ended."""

import asyncio
import contextlib
import errno
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import msgspec

from cstar_cli.commands.process_tree import adopt_orphans
from cstar_cli.errors import CstarError

NOT_EXECUTABLE, NOT_FOUND = 126, 127  # as shells have it
BY_SIGNAL = 128


class CommandError(CstarError):
    """The command can't be started, or has ended too soon; the exit code is a shell's, or its own."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class Command(msgspec.Struct, frozen=True):
    """What to run, with which variables."""

    words: Sequence[str]
    env: Mapping[str, str]

    @property
    def name(self) -> str:
        return Path(self.words[0]).name


def runnable(words: Sequence[str]) -> Sequence[str]:
    """Return the command as it can be started; raises CommandError where it is plain that it can't."""
    name = words[0]
    program = shutil.which(name)
    if program is not None:
        return [program, *words[1:]] if sys.platform == "win32" else words  # there, npm is npm.cmd
    if name != Path(name).name and Path(name).exists():
        raise CommandError(f"Can't run {name}: it is no program that you may run (chmod +x?).", NOT_EXECUTABLE)
    next_step = f"Leave out the quotes: -- {name}" if " " in name else "Check its name, or give its path."
    raise CommandError(f"Can't run {name!r}: there is no such command. {next_step}", NOT_FOUND)


def start(command: Command, stdout: int | None, ended: Callable[[int], object]) -> int:
    """Start it and return its process id; `stdout` is a descriptor that it gets for ours.

    `ended` is called in the event loop, with the exit code as shells have it.
    """
    adopt_orphans()
    try:
        process = subprocess.Popen(command.words, env=command.env, stdout=stdout)
    except OSError as error:
        raise _unstartable(command.words[0], error) from error
    loop = asyncio.get_running_loop()

    def tell(code: int) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended, and nobody waits
            loop.call_soon_threadsafe(ended, BY_SIGNAL - code if code < 0 else code)

    if sys.platform != "win32":
        with contextlib.suppress(ValueError):  # not in the main thread
            loop.add_signal_handler(signal.SIGQUIT, lambda: None)  # Ctrl-\ is for the command: Java shows its threads
    threading.Thread(target=_wait, args=(process, tell), name="cstar-command", daemon=True).start()
    return process.pid


def ending_of(code: int) -> str:
    """Say in words how it has ended."""
    try:
        return f"was ended by {signal.Signals(code - BY_SIGNAL).name}"
    except ValueError:
        return f"ended with exit code {code}"


def _wait(process: "subprocess.Popen[bytes]", tell: Callable[[int], None]) -> None:
    """Wait for the process, and for the orphans that became ours, which else would stay as zombies."""
    if sys.platform == "win32":
        tell(process.wait())
        return
    while True:
        try:
            pid, status = os.waitpid(-1, 0)
        except ChildProcessError:
            return
        if pid == process.pid:
            process.returncode = os.waitstatus_to_exitcode(status)
            tell(process.returncode)


def _unstartable(name: str, error: OSError) -> CommandError:
    if isinstance(error, FileNotFoundError):
        return CommandError(f"Can't run {name}: what its first line (#!) names is missing. Install that.", NOT_FOUND)
    if error.errno == errno.ENOEXEC:
        next_step = "Give it a first line like #!/bin/sh, or name what runs it: -- sh …"
        return CommandError(f"Can't run {name}: it is no program. {next_step}", NOT_EXECUTABLE)
    return CommandError(f"Can't run {name}: {error.strerror or error}.", NOT_EXECUTABLE)
