"""The user's application beside the tunnel, for `cstar listen -- COMMAND`: they are ready together and end together.

The command has our terminal and our process group, as from a shell. Ready is said when its port answers and the tunnel
stands. When it ends, listening ends, with its exit code; a signal to us is passed on; when listening ends, the command
is asked to. What is left of it then, or takes too long, is ended.
"""

import asyncio
import contextlib
import signal
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from cstar_cli.activity import Activity, Down, Forwarded, Notice, Ready, Summary, Up
from cstar_cli.commands import own_terminal
from cstar_cli.commands.listening import LOOK_S, Listening, place_of
from cstar_cli.commands.process import Command, CommandError, ending_of, start
from cstar_cli.commands.process_tree import ProcessTree, descendants
from cstar_cli.errors import ExitCode
from cstar_cli.sender.client import Sender
from cstar_cli.sender.outcome import Failure
from cstar_cli.sender.target import Target

PROBE_EVERY_S = 0.1
SILENT_S = 10.0
UNTOLD_S = 1.0
GRACE_S = 15.0  # `docker compose` gives its containers 10
LAST_S = 2.0
LOOK_EVERY_S = 0.05


def application(command: Command, targets: Sequence[Target], stdout: int | None) -> "App":
    """Return the application that a command starts, and that is to answer at these targets.

    Its stdout goes to the descriptor that is given, or else to ours.
    """
    places = {place_of(target): target for target in targets}
    sender = Sender(max_connections=1)

    async def silent() -> list[str]:
        looks = {place: await sender.look(target, LOOK_S) for place, target in places.items()}
        return [place for place, fault in looks.items() if fault is not None and fault.failure is not Failure.TLS]

    def begin(ended: Callable[[int], object]) -> ProcessTree:
        others, terminal = descendants(), own_terminal.settings()
        return ProcessTree(start(command, stdout, ended), others, terminal)

    return App(command.name, list(places), silent, begin)


class Tree(Protocol):
    """The application's processes; see ProcessTree."""

    def look(self) -> None: ...
    def left(self) -> set[int]: ...
    def ask(self, number: int) -> None: ...
    def end(self) -> None: ...
    def kill(self) -> None: ...
    def put_terminal_back(self) -> None: ...


