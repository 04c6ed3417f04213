"""One `listen` from its plan to its exit code: what happens is shown, and what is to end it does."""

import os
import sys
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from functools import cache
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from cstar_cli import config
from cstar_cli.activity import Activity, Forwarded, Notice, Overlap, Ready, Summary
from cstar_cli.commands.course import Course
from cstar_cli.commands.embedded import CloudStarter
from cstar_cli.commands.listening import Options, Output, real_listener
from cstar_cli.commands.loop import on_stop_signals
from cstar_cli.commands.resend_advice import ResendAdvice
from cstar_cli.commands.timing import timing_of
from cstar_cli.errors import CstarError
from cstar_cli.render.console import make_renderer, open_console
from cstar_cli.render.queued import QueuedOutput
from cstar_cli.tunnel.connection import CloudAddress

if TYPE_CHECKING:
    from cstar_cli.commands.app import App
    from cstar_cli.commands.process import Command
    from cstar_cli.commands.record import Record, Recording
    from cstar_cli.commands.routing import Plan
    from cstar_cli.commands.together import Together
    from cstar_cli.tunnel.listener import Listener

    Opening = AbstractAsyncContextManager[Listener | Together]


class Shown(msgspec.Struct, frozen=True):
    """How what happens is shown."""

    json: bool
    quiet: bool
    no_color: bool


class Job(msgspec.Struct, frozen=True):
    """What one `listen` is to do: what goes where, from which cloud, beside which command of the user's.

    With `record`, what is forwarded is kept in a file.
    """

    plan: "Options | Plan"
    address: CloudAddress
    home: config.Home
    command: "Command | None"
    shown: Shown
    record: "Record | None" = None


async def run(job: Job, course: Course) -> int:
    """Listen until a signal, or until as many events or as much time has passed as the course has.

    Return the exit code. When nobody reads the output any more, that is raised as the OSError it is.
    """
    shown = job.shown
    stdout, stderr = QueuedOutput(sys.stdout.fileno()), QueuedOutput(sys.stderr.fileno())
    console = open_console(no_color=shown.no_color, stdout=stdout.text(sys.stdout), stderr=stderr.text(sys.stderr))
    renderer = cache(
        lambda: make_renderer(json=shown.json, quiet=shown.quiet, no_color=shown.no_color, console=console)
    )
    sessions = _Sessions(job)

    def report(activity: Activity) -> None:
        if isinstance(activity, Forwarded):  # nearly all are, and there is nothing to note of them
            renderer()(activity)
            return
        course.note(activity)  # first: whoever reads that it is ready finds the ready file
        renderer()(activity)
        sessions.note(activity)

    recording = _recording(job)
    app = _application(job)
    for warning in job.plan.warnings():
        report(Notice(warning))
    running = _Running(job, course, stdout, report, app, recording)
    try:
        summary = await running.listen(renderer)
        code = app.exit_code() if app is not None else None
        stdout.finish()  # before the last word, where both are one terminal
        report(summary)
        fault = None if recording is None else recording.finish()
    finally:
        if recording is not None:
            recording.close()
        stdout.finish()
        stderr.finish()
        sessions.forget()
    if fault is not None:
        raise CstarError(fault)
    return course.exit_code(summary) if code is None else code


