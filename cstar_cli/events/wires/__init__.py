"""Wire versions: what a delivery is to its receiver (cStar webhooks, parts 1 and 2).

A version is a folder here: its event types (`types.txt`), realistic `data` of each (`fixtures/*.json`), and one small
module, whose `WIRE` is a `wire.Wire`. An event is made in one version, and
its bytes stay those; an endpoint (a webhook, or a listener's session) wants one version, which says how deliveries to
it are signed, which headers they have and when they are tried again. Where the two differ, `wire.translated` gives the
body.

Only the module of a version that is asked for is loaded.
"""

from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Final, Literal, cast, get_args

from cstar_cli.errors import UsageError, meant

# Not late: a module that is loaded takes the name of the function.
from cstar_cli.events.wires.wire import Headers, Wire, translated

WireName = Literal["2025-12", "2026-03"]
NAMES: tuple[str, ...] = get_args(WireName)
DEFAULT: Final = "2025-12"
LONGEST_RETRIES_S = {DEFAULT: 30 * 60.0, "2026-03": 24 * 60 * 60.0}
"""The longest wait before a retry of each version: said here too, for who asks has no other need of them."""


@cache
def wire(name: str) -> Wire:
    """Return the version of that name; raises UsageError for another name."""
    module = import_module(f"{__name__}.{folder(name).name}")
    return cast(Wire, module.WIRE)


def folder(name: str) -> Path:
    """Return where the version of that name is; raises UsageError for another name."""
    return Path(__file__).with_name(f"v{checked_name(name).replace('-', '_')}")


def checked_name(name: str) -> str:
    """Return the name of a wire version, or refuse it."""
    if name not in NAMES:
        raise UsageError(f"There is no wire version {name!r}: take {' or '.join(NAMES)}.{meant(name, NAMES)}")
    return name


def body_in(wanted: str, body: bytes, made_in: str) -> bytes:
    """Return an event's body as the wanted version has it: its own bytes where it was made in that."""
    return body if wanted == made_in else translated(body, wire(made_in), wire(wanted))


def sent_in(headers: Headers) -> str | None:
    """Return the version that headers were made in, which their signature tells; None where there is none."""
    signed = {wire(name).signature_header.lower(): name for name in NAMES}
    return next((signed[name.lower()] for name, _ in headers if name.lower() in signed), None)
