"""The application beside the listener, in virtual time: when Ready is said, who ends whom, and who gets how long."""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from cstar_cli.activity import Activity, Down, Forwarded, Notice, Ready, Summary, Up
from cstar_cli.commands.app import GRACE_S, LAST_S, SILENT_S, UNTOLD_S, App
from cstar_cli.commands.process import CommandError
from tests.tunnel.fakes import Desk, FakeCloud, Starter
from tests.tunnel.virtual_time import virtually

READY = Ready("http://app", "whsec_1", "http://cloud", "team", "ses_1", False, ())


class Processes:
    """A command of one process, and what it is told; `obeys` are the signals that end it."""

    def __init__(self, *obeys: str) -> None:
        self.told: list[tuple[str, float]] = []
        self.started = False
        self.grandchildren: set[int] = set()
        self.left_when_put_back: set[int] | None = None
        self._obeys = obeys
        self._running = True
        self._tell: Callable[[int], object] = lambda _: None

    def start(self, ended: Callable[[int], object]) -> "Processes":
        self._tell, self.started = ended, True
        return self

    def ends(self, code: int) -> None:
        self._running = False
        self._tell(code)

    def look(self) -> None: ...

    def put_terminal_back(self) -> None:
        self.left_when_put_back = self.left()

    def left(self) -> set[int]:
        return {1} if self._running else self.grandchildren

    def ask(self, number: int) -> None:
        self._tell_it(signal.Signals(number).name)

    def end(self) -> None:
        self._tell_it("end")

    def kill(self) -> None:
        self._tell_it("kill")
        self.grandchildren = set()

    def _tell_it(self, what: str) -> None:
        self.told.append((what, asyncio.get_running_loop().time()))
        if self._running and what in (*self._obeys, "kill"):
            self.ends(0 if what == "SIGTERM" else 137)


class Bench:
    """An application of these processes beside a listener, whose cloud is away: it tries again until it is stopped."""

    def __init__(self, processes: Processes) -> None:
        self.open = asyncio.Event()
        self.seen: list[Activity] = []
        self.app = App("npm", ["localhost:3000"], self._silent, processes.start)
        self.report = self.app.reporting(self.seen.append)
        cloud = FakeCloud()
        self.listener = Desk(cloud, start_cloud=Starter(cloud)).listener

    async def _silent(self) -> list[str]:
        await asyncio.sleep(0)
        return [] if self.open.is_set() else ["localhost:3000"]

    @property
    def notices(self) -> list[str]:
        return [activity.message for activity in self.seen if isinstance(activity, Notice)]

    def press(self, number: signal.Signals = signal.SIGINT) -> None:
        """Do what `cstar listen` does at a signal."""
        self.listener.stop()
        self.app.signal(number)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[asyncio.Task[Summary]]:
        """Run both, and let the time pass in which they start."""
        async with asyncio.TaskGroup() as group:
            running = group.create_task(self.app.listen_beside(self.listener))
            await asyncio.sleep(0.5)
            yield running


@virtually
async def test_ready_is_said_when_both_stand_and_the_tunnel_was_first() -> None:
    bench = Bench(Processes("SIGINT"))
    async with bench.running():
        bench.report(READY)
        await asyncio.sleep(1)
        assert bench.seen == []
        bench.open.set()
        await asyncio.sleep(1)
        assert bench.seen == [READY]
        bench.press()


@virtually
async def test_ready_is_said_when_both_stand_and_the_port_was_first() -> None:
    bench = Bench(Processes("SIGINT"))
    async with bench.running():
        bench.open.set()
        await asyncio.sleep(1)
        assert bench.seen == []
        bench.report(READY)
        assert bench.seen == [READY]
        bench.press()


@virtually
async def test_that_it_is_not_there_before_it_is_ready_is_no_news_but_what_has_waited_is() -> None:
    bench = Bench(Processes("SIGINT"))
    down, up = Down(1, "http://app", "localhost:3000", None), Up(2, "http://app", "localhost:3000", 3, False, False)
    async with bench.running():
        for activity in (READY, down, up):
            bench.report(activity)
        assert bench.seen == []
        bench.open.set()
        await asyncio.sleep(1)
        assert bench.seen == [READY, up]
        bench.report(down)
        assert bench.seen == [READY, up, down]
        bench.press()


@virtually
async def test_an_event_that_it_answers_before_we_look_again_shows_that_it_is_ready() -> None:
    bench = Bench(Processes("SIGINT"))
    forwarded = Forwarded(1, "evt_1", "ticket.created", "dlv_1", 1, "http://app", 200, 1.0, "succeeded", None, b"")
    async with bench.running():
        bench.report(READY)
        bench.report(forwarded)
        assert bench.seen == [READY, forwarded]
        bench.open.set()
        await asyncio.sleep(1)
        assert bench.seen == [READY, forwarded]
        bench.press()


