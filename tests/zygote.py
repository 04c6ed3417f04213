"""Runs `cstar` many times without starting Python as often: a process that has loaded it forks one for each run.

Run as a program, it reads a request a line, and answers with a line: see `Zygote`.
"""

import fcntl
import io
import json
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self

PATIENCE_S = 20.0

PIPE_HOLDS = 65_536

Stdin = Literal["closed", "null", "pipe", "terminal", "text"]


@dataclass(frozen=True, slots=True)
class Ran:
    """What came of a run; `code` is None where it had to be killed. On a terminal all output is `out`."""

    code: int | None
    out: str
    err: str
    in_time: bool


class Zygote:
    """Runs commands of `cstar`, each in a process of its own, on pipes or on a terminal of so many columns."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.zygote"],
            cwd=Path(__file__).parents[1],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def run(
        self,
        arguments: Sequence[str],
        env: Mapping[str, str],
        folder: Path,
        *,
        stdin: Stdin = "null",
        text: str = "",
        columns: int | None = None,
        encoding: str = "utf-8",
        for_s: float = PATIENCE_S,
    ) -> Ran:
        """Run to the end; what takes longer than `for_s` gets Ctrl-C, and some time to end.

        With `columns`, output (and with "terminal", input too) is a terminal of that width. Input from a "pipe" never
        comes, and never ends; "text" is a pipe with this text in it.
        """
        asked = {
            "arguments": [*arguments],
            "env": dict(env),
            "folder": str(folder),
            "stdin": stdin,
            "text": text,
            "columns": columns,
            "encoding": encoding,
            "for_s": for_s,
        }
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        return Ran(**json.loads(self._process.stdout.readline()))


def _serve() -> None:
    import cstar_cli.__main__
    import cstar_cli.main  # noqa: F401  # so that no run has to

    answers = os.fdopen(os.dup(1), "w")
    for line in sys.stdin:
        answers.write(json.dumps(_run(json.loads(line))) + "\n")
        answers.flush()


def _run(asked: dict[str, Any]) -> dict[str, Any]:
    near, far, errors_near, errors_far = _places(asked["columns"])
    input_near, input_far = os.pipe()
    if asked["stdin"] == "text":
        text = asked["text"].encode()
        assert len(text) <= PIPE_HOLDS
        os.write(input_far, text)
    child = os.fork()
    if child == 0:
        for descriptor in (near, errors_near, input_far):
            if descriptor >= 0:
                os.close(descriptor)
        _become(asked, input_near, far, errors_far)
    os.close(far)
    if errors_far >= 0:
        os.close(errors_far)
    os.close(input_near)
    if asked["stdin"] == "text":
        os.close(input_far)
        input_far = -1
    found = {near: b"", errors_near: b""}
    code, in_time = _read(child, found, asked["for_s"])
    for descriptor in (near, errors_near, input_far):
        if descriptor >= 0:
            os.close(descriptor)
    out, err = (found[descriptor].decode("utf-8", "backslashreplace") for descriptor in (near, errors_near))
    return {"code": code, "out": out.replace("\r\n", "\n"), "err": err, "in_time": in_time}


def _places(columns: int | None) -> tuple[int, int, int, int]:
    if columns is None:
        return *os.pipe(), *os.pipe()
    near, far = pty.openpty()
    fcntl.ioctl(far, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    return near, far, -1, -1


def _become(asked: dict[str, Any], given: int, out: int, err: int) -> None:
    """Be `cstar` in the child, as it is when Python has started."""
    code = 70
    try:
        os.setsid()
        signal.signal(signal.SIGINT, signal.default_int_handler)
        if asked["stdin"] == "null":
            given = os.open(os.devnull, os.O_RDONLY)
        elif asked["stdin"] == "terminal":
            fcntl.ioctl(out, termios.TIOCSCTTY, 0)
            given = out
        os.dup2(given, 0)
        os.dup2(out, 1)
        os.dup2(err if err >= 0 else out, 2)
        if asked["stdin"] == "closed":
            os.close(0)
        os.closerange(3, 64)
        os.environ.clear()
        os.environ.update(asked["env"])
        time.tzset()
        os.chdir(asked["folder"])
        text = asked["encoding"]
        sys.stdin = None if asked["stdin"] == "closed" else io.TextIOWrapper(io.FileIO(0), encoding=text)
        sys.stdout = sys.__stdout__ = io.TextIOWrapper(io.BufferedWriter(io.FileIO(1, "w")), encoding=text)  # type: ignore[misc]
        sys.stderr = sys.__stderr__ = io.TextIOWrapper(  # type: ignore[misc]
            io.BufferedWriter(io.FileIO(2, "w")), encoding=text, errors="backslashreplace", line_buffering=True
        )
        sys.argv = ["cstar", *asked["arguments"]]
        from cstar_cli.__main__ import main

        main()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except (OSError, ValueError):
                code = code or 120
        os._exit(code)


def _read(child: int, found: dict[int, bytes], for_s: float) -> tuple[int | None, bool]:
    """Read until nobody writes any more; return the exit code, None where it had to be killed, and whether in time."""
    ends = time.monotonic() + for_s
    asked_to_end = False
    open_ones = [descriptor for descriptor in found if descriptor >= 0]
    while open_ones:
        ready, _, _ = select.select(open_ones, [], [], max(0.0, ends - time.monotonic()))
        for descriptor in ready:
            try:
                chunk = os.read(descriptor, 65536)
            except OSError:  # how a terminal ends
                chunk = b""
            found[descriptor] += chunk
            if not chunk:
                open_ones.remove(descriptor)
        if not ready and not asked_to_end:
            os.kill(child, signal.SIGINT)
            ends, asked_to_end = time.monotonic() + PATIENCE_S, True
        elif not ready:
            os.killpg(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return None, False
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status), not asked_to_end


if __name__ == "__main__":
    _serve()
