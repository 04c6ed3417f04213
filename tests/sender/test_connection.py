"""One connection over a transport that only takes notes."""

import asyncio
from collections.abc import Awaitable, Callable

from cstar_cli.sender.connection import Connection, Ending
from cstar_cli.sender.deadlines import Deadlines
from cstar_cli.sender.parse_h11 import H11Reader

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
ORIGIN = "http", "receiver.test", 80


class Notes(asyncio.Transport):
    """What was done to the transport."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[bytes] = []
        self.unsent = 0
        self.most_unsent: int | None = None
        self.aborted = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written.append(bytes(data))

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self.most_unsent = high

    def get_write_buffer_size(self) -> int:
        return self.unsent

    def is_closing(self) -> bool:
        return self.aborted

    def abort(self) -> None:
        self.aborted = True


def with_connection(scenario: Callable[[Connection, Notes], Awaitable[None]]) -> None:
    async def run() -> None:
        ticks = iter(range(1000))

        def clock() -> float:
            return float(next(ticks))

        connection = Connection(
            ORIGIN,
            H11Reader(),
            asyncio.get_running_loop(),
            clock=clock,
            deadlines=Deadlines(clock),
            on_made=lambda _: None,
            on_lost=lambda _: None,
        )
        transport = Notes()
        connection.connection_made(transport)
        await scenario(connection, transport)

    asyncio.run(run())


async def exchange(connection: Connection, *received: bytes) -> Ending:
    loop = asyncio.get_running_loop()
    for data in received:
        loop.call_soon(connection.data_received, data)
    return await connection.exchange(b"request", None)


def test_nothing_is_kept_back_for_the_end_of_the_loops_turn() -> None:
    async def scenario(_: Connection, transport: Notes) -> None:
        assert transport.most_unsent == 0

    with_connection(scenario)


def test_an_exchange_that_both_sides_finished_leaves_the_connection_reusable() -> None:
    async def scenario(connection: Connection, transport: Notes) -> None:
        assert await exchange(connection, ANSWER) is Ending.COMPLETE
        assert (connection.reusable, transport.written) == (True, [b"request"])

    with_connection(scenario)


def test_an_answer_that_came_unasked_makes_the_connection_unusable() -> None:
    async def scenario(connection: Connection, transport: Notes) -> None:
        connection.data_received(ANSWER)
        assert await exchange(connection) is Ending.COMPLETE
        assert not connection.reusable

    with_connection(scenario)


def test_a_request_not_sent_whole_makes_the_connection_unusable() -> None:
    async def scenario(connection: Connection, transport: Notes) -> None:
        transport.unsent = 1
        assert await exchange(connection, ANSWER) is Ending.COMPLETE
        assert not connection.reusable

    with_connection(scenario)


def test_nothing_is_written_to_a_connection_that_closed_meanwhile() -> None:
    async def scenario(connection: Connection, transport: Notes) -> None:
        connection.eof_received()
        assert await exchange(connection) is Ending.CLOSED
        assert transport.written == []

    with_connection(scenario)


def test_each_exchange_has_a_first_byte_of_its_own() -> None:
    async def scenario(connection: Connection, transport: Notes) -> None:
        await exchange(connection, ANSWER)
        earlier, connection.idle_since = connection.first_byte_at, 1.0
        await exchange(connection, ANSWER)
        assert earlier is not None
        assert connection.first_byte_at is not None
        assert connection.first_byte_at > earlier

    with_connection(scenario)


def test_an_idle_connection_that_speaks_is_cut() -> None:
    async def scenario(connection: Connection, transport: Notes) -> None:
        await exchange(connection, ANSWER)
        connection.data_received(b"x")
        assert transport.aborted

    with_connection(scenario)
