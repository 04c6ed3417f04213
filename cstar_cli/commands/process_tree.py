"""What a command has started, and what those have started in turn: all of it ends with us.

The command stays in our process group, as in a shell: so it has the terminal, and Ctrl-C and Ctrl-Z reach everyone. Who
belongs to it is thus told by who is whose child. On Linux we adopt those whose parent has ended; elsewhere they are
known from an earlier look. On Windows `taskkill` does it all.
"""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from cstar_cli.commands import own_terminal

_PR_SET_CHILD_SUBREAPER = 36
_ENDED = ("Z", "X")


def adopt_orphans() -> None:
    """Become the parent of what those leave behind whom we start; does nothing where the system can't."""
    if sys.platform != "linux":
        return
    with contextlib.suppress(ImportError, OSError, AttributeError):
        import ctypes

        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def below(roots: Iterable[int], parents: Mapping[int, int]) -> set[int]:
    """Return the children of these processes, theirs, and so on."""
    children: dict[int, list[int]] = {}
    for child, parent in parents.items():
        children.setdefault(parent, []).append(child)
    found: set[int] = set()
    fresh = [child for root in roots for child in children.get(root, ())]
    while fresh:
        found.update(fresh)
        fresh = [child for parent in fresh for child in children.get(parent, ()) if child not in found]
    return found


def descendants() -> set[int]:
    """Return what runs below us."""
    return below([os.getpid()], _parents())


class ProcessTree:
    """A command's process and all below it, without daemons: what has left it for a session of its own.

    `others` ran below us before the command: a shell that became us by `exec` leaves us its children. `terminal` is
    how that was set before.
    """

    def __init__(self, command: int, others: Iterable[int] = (), terminal: own_terminal.Settings | None = None) -> None:
        self._command = command
        self._terminal = terminal
        self._known = {command}
        self._spared = set(others)

    def look(self) -> None:
        """See who belongs to it, while everyone is where they were."""
        parents = _parents()
        adopted = {pid for pid, parent in parents.items() if parent == os.getpid() and pid != self._command}
        self._spared |= {pid for pid in adopted if _has_own_session(pid)}
        self._known |= below([os.getpid()], parents)

    def left(self) -> set[int]:
        """Return the processes that haven't ended."""
        parents = _parents()
        self._known |= below([os.getpid()], parents)
        return (self._known & parents.keys()) - self._spared - below(self._spared, parents)

    def ask(self, number: int) -> None:
        """Send a signal on to the command, which knows best what to do with those that it has started."""
        if _is_from_keyboard(number):  # which sends it to all that has the terminal
            return
        if sys.platform == "win32":
            self.kill()
        else:
            _send(self._command, number)

    def end(self) -> None:
        """Have all that is left end."""
        if sys.platform == "win32":
            self.kill()
        else:
            for pid in self.left():
                _send(pid, signal.SIGTERM)

    def kill(self) -> None:
        """End all that is left, without asking."""
        if sys.platform == "win32":
            subprocess.run(["taskkill", "/T", "/F", "/PID", str(self._command)], capture_output=True, check=False)
        else:
            for pid in self.left():
                _send(pid, signal.SIGKILL)

    def put_terminal_back(self) -> None:
        """Have the terminal as the command found it."""
        own_terminal.put_back(self._terminal)


def _is_from_keyboard(number: int) -> bool:
    """Tell whether a signal that we got is most likely somebody's Ctrl-C."""
    if sys.platform == "win32":
        return number in (signal.SIGINT, signal.SIGBREAK)
    return number == signal.SIGINT and own_terminal.has_keys()


def _send(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):  # it is gone, or another user's
        os.kill(pid, number)


def _has_own_session(pid: int) -> bool:
    if sys.platform == "win32":
        return False
    try:
        return os.getsid(pid) != os.getsid(0)
    except OSError:  # it has just ended
        return False


def _parents() -> dict[int, int]:
    """Return each process's parent, without those that have ended and only wait for it to notice."""
    return {} if sys.platform == "win32" else _from_proc() or _from_ps()


def _from_proc() -> dict[int, int]:
    parents = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent = status.read_bytes().rpartition(b")")[2].split(None, 2)[:2]
        except (OSError, ValueError):  # it has just ended
            continue
        if not state.decode().startswith(_ENDED):
            parents[int(status.parent.name)] = int(parent)
    return parents


def _from_ps() -> dict[int, int]:
    try:
        with subprocess.Popen(["ps", "-A", "-o", "pid=,ppid=,stat="], stdout=subprocess.PIPE, text=True) as ps:
            parents = parents_in(ps.communicate()[0])
    except OSError:
        return {}
    parents.pop(ps.pid, None)
    return parents


def parents_in(listing: str) -> dict[int, int]:
    """Read rows of a process, its parent and its state, as `ps` prints them."""
    rows = [line.split() for line in listing.splitlines()]
    return {int(pid): int(parent) for pid, parent, state in rows if not state.startswith(_ENDED)}