@virtually
async def test_a_port_that_answers_before_it_starts_is_told_of() -> None:
    bench = Bench(Processes("SIGINT"))
    bench.open.set()
    async with bench.running():
        assert bench.notices == [
            "Something answers on localhost:3000 already: it gets the events, unless npm takes its place."
        ]
        bench.press()


@virtually
async def test_a_port_that_stays_silent_is_told_of_once_and_waited_for() -> None:
    bench = Bench(Processes("SIGINT"))
    async with bench.running():
        await asyncio.sleep(10 * SILENT_S)
        [notice] = bench.notices
        assert notice.startswith("Nothing answers on localhost:3000 yet: still waiting for npm.")
        bench.report(READY)
        bench.open.set()
        await asyncio.sleep(1)
        assert bench.seen[-1] == READY
        bench.press()


@virtually
async def test_when_it_ends_by_itself_listening_ends_with_its_exit_code() -> None:
    processes = Processes()
    bench = Bench(processes)
    async with bench.running():
        bench.open.set()
        await asyncio.sleep(1)
        processes.ends(7)
    assert bench.app.exit_code() == 7
    assert bench.notices == ["npm ended with exit code 7."]
    assert processes.told == []


@virtually
async def test_one_that_a_signal_ended_is_told_by_its_name() -> None:
    processes = Processes()
    bench = Bench(processes)
    async with bench.running():
        bench.open.set()
        await asyncio.sleep(1)
        processes.ends(128 + signal.SIGKILL)
    assert bench.app.exit_code() == 137
    assert bench.notices == ["npm was ended by SIGKILL."]


@pytest.mark.parametrize(("code", "exit_code"), [(0, 1), (3, 3)])
def test_one_that_ends_before_it_answers_has_failed(code: int, exit_code: int) -> None:
    @virtually
    async def ending() -> None:
        processes = Processes()
        bench = Bench(processes)
        async with bench.running():
            processes.ends(code)
        expected = f"npm ended with exit code {code} before anything answered on localhost:3000."
        with pytest.raises(CommandError, match=expected) as raised:
            bench.app.exit_code()
        assert raised.value.exit_code == exit_code

    ending()


@virtually
async def test_a_signal_is_passed_on_and_the_exit_code_is_left_to_us() -> None:
    processes = Processes("SIGHUP")
    bench = Bench(processes)
    async with bench.running():
        bench.press(signal.SIGHUP)
    assert [what for what, _ in processes.told] == ["SIGHUP"]
    assert bench.app.exit_code() is None


@virtually
async def test_a_signal_before_it_is_started_leaves_it_unstarted() -> None:
    processes = Processes()
    bench = Bench(processes)
    bench.press()
    await bench.app.listen_beside(bench.listener)
    assert processes.told == []
    assert bench.app.exit_code() is None


@virtually
async def test_when_listening_ends_it_is_asked_to_end() -> None:
    processes = Processes("SIGTERM")
    bench = Bench(processes)
    async with bench.running():
        bench.listener.stop()
    assert [what for what, _ in processes.told] == ["SIGTERM"]
    assert bench.app.exit_code() is None


@virtually
async def test_one_that_takes_too_long_is_asked_again_and_then_killed() -> None:
    processes = Processes()
    bench = Bench(processes)
    async with bench.running():
        bench.press()
    assert [what for what, _ in processes.told] == ["SIGINT", "end", "kill"]
    (_, asked), (_, ended), (_, killed) = processes.told
    assert GRACE_S < ended - asked < GRACE_S + 2 * UNTOLD_S + 3  # and a bye to the cloud
    assert killed - ended == pytest.approx(LAST_S)
    assert bench.notices == ["Waiting for npm to end; Ctrl-C again ends it soon."]


@virtually
async def test_the_second_ctrl_c_leaves_it_little_time() -> None:
    processes = Processes("end")
    bench = Bench(processes)
    async with bench.running():
        bench.press()
        bench.press()
        pressed = asyncio.get_running_loop().time()
    [_, (what, ended)] = processes.told
    assert what == "end"
    assert ended - pressed < GRACE_S


@virtually
async def test_the_third_ctrl_c_leaves_it_none() -> None:
    processes = Processes()
    bench = Bench(processes)
    async with bench.running():
        for _ in range(3):
            bench.press()
        assert [what for what, _ in processes.told] == ["SIGINT", "kill"]


@virtually
async def test_what_it_leaves_behind_is_ended() -> None:
    processes = Processes("SIGINT")
    processes.grandchildren = {2}
    bench = Bench(processes)
    async with bench.running():
        bench.press()
    assert [what for what, _ in processes.told] == ["SIGINT", "end", "kill"]
    assert processes.left_when_put_back == set()  # nobody is there any more to change the terminal


@virtually
async def test_where_listening_has_ended_before_it_is_started_it_never_is() -> None:
    processes = Processes("SIGTERM")
    bench = Bench(processes)
    bench.listener.stop()  # as its time is up, or nobody reads what it prints
    async with bench.running():
        pass
    assert (processes.started, processes.told, bench.app.exit_code()) == (False, [], None)