class App:
    """One application. `silent` returns which of the places where it is to answer don't.

    `start` starts it and is told what to call, with the exit code, when it has ended.
    """

    def __init__(
        self,
        name: str,
        places: Sequence[str],
        silent: Callable[[], Awaitable[Sequence[str]]],
        start: Callable[[Callable[[int], object]], Tree],
    ) -> None:
        self._name = name
        self._places = self._silent = places
        self._ask_silent = silent
        self._start = start
        self._report: Callable[[Activity], None] = lambda _: None
        self._ready: Ready | None = None
        self._answers = False
        self._expected: set[str] = set()
        self._come_up: list[Up] = []
        self._tree: Tree | None = None
        loop = asyncio.get_running_loop()
        self._ended: asyncio.Future[int] = loop.create_future()
        self._hurried: asyncio.Future[int] = loop.create_future()
        self._pressed = 0
        self._interrupted = False
        self._ended_first = False

    def reporting(self, report: Callable[[Activity], None]) -> Callable[[Activity], None]:
        """Return what passes on to `report` what happens, but that the tunnel is ready not before we are, too."""
        self._report = report

        def report_in_time(activity: Activity) -> None:
            match activity:
                case Ready() if not self._answers:
                    self._ready = activity
                case Down(place=place) if not self._answers:
                    self._expected.add(place)  # of course: it is only starting
                case Up(place=place, waited=waited) if place in self._expected:
                    self._expected.discard(place)
                    if waited:
                        self._come_up.append(activity)
                        self._tell()
                case Forwarded(status=int()) if not self._answers and len(self._places) == 1:
                    self._answers = True  # it came before our own look
                    self._tell()
                    report(activity)
                case _:
                    report(activity)

        return report_in_time

    def signal(self, number: int) -> None:
        """Pass on a signal that we got."""
        self._interrupted = True
        if self._tree is not None:
            self._press(self._tree, number)

    def exit_code(self) -> int | None:
        """Return the command's where it ended before listening did. Raises CommandError when it never was ready."""
        if self._interrupted or not self._ended_first:
            return None
        code = self._ended.result()
        if self._answers:
            return code
        message = f"{self._name} {ending_of(code)} before anything answered on {self._where()}."
        raise CommandError(message, code or ExitCode.FAILED)

    async def listen_beside(self, listener: Listening) -> Summary:
        """Run the command, and the listener as long as it runs; both have ended afterwards."""
        if not await self._ask_silent():
            taken = f"Something answers on {self._where()} already: it gets the events"
            self._report(Notice(f"{taken}, unless {self._name} takes its place."))
        if listener.stopping:
            return await listener.run()
        tree = self._tree = self._start(self._ended.set_result)
        self._ended.add_done_callback(lambda _: self._over(listener))
        async with asyncio.TaskGroup() as group:
            waiting = group.create_task(self._await_answer())
            try:
                return await listener.run()
            finally:
                waiting.cancel()
                await self._end(tree)
                tree.put_terminal_back()

    async def _await_answer(self) -> None:
        try:
            async with asyncio.timeout(SILENT_S):
                await self._until_answered()
        except TimeoutError:
            silent = f"Nothing answers on {self._where()} yet: still waiting for {self._name}."
            self._report(Notice(f"{silent} If it uses another port, say which with --forward-to."))
            await self._until_answered()
        self._answers = True
        self._tell()

    def _tell(self) -> None:
        """Say what had to wait until all stand."""
        if self._answers:
            told: list[Activity] = [*([self._ready] if self._ready else []), *self._come_up]
            self._ready, self._come_up = None, []
            for activity in told:
                self._report(activity)

    async def _until_answered(self) -> None:
        while silent := await self._ask_silent():
            self._silent = silent
            await asyncio.sleep(PROBE_EVERY_S)  # a port tells nobody that it is open now

    def _where(self) -> str:
        return " and ".join(self._silent)

    def _over(self, listener: Listening) -> None:
        if listener.stopping:
            return
        self._ended_first = True
        if self._answers:
            self._report(Notice(f"{self._name} {ending_of(self._ended.result())}."))
        listener.stop()

    def _press(self, tree: Tree, number: int) -> None:
        """Ask it to end; the second time it gets little time yet, the third none."""
        self._pressed += 1
        if self._pressed == 1:
            tree.look()
            if not self._ended.done():
                tree.ask(number)
        elif self._pressed == 2:
            self._hurried.set_result(number)
        else:
            tree.kill()

    async def _end(self, tree: Tree) -> None:
        """Have it end by itself, then see to it that nothing of it is left."""
        if not self._pressed:
            self._press(tree, signal.SIGTERM)
        if not await self._ends_within(UNTOLD_S):
            self._report(Notice(f"Waiting for {self._name} to end; Ctrl-C again ends it soon."))
            await self._ends_within(GRACE_S)
        for force in (tree.end, tree.kill):
            if self._is_gone(tree):
                return
            force()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LAST_S):
                    while not self._is_gone(tree):  # noqa: ASYNC110  # of its children's ends nobody tells us
                        await asyncio.sleep(LOOK_EVERY_S)

    def _is_gone(self, tree: Tree) -> bool:
        return self._ended.done() and not tree.left()

    async def _ends_within(self, limit_s: float) -> bool:
        """Wait for its end, in no hurry; tell whether it has come."""
        first: set[asyncio.Future[int]] = {self._ended, self._hurried}
        await asyncio.wait(first, timeout=limit_s, return_when=asyncio.FIRST_COMPLETED)
        return self._ended.done()
