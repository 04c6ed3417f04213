"""`cstar listen`: forwards events to a local URL."""

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

import typer

from cstar_cli import config
from cstar_cli.commands import listen_options as opts
from cstar_cli.commands.options import ApiBase, CaCert, EventGlobs, Insecure, NoColor
from cstar_cli.errors import UsageError
from cstar_cli.profiles import checked_secret

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from cstar_cli.activity import Activity, Summary
    from cstar_cli.commands.app import App
    from cstar_cli.commands.course import Course
    from cstar_cli.commands.listening import Options
    from cstar_cli.commands.process import Command
    from cstar_cli.commands.routing import Plan
    from cstar_cli.commands.together import Together
    from cstar_cli.render.queued import QueuedOutput
    from cstar_cli.tunnel.connection import CloudAddress
    from cstar_cli.tunnel.listener import Listener

DEFAULT_FORWARD_TO = "http://localhost:3000/webhook"


def listen(
    context: typer.Context,
    forward_to: opts.ForwardTo = DEFAULT_FORWARD_TO,
    events: EventGlobs = None,
    secret: opts.Secret = None,
    print_secret: opts.PrintSecret = False,
    secret_env: opts.SecretEnv = None,
    env_file: opts.EnvFile = None,
    header: opts.Header = None,
    timeout: opts.Timeout = 10.0,
    concurrency: opts.Concurrency = 32,
    retry: opts.Retry = False,
    retry_speed: opts.RetrySpeed = None,
    debug_wait: opts.DebugWait = False,
    on_down: opts.WhenDown = opts.OnDown.HOLD,
    once: opts.Once = False,
    max: opts.Max = None,
    for_time: opts.For = None,
    ready_file: opts.ReadyFile = None,
    since: opts.Since = None,
    latest: opts.Latest = False,
    name: opts.Name = None,
    only_mine: opts.OnlyMine = False,
    insecure: Insecure = False,
    cacert: CaCert = None,
    json: opts.Json = False,
    quiet: opts.Quiet = False,
    no_color: NoColor = False,
    api_base: ApiBase = config.DEFAULT_API_BASE,
) -> None:
    """Forward events to a local URL, each signed, until Ctrl-C.

    Without --forward-to, the routes of cstar.toml say what goes where, if it has any. A cloud is started within this
    process when none runs on this machine.

    With -- COMMAND your application runs beside it, and both end together: cstar listen -f 3000/webhook -- npm run dev
    """
    home = config.home(os.environ)
    profile = home.profile()
    signing_secret = checked_secret(profile.signing_secret if secret is None else secret, "--secret")
    if print_secret:
        typer.echo(signing_secret)
        return
    if since is not None and latest:
        raise UsageError("--since brings what came before and --latest skips it: give one of them.")
    from msgspec.structs import replace

    from cstar_cli.clock import now_ms
    from cstar_cli.commands.course import Course, limits_of
    from cstar_cli.commands.durations import moment_ms
    from cstar_cli.commands.pace import pace_of, retry_speed_of
    from cstar_cli.commands.ready_file import ReadyFile

    limits = limits_of(max, for_time, once=once)
    pace = replace(pace_of(context, timeout, concurrency, debug_wait=debug_wait), most=limits.most)
    from cstar_cli.commands.listening import Options, SessionOptions
    from cstar_cli.commands.loop import run_async
    from cstar_cli.commands.session_names import checked_name
    from cstar_cli.events.filters import EventFilter
    from cstar_cli.sender.tls import trust_of
    from cstar_cli.tunnel.addresses import parse_forward_to
    from cstar_cli.tunnel.connection import CloudAddress
    from cstar_cli.tunnel.headers import parse_headers

    options = Options(
        target=parse_forward_to(forward_to),
        filter=EventFilter.parse(events or []),
        secret=signing_secret,
        headers=parse_headers(header or []),
        pace=pace,
        retry_speed=retry_speed_of(retry_speed, retry=retry),
        holds=on_down is opts.OnDown.HOLD,
        session=SessionOptions(
            name=None if name is None else checked_name(name),
            origin=home.machine() if only_mine else None,
            latest=latest,
            since_ms=None if since is None else moment_ms(since, now_ms()),
        ),
        trust=trust_of(cacert, insecure=insecure),
    )
    wanted = _routed(context, options, home) or options
    base = config.api_base(api_base)
    credentials = config.credentials(base, os.environ, home)
    address = CloudAddress(base, credentials.team_id, credentials.token)
    command = None
    if context.args or secret_env or env_file is not None:
        command = _hand_over(signing_secret, secret_env or [], env_file, context.args)
    with ReadyFile(ready_file) as announced:
        course = Course(limits, announced)
        code = run_async(
            _listen_and_show(wanted, address, home, course, command, json=json, quiet=quiet, no_color=no_color)
        )
    raise typer.Exit(code)


def _routed(context: typer.Context, shared: "Options", home: config.Home) -> "Plan | None":
    """Return what the settings files' routes say; None where they have none, or this run says where to."""
    if _is_given(context, "forward_to") or config.ROUTES not in config.written(home):
        return None
    if _is_given(context, "events"):
        raise UsageError(
            "--events goes with --forward-to: each of the [[routes]] that hold here says which events it takes."
        )
    if shared.pace.most is not None:
        raise UsageError("--once and --max count what one URL gets: name it with --forward-to.")
    from cstar_cli.commands.routing import plan, routes_here

    return plan(routes_here(home), shared, os.environ)


