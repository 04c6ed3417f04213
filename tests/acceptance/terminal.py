"""A real pseudo-terminal of 80 columns, with a process in it that it controls."""

import errno
import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from ..processes import Env

COLUMNS = 80
PATIENCE_S = 20.0

# What a terminal emulator does in its child before it becomes the program.
_TAKE_TERMINAL = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.argv[1], sys.argv[1:])
"""


class Terminal:
    """What the process writes is in `shown`, as bytes, for as far as it has been read."""

    def __init__(self, command: Sequence[str], env: Env, folder: Path) -> None:
        self._near, far = pty.openpty()
        fcntl.ioctl(far, termios.TIOCSWINSZ, struct.pack("HHHH", 24, COLUMNS, 0, 0))
        self.shown = b""
        self._process = subprocess.Popen(
            [sys.executable, "-c", _TAKE_TERMINAL, *command],
            env={"TERM": "xterm-256color", **env},
            cwd=folder,
            stdin=far,
            stdout=far,
            stderr=far,
            start_new_session=True,
        )
        os.close(far)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self.close()

    @property
    def lines(self) -> list[str]:
        return self.shown.decode("utf-8", "replace").replace("\r\n", "\n").split("\n")

    def echoes(self) -> bool:
        """Tell whether it shows what is typed, as it does at a shell's prompt."""
        return bool(termios.tcgetattr(self._near)[3] & termios.ECHO)

    def read_until(self, text: str) -> str:
        """Return what the terminal has shown, once it has shown this."""
        until = time.monotonic() + PATIENCE_S
        while text.encode() not in self.shown:
            assert time.monotonic() < until, f"Not shown within {PATIENCE_S} s: {text!r}; shown: {self.shown!r}"
            assert self._read(until - time.monotonic()), f"Ended before it showed {text!r}; shown: {self.shown!r}"
        return self.shown.decode("utf-8", "replace")

    def press(self, keys: bytes) -> None:
        os.write(self._near, keys)

    def close(self) -> None:
        """Close the window."""
        if self._near >= 0:
            os.close(self._near)
            self._near = -1

    def wait(self, timeout_s: float = PATIENCE_S) -> int:
        """Return the exit code, once the process has ended by itself; what it shows meanwhile is read."""
        until = time.monotonic() + timeout_s
        while self._near >= 0 and time.monotonic() < until and self._read(until - time.monotonic()):
            pass
        return self._process.wait(max(0.1, until - time.monotonic()))

    def _read(self, timeout_s: float) -> bool:
        """Read what has come; false when the process has closed its side."""
        if not select.select((self._near,), (), (), max(0.0, timeout_s))[0]:
            return True
        try:
            data = os.read(self._near, 65536)
        except OSError as error:
            if error.errno != errno.EIO:
                raise
            return False
        self.shown += data
        return bool(data)
