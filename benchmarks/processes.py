"""A tool as a process: started on a core of its own, its CPU time and its memory read from /proc."""

import asyncio
import os
import re
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

START_S = 20.0

_cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
HARNESS_CORES = set(_cores[:1])
TOOL_CORES = set(_cores[-1:])


def pin(cores: set[int]) -> None:
    """Keep this process, and what it starts from now on, to these cores, where the platform can."""
    if cores:
        os.sched_setaffinity(0, cores)


@contextmanager
def pinned(cores: set[int]) -> Iterator[None]:
    """Start what is started inside on these cores: a program that counts its cores at start sees those alone."""
    pin(cores)
    try:
        yield
    finally:
        pin(HARNESS_CORES)


@dataclass(frozen=True, slots=True)
class Exit:
    """How a process that ran to its end did: wall and CPU time in seconds."""

    status: int
    elapsed_s: float
    cpu_s: float


def run(command: Sequence[str], env: Mapping[str, str], cwd: Path) -> Exit:
    """Run a command on the tools' core, from Enter to exit."""
    with pinned(TOOL_CORES):
        started = time.perf_counter()
        child = subprocess.Popen(
            command, env=env, cwd=cwd, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        _, status, usage = os.wait4(child.pid, 0)
        elapsed_s = time.perf_counter() - started
    child.returncode = os.waitstatus_to_exitcode(status)
    return Exit(child.returncode, elapsed_s, usage.ru_utime + usage.ru_stime)


@dataclass(frozen=True, slots=True)
class Running:
    """A process that runs until it is stopped; what it prints is in `output`."""

    child: subprocess.Popen[bytes]
    output: Path
    began: float

    def cpu_s(self) -> float:
        """Return the CPU time that its threads have had."""
        threads = Path(f"/proc/{self.child.pid}/task").iterdir()
        return sum(int((thread / "schedstat").read_text().split()[0]) for thread in threads) / 1e9

    async def said(self, wanted: re.Pattern[bytes]) -> str:
        """Return the first match in what it prints, as soon as it is there to a millisecond."""
        async with asyncio.timeout(START_S):
            while not (found := wanted.search(self.output.read_bytes())):
                if self.child.poll() is not None:
                    raise OSError(f"it ended: {self.output.read_text()[-500:]}")
                await asyncio.sleep(0.001)
        return found[0].decode()

    def stand_still(self) -> None:
        """Have it do nothing until it is `going_on`."""
        self.child.send_signal(signal.SIGSTOP)

    @contextmanager
    def going_on(self) -> Iterator[None]:
        """Let it go on while inside."""
        self.child.send_signal(signal.SIGCONT)
        try:
            yield
        finally:
            self.stand_still()

    def memory_mb(self) -> float:
        """Return what it has in memory now (RSS)."""
        return self._status_kb("VmRSS") / 1000

    def most_memory_mb(self) -> float:
        """Return the most that it ever had in memory."""
        return self._status_kb("VmHWM") / 1000

    def _status_kb(self, name: str) -> float:
        text = Path(f"/proc/{self.child.pid}/status").read_text()
        [line] = (line for line in text.splitlines() if line.startswith(f"{name}:"))
        return int(line.split()[1]) * 1.024


@contextmanager
def started(
    command: Sequence[str], env: Mapping[str, str], cwd: Path, cores: set[int] = TOOL_CORES
) -> Iterator[Running]:
    """Run a command while inside, then kill it; its output goes to a file, as a script's would."""
    output = Path(tempfile.mkstemp(prefix="output-", dir=cwd)[1])
    with output.open("wb") as file, pinned(cores):
        began = time.perf_counter()
        child = subprocess.Popen(
            command, env=env, cwd=cwd, stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT
        )
    try:
        yield Running(child, output, began)
    finally:
        child.kill()  # whoever is asked to stop waits for answers, and nobody gives any while we wait for him
        child.wait()
