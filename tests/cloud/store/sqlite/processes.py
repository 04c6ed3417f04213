"""A real process that writes to a database."""

import signal
import subprocess
from collections.abc import Callable
from types import TracebackType

StartWriter = Callable[..., "Writing"]


class Writing:
    """The process, ended at the end of the `with`; its lines are what it has been answered."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def __enter__(self) -> "Writing":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.communicate()

    def line(self) -> str:
        """Wait for its next line; empty when it has ended."""
        assert self._process.stdout
        return self._process.stdout.readline().strip()

    def rest(self) -> list[str]:
        """Wait for its end, and return the whole lines that it has still written."""
        assert self._process.stdout
        text = self._process.stdout.read()
        self._process.wait()
        return text.split("\n")[:-1]

    def kill(self) -> None:
        self._process.send_signal(signal.SIGKILL)
