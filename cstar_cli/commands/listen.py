"""`cstar listen`: forwards events to a local URL.

What declares its options is a stand-in where `quick` runs it: only annotations need that.
"""

from __future__ import annotations

import os
import sys

import typer

from cstar_cli import config
from cstar_cli.commands import listen_options as opts
from cstar_cli.commands import options as common
from cstar_cli.commands.pace import OnDown
from cstar_cli.events.wires import DEFAULT
from cstar_cli.profiles import checked_secret

DEFAULT_FORWARD_TO = "http://localhost:3000/webhook"


def listen(
    context: typer.Context,
    forward_to: opts.ForwardTo = DEFAULT_FORWARD_TO,
    events: common.EventGlobs = None,
    wire: common.Wire = DEFAULT,
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
    on_down: opts.WhenDown = OnDown.HOLD,
    chaos: opts.Chaos = None,
    seed: opts.Seed = None,
    once: opts.Once = False,
    max: opts.Max = None,
    for_time: opts.For = None,
    ready_file: opts.ReadyFile = None,
    since: opts.Since = None,
    latest: opts.Latest = False,
    name: opts.Name = None,
    only_mine: opts.OnlyMine = False,
    record: opts.Record = None,
    redact: opts.Redact = None,
    force: opts.Force = False,
    insecure: common.Insecure = False,
    cacert: common.CaCert = None,
    json: opts.Json = False,
    quiet: opts.Quiet = False,
    no_color: common.NoColor = False,
    api_base: common.ApiBase = config.DEFAULT_API_BASE,
) -> None:
    """Forward events to a local URL, each signed, until Ctrl-C.

    Without --forward-to, the routes of cstar.toml say what goes where, if it has any. A cloud is started within this
    process when none runs on this machine.

    With -- COMMAND your application runs beside it, and both end together: cstar listen -f 3000/webhook -- npm run dev
    """
    home = config.home(os.environ)
    signing_secret = checked_secret(home.profile().signing_secret if secret is None else secret, "--secret")
    if print_secret:
        from cstar_cli.commands.saying import print_text

        print_text(signing_secret)
        return
    from cstar_cli.commands.course import Course, limits_of
    from cstar_cli.commands.listen_plan import address_of, hand_over, plan_of, record_of, session_of
    from cstar_cli.commands.listen_run import Job, Shown, run
    from cstar_cli.commands.listening import Options
    from cstar_cli.commands.loop import run_async
    from cstar_cli.commands.pace import pace_of, retry_speed_of, with_chaos
    from cstar_cli.commands.ready_file import ReadyFile
    from cstar_cli.events.filters import EventFilter
    from cstar_cli.sender.tls import trust_of
    from cstar_cli.tunnel.addresses import parse_forward_to
    from cstar_cli.tunnel.headers import parse_headers

    limits = limits_of(max, for_time, once=once)
    pace = pace_of(context, timeout, concurrency, limits.most, debug_wait=debug_wait)
    shared = Options(
        pace=with_chaos(pace, context, chaos, seed),
        target=parse_forward_to(forward_to),
        filter=EventFilter.parse(events or []),
        secret=signing_secret,
        headers=parse_headers(header or [], wire),
        retry_speed=retry_speed_of(retry_speed, retry=retry),
        holds=on_down is OnDown.HOLD,
        session=session_of(home, name, since, latest=latest, only_mine=only_mine),
        trust=trust_of(cacert, insecure=insecure),
        wire=wire,
    )
    job = Job(
        plan=plan_of(context, shared, home),
        address=address_of(api_base, home),
        home=home,
        command=hand_over(context, signing_secret, secret_env or [], env_file),
        shown=Shown(json=json, quiet=quiet, no_color=no_color),
        record=record_of(record, redact or [], force=force),
    )
    with ReadyFile(ready_file) as announced:
        code = run_async(run(job, Course(limits, announced)))
    sys.exit(code)
