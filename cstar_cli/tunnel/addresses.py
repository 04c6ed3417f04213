"""What `--forward-to` may say: a port, a path, a host, or a whole URL."""

import ipaddress
import re

from cstar_cli.errors import UsageError
from cstar_cli.sender.target import Target

_PORT = re.compile(r":?([0-9]+)([/?].*)?", re.DOTALL)
_URL = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)
_MISTYPED_URL = re.compile(r"https?(:|//)|//", re.IGNORECASE)


def parse_forward_to(text: str) -> Target:
    """Read `3000`, `3000/path`, `/path`, `host`, `host:port/path` or a URL; raises UsageError."""
    given = text.strip()
    if not given:
        raise UsageError("--forward-to is empty: give a port, or a URL like http://localhost:3000/webhook.")
    if _URL.match(given):
        return Target.parse(given)
    if port := _PORT.fullmatch(given):
        return Target.parse(f"http://localhost:{port[1]}{port[2] or ''}")
    if _MISTYPED_URL.match(given):
        raise UsageError(f"{given!r} is not a URL: write it like http://localhost:3000/webhook.")
    if given.startswith("/"):
        return Target.parse(f"http://localhost{given}")
    if _is_ipv6(given):
        raise UsageError(f"{given} is an IPv6 address without its brackets: write it like [::1]:3000.")
    return Target.parse(f"http://{given}")


def _is_ipv6(text: str) -> bool:
    try:
        ipaddress.IPv6Address(text.partition("/")[0])
    except ValueError:
        return False
    return True
