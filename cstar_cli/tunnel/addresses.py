"""What `--forward-to` may say: a port, a path, a host, a whole URL, or a Unix socket."""

import ipaddress
import re
import socket
from pathlib import Path

from cstar_cli.errors import UsageError
from cstar_cli.sender.target import Target

# Compiled where they are needed: most addresses are URLs.
_PORT = r"(?s):?([0-9]+)([/?].*)?"
_URL = r"(?i)[a-z][a-z0-9+.-]*://"
_SOCKET = r"(?s)unix:(?://(?=/))?(.*?)(?::(/.*)?)?"
_MISTYPED_URL = r"(?i)https?(:|//)|//"


def parse_forward_to(text: str) -> Target:
    """Read `3000`, `3000/path`, `/path`, `host`, `host:port/path`, a URL, `unix:/file:/path`; raises UsageError."""
    given = text.strip()
    if not given:
        raise UsageError("--forward-to is empty: give a port, or a URL like http://localhost:3000/webhook.")
    if given.startswith("unix:") and (on_socket := re.fullmatch(_SOCKET, given)):
        return _socket_target(on_socket[1], on_socket[2] or "/")
    if re.match(_URL, given):
        return Target.parse(given)
    if port := re.fullmatch(_PORT, given):
        return Target.parse(f"http://localhost:{port[1]}{port[2] or ''}")
    if re.match(_MISTYPED_URL, given):
        raise UsageError(f"{given!r} is not a URL: write it like http://localhost:3000/webhook.")
    if given.startswith("/"):
        return Target.parse(f"http://localhost{given}")
    if _is_ipv6(given):
        raise UsageError(f"{given} is an IPv6 address without its brackets: write it like [::1]:3000.")
    return Target.parse(f"http://{given}")


def _socket_target(path: str, path_and_query: str) -> Target:
    if not path:
        raise UsageError("--forward-to names no socket: write it like unix:/run/app.sock:/webhook.")
    if not hasattr(socket, "AF_UNIX"):
        raise UsageError("Unix sockets can't be used on this system (Windows): give a port, like 3000/webhook.")
    if not path.isprintable():
        raise UsageError("The socket's path holds a control character: remove it.")
    try:
        file = Path(path).expanduser().absolute()
    except RuntimeError as error:
        raise UsageError(f"There is no home folder for {path}: write the socket's whole path.") from error
    return Target.on_socket(str(file), path_and_query)


def _is_ipv6(text: str) -> bool:
    try:
        ipaddress.IPv6Address(text.partition("/")[0])
    except ValueError:
        return False
    return True
