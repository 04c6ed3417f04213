"""Keeps what a `listen` forwards in a file: `--record`.

A thread of its own writes, so that a slow disk never holds up the tunnel, and what comes waits while it can't keep up.
Where the file can't be written any more, listening goes on, and that is told at once and at the end.
"""

import errno
import os
import stat
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from cstar_cli import __version__
from cstar_cli.activity import Activity, Forwarded, Notice, Ready, Reconnected
from cstar_cli.clock import now_ms
from cstar_cli.commands.listening import Options, Output
from cstar_cli.errors import UsageError
from cstar_cli.recording.recorder import Recorder, Way
from cstar_cli.recording.redacting import Redactor
from cstar_cli.recording.scrubbing import secret_values, url_secrets
from cstar_cli.render.queued import QueuedOutput
from cstar_cli.sender.answer import BODY_LIMIT

if TYPE_CHECKING:
    from cstar_cli.commands.listening import Forward
    from cstar_cli.commands.routing import Plan
    from cstar_cli.protocol.frames import Delivery, Result
    from cstar_cli.sender.posting import Cancelable, Spawn
    from cstar_cli.tunnel.forwarder import Done, Unanswered

FLUSH_S = 10.0
_OWN = 0o600


class Record(msgspec.Struct, frozen=True):
    """What is asked for: the file, in place of another with `force`, and what is to be redacted."""

    path: Path
    force: bool
    redacted: tuple[str, ...]


class Recording:
    """One session's recording, from its first line to its last."""

    def __init__(self, wanted: Record, plan: "Options | Plan", token: str) -> None:
        redactor = Redactor(wanted.redacted, _secrets(plan, token))  # before there is a file: a path may be wrong
        self._path = wanted.path
        self._fresh = _beside(wanted.path) if wanted.force else None
        self._descriptor = _create(self._fresh or wanted.path, force=wanted.force)
        self._redactor = redactor
        self._file = QueuedOutput(self._descriptor, FLUSH_S)
        self._recorder = Recorder(redactor, self._write, now_ms)
        self._error: OSError | None = None
        self._report: Callable[[Activity], None] = lambda _: None
        self._only: Ready | None = None
        self._closed = False
        self._recorder.begin(f"cstar-cli/{__version__}", wanted.redacted)

    def beside(self, output: Output) -> Output:
        """Return what does as that output does, and has all recorded; it is told what goes wrong."""
        self._report = output.report
        self._file.when_broken(self._broken)

        def report(activity: Activity) -> None:
            output.report(activity)
            self._note(activity)

        def room() -> Awaitable[object] | None:
            ours, others = self._file.room(), output.room()
            return (ours or others) if ours is None or others is None else _both(ours, others)

        return replace(output, report=report, room=room, around=self._around)

    def make_room(self) -> None:
        """Wait for the file no more: little is still to come."""
        self._file.make_room()

    def finish(self) -> str | None:
        """Write the last lines, and tell what was recorded; return what is wrong with the file, if anything is."""
        self._recorder.end()
        self.close()
        if not self._recorder.has_sessions:
            return None
        for path in self._redactor.never_found:
            self._report(Notice(f"--redact {path} was found in nothing that was recorded: is the path right?"))
        if self._error is not None:
            return f"The recording {self._path} is not whole: {_reason(self._error)}."
        count = self._recorder.deliveries
        if count == 0:
            self._report(Notice(f"Recorded no delivery: {self._path} has nothing to send again."))
            return None
        deliveries = "1 delivery" if count == 1 else f"{count} deliveries"
        self._report(Notice(f"Recorded {deliveries}, to send again: cstar replay {self._path} -f URL"))
        return None

    def close(self) -> None:
        """Write what is queued; leave no file of a session that never began."""
        if self._closed:
            return
        self._closed = True
        self._file.finish()
        self._error = self._error or self._file.error
        if self._error is None and self._file.unwritten:
            self._error = TimeoutError(None, f"the disk has taken nothing for {FLUSH_S:g} s")
        try:
            os.close(self._descriptor)
        except OSError as error:  # some file systems tell only now that there was no room
            self._error = self._error or error
        file = self._fresh or self._path
        if not self._recorder.has_sessions and _is_regular(file):
            file.unlink(missing_ok=True)

    def _around(self, forward: "Forward", options: Options, route: str | None) -> "Forward":
        """Return what posts as `forward` does, and records it."""
        recorder = self._recorder
        way = Way(options.target.url, route, BODY_LIMIT, options.wire)

        def recorded(delivery: "Delivery", done: "Done", spawn: "Spawn") -> "Cancelable":
            begun = recorder.began(delivery, way)

            def ended(result: "Result", forwarded: Forwarded, unanswered: "Unanswered | None" = None) -> None:
                recorder.ended(begun, result, undecided=unanswered is not None)
                done(result, forwarded, unanswered)

            return forward(delivery, ended, spawn)

        return recorded

    def _note(self, activity: Activity) -> None:
        if isinstance(activity, Ready):
            self._take_place()
        match activity:
            case Forwarded(delivery_id=delivery_id):
                self._recorder.decided(delivery_id)
            case Ready(routes=routes) | Reconnected(routes=routes) if routes:
                for each in routes:
                    self._recorder.session(each.session_id, each.forward_to, each.events, each.name)
            case Ready(session_id=session_id):
                self._only = activity
                self._recorder.session(session_id, activity.forward_to, activity.events, None)
            case Reconnected(session_id=session_id) if self._only is not None:
                self._recorder.session(session_id, self._only.forward_to, self._only.events, None)
            case _:
                pass

    def _take_place(self) -> None:
        """Replace the file that was there, which a session that never begins would have cost."""
        fresh, self._fresh = self._fresh, None
        if fresh is not None:
            try:
                fresh.replace(self._path)
            except OSError as error:
                self._broken(error)

    def _write(self, line: bytes) -> None:
        if self._error is None:
            try:
                self._file.write(line)
            except OSError as error:
                self._broken(error)

    def _broken(self, error: OSError) -> None:
        if self._error is None:
            self._error = error
            self._report(
                Notice(f"The recording ends here, listening goes on: can't write {self._path}: {_reason(error)}.")
            )


