"""One `replay` from its file to its exit code."""

from collections.abc import Iterator
from contextlib import closing, contextmanager

import msgspec

from cstar_cli.activity import Notice
from cstar_cli.clock import elapsed_clock
from cstar_cli.commands.listening import UNVERIFIED, place_of
from cstar_cli.commands.loop import on_stop_signals
from cstar_cli.commands.recorded import Contents, RecordedFile
from cstar_cli.commands.replay_account import Account, Shown, deliveries, forwarded_then
from cstar_cli.commands.replay_sending import Comparing, Sending
from cstar_cli.commands.replaying import Around, Pace, Replay
from cstar_cli.errors import CstarError, Interrupted, UsageError
from cstar_cli.events.filters import EventFilter
from cstar_cli.recording.comparing import Rules, Unfound
from cstar_cli.recording.redacting import Redactor
from cstar_cli.recording.resending import How
from cstar_cli.recording.scrubbing import secret_values
from cstar_cli.render.console import lines_renderer, open_console
from cstar_cli.render.jsonlines import json_line
from cstar_cli.render.lines import lines_of
from cstar_cli.render.times import wait_text
from cstar_cli.sender.client import Sender
from cstar_cli.sender.target import Target
from cstar_cli.sender.tls import Trust
from cstar_cli.tunnel.hints import Hints

_LONG_MS = 60_000


class Wanted(msgspec.Struct, frozen=True):
    """Which recording, and what of it."""

    file: str
    events: tuple[str, ...] = ()
    route: str | None = None

    @contextmanager
    def opened(self) -> Iterator[tuple[RecordedFile, Contents]]:
        """Yield the file, and what of it is wanted. Raises CstarError where that is nothing."""
        taken = EventFilter.parse(self.events)
        with closing(RecordedFile(self.file)) as file:
            found = file.contents(lambda one: taken.matches(one.event_type) and self.route in (None, one.route))
            self._check(found)
            yield file, found

    def _check(self, found: Contents) -> None:
        if not found.due and not found.bodiless:
            if self.events or self.route:
                raise CstarError(
                    f"The recording has no such delivery: cstar replay {self.file} --list shows all it has."
                )
            raise CstarError("The recording has no delivery.")


class Job(msgspec.Struct, frozen=True):
    """What is to be replayed, where to, how, and with `rules`, compared by which."""

    wanted: Wanted
    target: Target
    how: How
    pace: Pace
    timeout_s: float | None
    trust: Trust
    rules: Rules | None
    shown: Shown


def show_list(wanted: Wanted, shown: Shown) -> None:
    """Show the deliveries of a recording as they were shown then."""
    console = open_console(no_color=shown.no_color)
    with wanted.opened() as (file, found):
        for due in found.due:
            then = forwarded_then(file.delivery(due), due.at_ms)
            if shown.json:
                console.out.raw_line(json_line(then) or b"")
            else:
                for line in lines_of(then, console.out.look):
                    console.out.line(line)
    over = f", over {wait_text(found.lasts_ms)}" if found.lasts_ms else ""
    console.err.line(f"{deliveries(len(found.due))}{over}.")
    for notice in _state_of(found):
        lines_renderer(console)(Notice(notice))


async def run(job: Job) -> None:
    """Replay, and show what comes of it. Raises the CstarError that says what it should have come to."""
    with job.wanted.opened() as (file, found):
        await _replay(job, file, found)


async def _replay(job: Job, file: RecordedFile, found: Contents) -> None:
    account = Account(job.shown, len(found.due), job.target.url, compares=job.rules is not None)
    for notice in _before(job, found):
        account.tell(notice)
    sender = Sender(max_connections=job.pace.concurrency, trust=job.trust)
    compared_by = comparing(job, found)
    sending = Sending(job.target, job.how, sender, job.timeout_s, compared_by, Hints(job.trust))
    replay = Replay(Around(file.delivery, sending.send, account.take, elapsed_clock()), job.pace)
    interrupted: list[int] = []

    def interrupt(number: int) -> None:
        interrupted.append(number)
        replay.stop()

    on_stop_signals(interrupt)
    try:
        await replay.run(found.due)
    finally:
        await sender.close()
    account.sum_up()
    if interrupted:
        raise Interrupted
    if replay.unreachable is not None:
        raise CstarError(
            f"Nothing answers on {place_of(job.target)} ({replay.unreachable.detail}):"
            f" {account.answered} of {len(found.due)} were sent. Start the application, and replay again."
        )
    for path in compared_by.unfound.paths if compared_by else ():
        account.tell(f"--ignore {path} was found in no answer: is the path right?")
    account.judge()


def comparing(job: Job, found: Contents) -> Comparing | None:
    """Return what compares, if anything is to: what was removed from the recording is removed from answers now."""
    if job.rules is None:
        return None
    try:
        redactor = Redactor(found.redacted, [job.how.secret, *secret_values(job.how.own)])
    except UsageError as error:
        raise CstarError(f"The recording's first line is damaged: {error}") from error
    return Comparing(redactor, job.rules, Unfound(job.rules.ignored))


def _before(job: Job, found: Contents) -> Iterator[str]:
    """Yield what the user should know before."""
    if job.trust.insecure and job.target.scheme == "https":
        yield UNVERIFIED
    yield from _state_of(found)
    if len(found.routes) > 1:
        yield f"It has deliveries along {len(found.routes)} routes: --route NAME sends those of one."
    own = {name.lower() for name, _ in job.how.own}
    for name in found.removed_headers:
        if name.lower() not in own:
            yield f"The header {name} was removed from the recording: give it with --header '{name}: …'."
    if job.pace.speed is not None and found.lasts_ms / job.pace.speed > _LONG_MS:
        lasts = wait_text(round(found.lasts_ms / job.pace.speed))
        yield f"This takes {lasts}: --speed 10 or --as-fast-as-possible are quicker."


def _state_of(found: Contents) -> Iterator[str]:
    """Yield what isn't as it should be with the recording."""
    if found.torn:
        yield "The recording's last line was never finished, and is passed over."
    elif not found.ended:
        yield "The recording was cut off: what came after its last line is not in it."
    if found.missing:
        yield f"The recording lacks {deliveries(found.missing)} that its last line counts. Was it changed by hand?"
    if found.bodiless:
        one = found.bodiless == 1
        yield f"{found.bodiless} {'delivery has' if one else 'deliveries have'} no body in the recording: not sent."