class _Running:
    """The listener with what can stop it: a signal, its course, its application's end, output that nobody reads."""

    _listener: "Listener | Together"

    def __init__(
        self,
        job: Job,
        course: Course,
        stdout: QueuedOutput,
        report: Callable[[Activity], None],
        app: "App | None",
        recording: "Recording | None",
    ) -> None:
        self._job = job
        self._course = course
        self._stdout = stdout
        self._report = report
        self._app = app
        self._recording = recording
        self._advice = _advice(job)
        self._unread: OSError | None = None
        self._has_met = False  # another listener, which may have been given what this one leaves

    async def listen(self, prepare: Callable[[], object]) -> Summary:
        """Listen to the end; `prepare` is called when there is time for what a report needs the first time."""
        app, report = self._app, self._report_or_stop
        output = Output(app.reporting(report) if app else report, self._stdout.room, prepare)
        if self._recording is not None:
            output = self._recording.beside(output)
        async with _opening(self._job, output) as self._listener:
            on_stop_signals(self._interrupt)
            self._course.begin(self._stop_first)
            self._stdout.when_broken(self._give_up)
            summary = await (app.listen_beside(self._listener) if app else self._listener.run())
        if self._unread is not None:
            raise self._unread
        return replace(summary, held_since_ms=None) if self._has_met else summary

    def _report_or_stop(self, activity: Activity) -> None:
        if not (isinstance(activity, Forwarded) and activity.outcome == "succeeded"):  # nearly all are just shown
            self._has_met = self._has_met or isinstance(activity, Overlap)
            if self._advice is not None:
                activity = self._advice.on(activity)
        try:
            self._report(activity)
        except OSError as error:
            self._give_up(error)

    def _give_up(self, error: OSError) -> None:
        if self._stop_first():
            self._unread = error

    def _stop_first(self) -> bool:
        if self._listener.stopping:  # a second stop would cut short what is in flight
            return False
        self._stop()
        return True

    def _interrupt(self, number: int) -> None:
        self._course.interrupted()
        self._stop()
        if self._app is not None:
            self._app.signal(number)

    def _stop(self) -> None:
        self._stdout.make_room()
        if self._recording is not None:
            self._recording.make_room()
        self._listener.stop()


class _Sessions:
    """The sessions of this run, which completion offers while they last."""

    def __init__(self, job: Job) -> None:
        self._home = job.home
        self._api_base = job.address.api_base
        self._open: list[tuple[str, str]] = []

    def note(self, activity: Activity) -> None:
        if isinstance(activity, Ready):
            from cstar_cli.commands.ids import SESSION  # late: it is ready, and has said so
            from cstar_cli.commands.remembered import remember

            routes = [(each.session_id, f"{each.name} {each.forward_to}") for each in activity.routes]
            self._open.extend(routes or [(activity.session_id, activity.forward_to)])
            remember(self._home, self._api_base, SESSION, self._open)

    def forget(self) -> None:
        from cstar_cli.commands.remembered import forget

        for session_id, _ in self._open:
            forget(self._home, session_id)


def _advice(job: Job) -> ResendAdvice | None:
    plan = job.plan
    if isinstance(plan, Options) and plan.pace.most is not None:  # it ends by itself, and its session with it
        return None
    names: Mapping[str | None, str | None]
    names = {None: plan.session.name} if isinstance(plan, Options) else plan.session_names()
    return ResendAdvice(job.address.api_base, job.home.profile_name, names)


def _application(job: Job) -> "App | None":
    if job.command is None:
        return None
    from cstar_cli.commands.app import application

    return application(job.command, job.plan.targets(), stdout=sys.stderr.fileno() if job.shown.json else None)


def _recording(job: Job) -> "Recording | None":
    if job.record is None:
        return None
    from cstar_cli.commands.record import Recording

    return Recording(job.record, job.plan, job.address.token)


def _opening(job: Job, output: Output) -> "Opening":
    """Return what opens the listener, or those of several routes."""
    start_cloud = _starting(job)
    if isinstance(job.plan, Options):
        return real_listener(job.plan, job.address, output, start_cloud)
    from cstar_cli.commands.together import real_listeners

    return real_listeners(job.plan.routes, job.address, output, start_cloud)


def _starting(job: Job) -> Callable[[bool], AbstractAsyncContextManager[object]] | None:
    """Return what starts a cloud where none runs, if it may be ours; with a key, it is somebody else's."""
    home, base = job.home, job.address.api_base
    if not config.is_local(base) or job.address.token != home.token():
        return None
    timing = timing_of(os.environ, config.written(home))
    return CloudStarter(home, home.profile(), base, timing.retention_s, timing.policy(private_addresses=True)).start
