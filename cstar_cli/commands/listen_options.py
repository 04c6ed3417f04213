"""The options of `cstar listen`, in the order of its help."""

from pathlib import Path
from typing import Annotated

import typer

from cstar_cli.commands.pace import OnDown

ForwardTo = Annotated[
    str,
    typer.Option(
        "--forward-to",
        "-f",
        metavar="URL",
        help="Where to: a URL, a port, host:port, a /path (of port 80), unix:/app.sock:/path.",
    ),
]
Secret = Annotated[
    str | None,
    typer.Option(envvar="CSTAR_SECRET", metavar="WHSEC", help="Sign with this secret, not with the profile's."),
]
PrintSecret = Annotated[bool, typer.Option("--print-secret", help="Print the signing secret and exit.")]
SecretEnv = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME", help="The variable for the secret. [default: CSTAR_WEBHOOK_SECRET]"),
]
EnvFile = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Write the secret to this file, like .env; nothing else in it changes."),
]
Header = Annotated[
    list[str] | None,
    typer.Option("--header", "-H", metavar="'NAME: VALUE'", help="Add a header to each request."),
]
Timeout = Annotated[float, typer.Option(min=0.001, metavar="SECONDS", help="How long one exchange may take.")]
Concurrency = Annotated[int, typer.Option(min=1, max=512, metavar="N", help="How many at once.")]
Retry = Annotated[
    bool,
    typer.Option(
        "--retry", help="Try failed deliveries again, as for webhooks of this --wire: after 1, 5, 30 min in 2025-12."
    ),
]
RetrySpeed = Annotated[
    float | None,
    typer.Option(min=1, max=3600, metavar="N", help="The same, N times faster: with 60 after 1, 5, 30 s in 2025-12."),
]
DebugWait = Annotated[
    bool, typer.Option("--debug-wait", help="For breakpoints: no timeout, one event at a time; the others wait.")
]
WhenDown = Annotated[
    OnDown, typer.Option("--on-down", help="Let events wait while nothing listens there, or let them fail.")
]
Once = Annotated[bool, typer.Option("--once", help="End after one event: --max 1.")]
Max = Annotated[
    int | None, typer.Option(min=1, metavar="N", help="End after N events: exit 0 if all succeeded, 1 if one failed.")
]
For = Annotated[
    str | None,
    typer.Option(
        "--for",
        metavar="TIME",
        help="End after this time, 30s or 5m: exit 0, or 5 if --max was not reached.",
    ),
]
ReadyFile = Annotated[
    Path | None, typer.Option(metavar="PATH", help="Have this file from when it is ready until it ends, for scripts.")
]
Chaos = Annotated[
    str | None,
    typer.Option(metavar="WHAT", help="Put your handler to the test: duplicate=10%,shuffle=5,delay=0..2s,drop=1%."),
]
Seed = Annotated[
    int | None, typer.Option(min=0, max=1_000_000_000, metavar="N", help="Have the chaos of an earlier run again.")
]
Latest = Annotated[bool, typer.Option("--latest", help="After a gap, skip what came meanwhile.")]
Name = Annotated[
    str | None, typer.Option(metavar="NAME", help="What to call this session, in lists, logs and by other commands.")
]
OnlyMine = Annotated[bool, typer.Option("--only-mine", help="Take only what this machine triggers.")]
Since = Annotated[
    str | None,
    typer.Option(metavar="1h|TIME", help="Bring what came since then, while nobody listened."),
]
Record = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Keep what is forwarded, and the answers, for cstar replay; no secrets."),
]
Redact = Annotated[
    list[str] | None,
    typer.Option(metavar="PATH", help="Leave this out of --record: data.customer.email, response.token."),
]
Force = Annotated[bool, typer.Option("--force", help="Replace the file of --record, if it is there.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object a line.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print failures only.")]