def _secrets(plan: "Options | Plan", token: str) -> Iterable[str]:
    listeners = [plan] if isinstance(plan, Options) else [route.options for route in plan.routes]
    yield token
    for options in listeners:
        yield options.secret
        yield from secret_values(options.headers)
        yield from url_secrets(options.target.url)


def _beside(path: Path) -> Path | None:
    """Return where a file is written that is to replace that one; None where it can't yet, or nothing is there."""
    if os.name == "nt" or not path.is_file():  # Windows replaces nothing by an open file
        return None
    return path.with_name(f"{path.name}.{os.getpid()}.new")


def _create(path: Path, *, force: bool) -> int:
    """Open a new file for its owner alone, or what is there and no file, like a pipe."""
    flags = os.O_WRONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
    try:
        there = path.stat() if path.exists() else None
        if there is not None and stat.S_ISFIFO(there.st_mode):
            return _open_pipe(path, flags)
        if there is not None and not stat.S_ISREG(there.st_mode):
            return os.open(path, flags)
        if there is not None and (force or there.st_size == 0):
            path.unlink()
        return os.open(path, flags | os.O_CREAT | os.O_EXCL, _OWN)
    except FileExistsError:
        raise UsageError(
            f"{path} is there already: give another file to --record, or replace it with --force."
        ) from None
    except OSError as error:
        raise UsageError(f"--record {path} can't be written: {_reason(error)}.") from error


def _open_pipe(path: Path, flags: int) -> int:
    try:
        descriptor = os.open(path, flags | os.O_NONBLOCK)  # else it waits for a reader, and no Ctrl-C ends that
    except OSError as error:
        if error.errno != errno.ENXIO:
            raise
        raise UsageError(f"--record {path} is a pipe that nobody reads: start its reader first.") from None
    os.set_blocking(descriptor, True)
    return descriptor


def _is_regular(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()


def _reason(error: OSError) -> str:
    if error.errno is not None:
        return os.strerror(error.errno)  # an output's own words speak of stdout
    return error.strerror or str(error)


async def _both(first: Awaitable[object], second: Awaitable[object]) -> None:
    await first
    await second
