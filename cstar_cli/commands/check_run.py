"""Makes the trials of `cstar check` with everything real around them, and tells what came of them."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NoReturn

import msgspec

from cstar_cli.clock import now_ms
from cstar_cli.commands.loop import on_stop_signals
from cstar_cli.commands.report_file import write_report
from cstar_cli.commands.saying import say_aside
from cstar_cli.conformance import running
from cstar_cli.conformance.judging import unreached
from cstar_cli.conformance.making import Maker
from cstar_cli.conformance.ordinary import AT_ONCE
from cstar_cli.conformance.trial import Headers, Request, Result, Status, Trial
from cstar_cli.errors import CstarError, ExpectationNotMet, Interrupted
from cstar_cli.recording.scrubbing import Scrubber
from cstar_cli.render.check import Shown
from cstar_cli.render.junit import About, junit
from cstar_cli.sender.client import Sender
from cstar_cli.sender.outcome import Outcome
from cstar_cli.sender.target import Target
from cstar_cli.sender.tls import Trust
from cstar_cli.suspicions.answers import OtherSecrets
from cstar_cli.tunnel.hints import Hints

PIECES = 8
TIMEOUTS = 12
"""How many times the timeout all trials may take together."""
LONG_S = 2.0
NOT_BEGUN = "not made: it was not begun yet"
STOPPED = "not made: it was interrupted"
_MOST_NAMED = 5
_MAY_BE_THE_SECRET = (400, 401)


class Job(msgspec.Struct, frozen=True):
    """What is put to the test, and how."""

    trials: Sequence[Trial]
    target: Target
    maker: Maker
    headers: Headers
    timeout_s: float
    trust: Trust
    whose: str
    """Whose secret signs, in words."""
    other_secrets: Callable[[], OtherSecrets]
    """Those that the receiver may have in its place."""


class Report:
    """Tells results as they come; a JUnit file is there from the beginning, so that it is sure to be writable."""

    def __init__(self, shown: Shown, junit: Path | None) -> None:
        self._shown = shown
        self._junit = junit
        self._results: list[Result] = []

    @property
    def results(self) -> Sequence[Result]:
        return self._results

    def add(self, result: Result, *, show: bool = True) -> None:
        self._results.append(result)
        if show:
            self._shown.result(result)

    def end(self, job: Job, began_ms: int, reason: str, *, show: bool = True) -> None:
        """Tell how all came out; those that weren't made are so for this reason."""
        for trial in job.trials[len(self._results) :]:
            self.add(Result(trial.name, Status.SKIPPED, trial.sends, reason), show=show)
        if show:
            self._shown.end(self._results)
        self._write(job, began_ms, self._results)

    def begin(self, job: Job, began_ms: int) -> None:
        """Write that nothing was made yet: what is in the way of a file is told before anything is sent."""
        self._write(job, began_ms, [Result(each.name, Status.SKIPPED, each.sends, NOT_BEGUN) for each in job.trials])

    def _write(self, job: Job, began_ms: int, results: Sequence[Result]) -> None:
        if self._junit is not None:
            url = Scrubber(()).url(job.target.url)  # a report is kept where many can read it
            about = About(url, job.maker.wire.name, began_ms)
            write_report("--junit", self._junit, junit(about, results))


async def run(job: Job, report: Report) -> None:
    """Make the trials, tell what came of them, and raise what the exit code is for."""
    began_ms = now_ms()
    report.begin(job, began_ms)
    say_aside(
        f"Sending events to {job.target.url}, in wire version {job.maker.wire.name}, signed with {job.whose}:"
        " what your receiver does with events, it does with these."
    )
    task = asyncio.current_task()
    assert task
    on_stop_signals(lambda _: task.cancel())
    sender = Sender(max_connections=AT_ONCE, trust=job.trust)
    try:
        await _make(job, report, sender, began_ms)
    except asyncio.CancelledError:
        report.end(job, began_ms, STOPPED)
        raise Interrupted from None
    finally:
        await sender.close()
    report.end(job, began_ms, running.OUT_OF_TIME)
    _judge(report.results)


async def _make(job: Job, report: Report, sender: Sender, began_ms: int) -> None:
    """Make the trials; raises CstarError where nobody is there to make them with."""
    names = [each.name for each in job.trials]
    results = running.run(
        job.trials,
        job.maker,
        _send(job, sender),
        limit_s=TIMEOUTS * job.timeout_s,
        clock=time.monotonic,
        other_secrets=job.other_secrets,
    )
    for name in [*names, None]:
        with _told_when_long(name, job.timeout_s):
            made = await anext(results, None)
        if made is None:
            return
        result, answers = made
        if not report.results and result.status is Status.FAILED:
            outcome = answers[0].outcome
            hint = await Hints(job.trust).after(job.target, outcome)
            if unreached(outcome):
                _end_unreached(
                    job, report, began_ms, result, hint or "Start your receiver, or give the URL where it is."
                )
            more = f" This is signed with {job.whose}: if your receiver has another, give that with --secret."
            change = hint or f"{result.change}{more if outcome.status in _MAY_BE_THE_SECRET else ''}"
            result = msgspec.structs.replace(result, change=change)
        report.add(result)


def _end_unreached(job: Job, report: Report, began_ms: int, result: Result, advice: str) -> NoReturn:
    report.add(msgspec.structs.replace(result, change=advice), show=False)
    report.end(job, began_ms, running.FIRST_FAILED, show=False)
    raise CstarError(f"Can't reach {job.target.url}: {result.saw}. {advice}")


def _send(job: Job, sender: Sender) -> running.Send:
    named = any(name.lower() == "user-agent" for name, _ in job.headers)
    agent = () if named else (("user-agent", job.maker.wire.user_agent or "cstar-cli"),)
    more = (*agent, *job.headers)

    async def send(request: Request) -> Outcome:
        headers = (*request.headers, *more)
        if not request.spread_s:
            return await sender.post(job.target, headers, request.body, job.timeout_s)
        pause_s = request.spread_s / PIECES
        return await sender.post_slowly(
            job.target, headers, request.body, job.timeout_s, pieces=PIECES, pause_s=pause_s
        )

    return send


@contextlib.contextmanager
def _told_when_long(name: str | None, timeout_s: float) -> Iterator[None]:
    """Say on a terminal what is waited for, where that takes long."""
    import sys

    if name is None or not sys.stderr.isatty():
        yield
        return
    words = f"… still waiting for answers to {name}, for {timeout_s:g} s at most"
    telling = asyncio.get_running_loop().call_later(LONG_S, say_aside, words)
    try:
        yield
    finally:
        telling.cancel()


def _judge(results: Sequence[Result]) -> None:
    failed = [each.name for each in results if each.status is Status.FAILED]
    if failed:
        more = f" and {len(failed) - _MOST_NAMED} more" if failed[_MOST_NAMED:] else ""
        named = ", ".join(failed[:_MOST_NAMED])
        count = f"{len(failed)} of {len(results)} trials failed" if len(results) > 1 else "The trial failed"
        raise ExpectationNotMet(f"{count}: {named}{more}. docs/check.md tells of each.")
    left = [each.name for each in results if each.status is Status.SKIPPED]
    if left:
        raise CstarError(
            f"The time for all trials was over before {len(left)} were made:"
            f" cstar check --only {left[0]} begins with those."
        )