def _is_given(context: typer.Context, name: str) -> bool:
    """Say whether this run gives an option, rather than a file."""
    source = context.get_parameter_source(name)
    return source is not None and source.name in ("COMMANDLINE", "ENVIRONMENT")


def _hand_over(secret: str, names: list[str], env_file: "Path | None", words: list[str]) -> "Command | None":
    """Put the secret where the application looks for it; return the application's command, if it is ours to start."""
    from cstar_cli.commands.saying import say_aside
    from cstar_cli.commands.secret_file import checked_names, put_secret

    checked = checked_names(names)
    command = None
    if words:
        from cstar_cli.commands.process import Command, runnable

        command = Command(runnable(words), {**os.environ, **dict.fromkeys(checked, secret)})
    if env_file is not None:
        say_aside(*put_secret(env_file, checked, secret))
    return command


async def _listen_and_show(
    options: "Options | Plan",
    address: "CloudAddress",
    home: config.Home,
    course: "Course",
    command: "Command | None",
    *,
    json: bool,
    quiet: bool,
    no_color: bool,
) -> int:
    import sys
    from functools import cache

    from cstar_cli.activity import Notice, Ready
    from cstar_cli.commands.ids import SESSION
    from cstar_cli.commands.remembered import forget, remember
    from cstar_cli.render.console import make_renderer, open_console
    from cstar_cli.render.queued import QueuedOutput

    stdout, stderr = QueuedOutput(sys.stdout.fileno()), QueuedOutput(sys.stderr.fileno())
    console = open_console(no_color=no_color, stdout=stdout.text(sys.stdout), stderr=stderr.text(sys.stderr))
    renderer = cache(lambda: make_renderer(json=json, quiet=quiet, no_color=no_color, console=console))

    sessions: list[tuple[str, str]] = []  # that others may name while they last

    def report(activity: "Activity") -> None:
        course.note(activity)  # first: whoever reads that it is ready finds the ready file
        renderer()(activity)
        if type(activity) is Ready:
            own = [(route.session_id, f"{route.name} {route.forward_to}") for route in activity.routes]
            sessions.extend(own or [(activity.session_id, activity.forward_to)])
            remember(home, address.api_base, SESSION, sessions)

    app = None
    if command is not None:
        from cstar_cli.commands.app import application

        app = application(command, options.targets(), stdout=sys.stderr.fileno() if json else None)
    for warning in options.warnings():
        report(Notice(warning))
    try:
        summary = await run(options, address, home, course, stdout, report, renderer, app)
        code = app.exit_code() if app is not None else None
        stdout.finish()  # before the last word, where both are one terminal
        report(summary)
    finally:
        stdout.finish()
        stderr.finish()
        for session_id, _ in sessions:
            forget(home, session_id)
    return course.exit_code(summary) if code is None else code


async def run(
    options: "Options | Plan",
    address: "CloudAddress",
    home: config.Home,
    course: "Course",
    stdout: "QueuedOutput",
    report: "Callable[[Activity], None]",
    prepare: "Callable[[], object]",
    app: "App | None" = None,
) -> "Summary":
    """Listen until a signal, or until as many events or as much time has passed as the course has.

    When nobody reads the output any more, that is raised as the OSError it is.

    `prepare` is called when there is time for what `report` needs the first time.
    """
    from cstar_cli.activity import Forwarded
    from cstar_cli.commands.embedded import CloudStarter
    from cstar_cli.commands.listening import Options, Output, real_listener
    from cstar_cli.commands.loop import on_stop_signals
    from cstar_cli.commands.resend_advice import ResendAdvice
    from cstar_cli.commands.timing import timing_of

    unread: list[OSError] = []
    ends_by_itself = isinstance(options, Options) and options.pace.most is not None  # and its session with it
    advice = None if ends_by_itself else ResendAdvice(address.api_base, home.profile_name)

    def give_up(error: OSError) -> None:
        if stop_first():
            unread.append(error)

    def report_or_stop(activity: "Activity") -> None:
        if advice is not None and isinstance(activity, Forwarded) and activity.outcome == "failed":
            activity = advice.on(activity)
        try:
            report(activity)
        except OSError as error:
            give_up(error)

    def stop_first() -> bool:
        if listener.stopping:  # a second stop would cut short what is in flight
            return False
        stdout.make_room()
        listener.stop()
        return True

    def interrupt(number: int) -> None:
        course.interrupted()
        stdout.make_room()
        listener.stop()
        if app is not None:
            app.signal(number)

    start_cloud = None
    if config.is_local(address.api_base) and address.token == home.token():  # with a key, the cloud is somebody else's
        timing = timing_of(os.environ, config.written(home))
        policy = timing.policy(private_addresses=True)
        start_cloud = CloudStarter(home, home.profile(), address.api_base, timing.retention_s, policy).start
    output = Output(app.reporting(report_or_stop) if app else report_or_stop, stdout.room, prepare)
    opening: AbstractAsyncContextManager[Listener | Together]
    if isinstance(options, Options):
        opening = real_listener(options, address, output, start_cloud)
    else:
        from cstar_cli.commands.together import real_listeners

        opening = real_listeners(options.routes, address, output, start_cloud)
    async with opening as listener:
        on_stop_signals(interrupt)
        course.begin(stop_first)
        stdout.when_broken(give_up)
        summary = await (app.listen_beside(listener) if app else listener.run())
    if unread:
        raise unread[0]
    return summary
