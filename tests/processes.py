"""Real processes of `cstar`: started, read line by line with a timeout, and surely ended."""

import contextlib
import itertools
import json
import os
import queue
import random
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, Self

Env = Mapping[str, str]
Line = dict[str, Any]

CSTAR = (sys.executable, "-m", "cstar_cli")
START_S = 20.0
STOP_S = 20.0
FIRST_PORT, PORTS_EACH, WORKERS_APART = 12_000, 2_000, 10


class RunCstar(Protocol):
    """Runs `cstar ARGUMENTS…` to its end; in the test's own home unless `env` says another."""

    def __call__(
        self, *arguments: str, env: Env | None = None, stdin: str | None = None, timeout_s: float = 30.0
    ) -> subprocess.CompletedProcess[str]: ...


class StartListening(Protocol):
    """Starts `cstar listen --json ARGUMENTS…` and returns when it is ready."""

    def __call__(self, *arguments: str, env: Env | None = None) -> "Listening": ...


class StartServing(Protocol):
    """Starts `cstar cloud serve ARGUMENTS…` on the port of CSTAR_API_BASE and returns when it is ready."""

    def __call__(self, *arguments: str, env: Env | None = None) -> "Serving": ...


def _own_ports() -> Iterator[int]:
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:]) % WORKERS_APART
    first = FIRST_PORT + worker * PORTS_EACH
    offset = random.randrange(PORTS_EACH)
    return itertools.cycle(first + (offset + number) % PORTS_EACH for number in range(PORTS_EACH))


_ports = _own_ports()


def free_port() -> int:
    """Return a TCP port that nothing listens on, and that nobody is given soon.

    It is none of those that the system gives to whoever connects or binds to port 0: one of these may be taken by the
    time that a process wants to listen on it. Each worker of the tests has ports of its own.
    """
    for port in _ports:
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("unreachable: the ports go round")


class Running:
    """A process, leader of a session of its own, whose stdout is read line by line; its stderr goes to a file."""

    def __init__(self, command: Sequence[str], env: Env, folder: Path) -> None:
        descriptor, name = tempfile.mkstemp(prefix="stderr-", dir=folder)
        self._stderr = Path(name)
        with os.fdopen(descriptor, "wb") as stderr:
            self._process = subprocess.Popen(
                command,
                env=dict(env),
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=stderr,
                start_new_session=True,
            )
        self._lines: queue.Queue[str | None] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def has_ended(self) -> bool:
        return self._process.poll() is not None

    @property
    def stderr(self) -> str:
        return self._stderr.read_text("utf-8", "replace")

    def next_line(self, timeout_s: float = 15.0) -> str:
        """Return the next line of stdout; fails when none comes in time or the process ends first."""
        try:
            line = self._lines.get(timeout=timeout_s)
        except queue.Empty:
            raise AssertionError(f"No line within {timeout_s} s; stderr: {self.stderr}") from None
        if line is None:
            self._lines.put(None)
            raise AssertionError(f"The process has ended with {self.wait()}; stderr: {self.stderr}")
        return line

    def rest(self) -> list[str]:
        """Return the lines not taken yet, once the process has ended."""
        self._reader.join(STOP_S)
        return list(self._remaining())

    def await_stderr(self, text: str, timeout_s: float = 15.0) -> None:
        """Return once the process has said this on stderr."""
        until = time.monotonic() + timeout_s
        while text not in self.stderr:
            assert time.monotonic() < until, f"Not said within {timeout_s} s: {text!r}; stderr: {self.stderr}"
            time.sleep(0.02)

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def wait(self, timeout_s: float = STOP_S) -> int:
        """Return the exit code, once the process has ended by itself."""
        return self._process.wait(timeout_s)

    def stop(self, timeout_s: float = STOP_S) -> int:
        """Press Ctrl-C and return the exit code."""
        self.signal(signal.SIGINT)
        return self.wait(timeout_s)

    def kill(self) -> None:
        """End the process and its children at once, as `kill -9` does; does nothing when it has ended."""
        if self._process.poll() is None:
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()
        self._reader.join(STOP_S)

    def has_left_children(self) -> bool:
        """Say whether a process that it started is still there, once it has ended itself."""
        self.wait()
        try:
            os.killpg(self.pid, 0)
        except ProcessLookupError:
            return False
        return True

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as stdout:
            for line in stdout:
                self._lines.put(line.decode().rstrip("\n"))
        self._lines.put(None)

    def _remaining(self) -> Iterator[str]:
        with contextlib.suppress(queue.Empty):
            while (line := self._lines.get_nowait()) is not None:
                yield line


class Listening(Running):
    """`cstar listen --json` that has said it is ready."""

    def __init__(self, arguments: Sequence[str], env: Env, folder: Path) -> None:
        super().__init__([*CSTAR, "listen", "--json", *arguments], env, folder)
        self.ready: Line = {}

    def await_ready(self) -> Self:
        self.ready = self.next(START_S)
        assert self.ready["type"] == "ready"
        return self

    def next(self, timeout_s: float = 15.0) -> Line:
        """Return the next line, decoded."""
        line = json.loads(self.next_line(timeout_s))
        assert isinstance(line, dict)
        return line

    def next_of(self, kind: str, timeout_s: float = 15.0) -> Line:
        """Return the next line of this type (`forwarded`, `disconnected`, `reconnected`), leaving out others."""
        while (line := self.next(timeout_s))["type"] != kind:
            pass
        return line

    def take(self, count: int, kind: str = "forwarded", timeout_s: float = 15.0) -> list[Line]:
        """Return the next `count` lines of one type."""
        return [self.next_of(kind, timeout_s) for _ in range(count)]


class Serving(Running):
    """`cstar cloud serve` that has said it runs."""

    def __init__(self, arguments: Sequence[str], env: Env, folder: Path) -> None:
        super().__init__([*CSTAR, "cloud", "serve", *arguments], env, folder)
        self.address = ""

    def await_ready(self) -> Self:
        line = self.next_line(START_S)
        found = re.search(r"http://\S+", line)
        assert found, line
        self.address = found[0]
        return self
