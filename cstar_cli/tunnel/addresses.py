"""What `--forward-to` may say: a port, a path, a host, or a whole URL."""

import re

from cstar_cli.errors import UsageError
from cstar_cli.sender.target import Target

_PORT = re.compile(r":?(\d{1,5})(/.*)?", re.DOTALL)


def parse_forward_to(text: str) -> Target:
    """Read `3000`, `3000/path`, `/path`, `host`, `host:port/path` or a URL."""
    given = text.strip()
    if not given:
        raise UsageError("--forward-to is empty: give a port, or a URL like http://localhost:3000/webhook.")
    if "://" in given:
        return Target.parse(given)
    if port := _PORT.fullmatch(given):
        return Target.parse(f"http://localhost:{port[1]}{port[2] or ''}")
    if given.startswith("/"):
        return Target.parse(f"http://localhost{given}")
    return Target.parse(f"http://{given}")
