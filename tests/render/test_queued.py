"""A reader that is slow, stops, or goes away, at the other end of a real pipe."""

import asyncio
import errno
import functools
import os
import sys
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import pytest

from cstar_cli.render.queued import FLUSH_S, MOST_WAITING, QueuedOutput

LINE = b"x" * 999 + b"\n"
MORE_THAN_A_PIPE_HOLDS = 3 * MOST_WAITING


@dataclass
class Pipe:
    """A pipe whose two ends are closed after the test."""

    reading: int
    writing: int

    def close_reading(self) -> None:
        os.close(self.reading)
        self.reading = -1

    def read_all(self) -> bytes:
        """Read in a thread until the writing end is closed, which the test does when it has written."""
        with open(self.reading, "rb", closefd=False) as file:  # a descriptor, not a path
            return file.read()

    def close_writing(self) -> None:
        os.close(self.writing)
        self.writing = -1

    def close(self) -> None:
        for descriptor in (self.reading, self.writing):
            if descriptor >= 0:
                os.close(descriptor)


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    with closing(Pipe(*os.pipe())) as made:
        yield made


def in_a_loop(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    @functools.wraps(test)
    def run(*args: object, **kwargs: object) -> None:
        asyncio.run(test(*args, **kwargs))

    return run


async def has_room(stdout: QueuedOutput) -> None:
    if room := stdout.room():
        await room


async def broken(stdout: QueuedOutput) -> OSError:
    """Return what broke the output, once it is broken."""
    error: asyncio.Future[OSError] = asyncio.get_running_loop().create_future()
    stdout.when_broken(error.set_result)
    async with asyncio.timeout(10):
        return await error


@in_a_loop
async def test_what_is_written_arrives_in_order(pipe: Pipe) -> None:
    stdout = QueuedOutput(pipe.writing)
    for number in range(1000):
        assert stdout.write(b"%d\n" % number) == len(b"%d\n" % number)
    stdout.finish()
    pipe.close_writing()
    assert pipe.read_all().split() == [b"%d" % number for number in range(1000)]


@in_a_loop
async def test_a_buffer_that_is_used_again_after_the_write_changes_nothing(pipe: Pipe) -> None:
    stdout = QueuedOutput(pipe.writing)
    buffer = bytearray(b"first")
    stdout.write(buffer)
    buffer[:] = b"later"
    stdout.finish()
    assert os.read(pipe.reading, 100) == b"first"


@in_a_loop
async def test_a_reader_that_stops_holds_up_no_write_and_takes_everything_once_it_reads(pipe: Pipe) -> None:
    stdout = QueuedOutput(pipe.writing)
    lines = [b"%06d" % number + LINE for number in range(MORE_THAN_A_PIPE_HOLDS)]
    for line in lines:
        stdout.write(line)
    reading = asyncio.create_task(asyncio.to_thread(pipe.read_all))
    async with asyncio.timeout(10):
        await has_room(stdout)
    await asyncio.to_thread(stdout.finish)
    pipe.close_writing()
    assert await reading == b"".join(lines)


@in_a_loop
async def test_there_is_room_until_the_reader_stops_and_again_when_it_goes_on(pipe: Pipe) -> None:
    stdout = QueuedOutput(pipe.writing)
    await has_room(stdout)
    for _ in range(MORE_THAN_A_PIPE_HOLDS):
        stdout.write(LINE)
    waiting = asyncio.create_task(has_room(stdout))
    await asyncio.sleep(0)
    assert not waiting.done()
    reading = asyncio.create_task(asyncio.to_thread(pipe.read_all))
    async with asyncio.timeout(10):
        await waiting
    await asyncio.to_thread(stdout.finish)
    pipe.close_writing()
    await reading


@in_a_loop
async def test_whoever_waits_for_room_is_let_go_when_the_reader_leaves(pipe: Pipe) -> None:
    stdout = QueuedOutput(pipe.writing)
    for _ in range(MORE_THAN_A_PIPE_HOLDS):
        stdout.write(LINE)
    waiting = asyncio.create_task(has_room(stdout))
    pipe.close_reading()
    async with asyncio.timeout(10):
        await waiting
    stdout.finish()


@in_a_loop
async def test_at_the_end_there_is_room_whether_anyone_reads_or_not(pipe: Pipe) -> None:
    stdout = QueuedOutput(pipe.writing)
    for _ in range(MORE_THAN_A_PIPE_HOLDS):
        stdout.write(LINE)
    stdout.make_room()
    stdout.write(LINE)
    async with asyncio.timeout(10):
        await has_room(stdout)
    pipe.close_reading()
    stdout.finish()


@in_a_loop
async def test_after_the_reader_has_left_the_next_write_fails(pipe: Pipe) -> None:
    stdout = QueuedOutput(pipe.writing)
    pipe.close_reading()
    stdout.write(b"nobody reads this\n")
    assert isinstance(await broken(stdout), BrokenPipeError)
    with pytest.raises(BrokenPipeError):
        stdout.write(b"nor this\n")
    stdout.finish()


@in_a_loop
async def test_a_full_disk_is_told_without_another_write() -> None:
    with open("/dev/full", "wb", buffering=0) as full:  # noqa: PTH123, ASYNC230  # a device, which doesn't block
        stdout = QueuedOutput(full.fileno())
        stdout.write(b"no room\n")
        assert (await broken(stdout)).errno == errno.ENOSPC
        stdout.finish()


@in_a_loop
async def test_what_broke_before_anyone_asked_is_told_at_once(pipe: Pipe) -> None:
    stdout = QueuedOutput(pipe.writing)
    pipe.close_reading()
    stdout.write(b"x")
    await broken(stdout)
    told: list[OSError] = []
    stdout.when_broken(told.append)
    assert [type(error) for error in told] == [BrokenPipeError]
    stdout.finish()


@in_a_loop
async def test_a_descriptor_that_was_made_non_blocking_is_waited_for(pipe: Pipe) -> None:
    os.set_blocking(pipe.writing, False)
    stdout = QueuedOutput(pipe.writing)
    for _ in range(500):
        stdout.write(LINE)
    reading = asyncio.create_task(asyncio.to_thread(pipe.read_all))
    await asyncio.to_thread(stdout.finish)
    pipe.close_writing()
    assert await reading == LINE * 500


@in_a_loop
async def test_finishing_does_not_wait_long_for_a_reader_that_takes_nothing(pipe: Pipe) -> None:
    stdout = QueuedOutput(pipe.writing)
    for _ in range(MORE_THAN_A_PIPE_HOLDS):
        stdout.write(LINE)
    started = time.monotonic()
    stdout.finish()
    assert FLUSH_S <= time.monotonic() - started < FLUSH_S + 2
    pipe.close_reading()  # lets the thread go
    assert await asyncio.to_thread(all_writers_gone)


def all_writers_gone() -> bool:
    writers = [thread for thread in threading.enumerate() if thread.name == "cstar-output"]
    for thread in writers:
        thread.join(10)
    return not any(thread.is_alive() for thread in writers)


@in_a_loop
async def test_a_text_stream_above_it_that_is_swept_up_late_raises_nothing(pipe: Pipe) -> None:
    stdout = QueuedOutput(pipe.writing)
    text = stdout.text(sys.stdout)
    pipe.close_reading()
    stdout.write(b"x")
    await broken(stdout)
    with pytest.raises(BrokenPipeError):
        text.write("held back")
    stdout.finish()
    text.close()


@in_a_loop
async def test_lines_that_come_together_reach_the_descriptor_in_few_writes(
    pipe: Pipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    pieces: list[bytes] = []

    def note(_: int, data: memoryview) -> int:
        pieces.append(bytes(data))
        return len(data)

    monkeypatch.setattr(os, "write", note)
    stdout = QueuedOutput(pipe.writing)
    text = stdout.text(sys.stdout)
    for _ in range(MOST_WAITING):
        text.write("line\n")
    stdout.finish()
    assert pieces == [b"line\n" * MOST_WAITING]


@in_a_loop
async def test_a_pipe_is_no_terminal(pipe: Pipe) -> None:
    stdout = QueuedOutput(pipe.writing)
    assert (stdout.writable(), stdout.isatty()) == (True, False)
    stdout.finish()
