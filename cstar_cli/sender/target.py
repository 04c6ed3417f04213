"""Where a post goes: a URL, or a Unix socket and a path there, checked and taken apart once."""

import ipaddress
import os
import re
import sys
from urllib.parse import SplitResult, quote, urlsplit

import msgspec
from msgspec.structs import force_setattr

from cstar_cli.errors import UsageError

LONGEST_SOCKET_PATH = 107 if sys.platform == "linux" else 103  # sun_path, without the NUL at its end

_DEFAULT_PORTS = {"http": 80, "https": 443}
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_HOST = re.compile(r"(?=.{1,253}\.?\Z)(?:[a-z0-9_-]{1,63}\.)*[a-z0-9_-]{1,63}\.?")

# RFC 3986 path characters, "%" so that what is encoded already stays as it is, and the brackets everyone sends raw.
_PATH_SAFE = "!$%&'()*+,/:;=@-._~[]"
_QUERY_SAFE = _PATH_SAFE + "?"


class Target(msgspec.Struct, frozen=True):
    """A URL that can be posted to, or a Unix socket where HTTP is spoken: then `socket_path` says which.

    `host` is lower-case ASCII (an IPv6 address without brackets); `path_and_query` starts with "/" and is what
    stands in the request line.

    The rest follows from these, made once since each event needs it: `authority` is the value of the Host header,
    without the port where it is the scheme's own; `url` is as it is posted to; `origin` is what a kept connection may
    be reused for.
    """

    scheme: str
    host: str
    port: int
    path_and_query: str
    socket_path: str | None = None
    authority: str = ""
    url: str = ""
    origin: tuple[str, str, int] = ("", "", 0)

    def __post_init__(self) -> None:
        if self.socket_path is not None:
            force_setattr(self, "authority", self.host)
            force_setattr(self, "url", f"unix:{self.socket_path}:{self.path_and_query}")
            force_setattr(self, "origin", ("unix", self.socket_path, 0))
            return
        host = f"[{self.host}]" if ":" in self.host else self.host
        authority = host if self.port == _DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"
        force_setattr(self, "authority", authority)
        force_setattr(self, "url", f"{self.scheme}://{authority}{self.path_and_query}")
        force_setattr(self, "origin", (self.scheme, self.host, self.port))

    @classmethod
    def on_socket(cls, socket_path: str, path_and_query: str) -> "Target":
        """Return the target of this path on a Unix socket; raise UsageError like `parse`."""
        size = len(os.fsencode(socket_path))
        if size > LONGEST_SOCKET_PATH:  # uvloop would cut it short
            raise UsageError(
                f"The socket's path takes {size} bytes, and a socket's may take {LONGEST_SOCKET_PATH}:"
                " have the server listen on a shorter one, in /tmp perhaps."
            )
        there = cls.parse(f"http://localhost{path_and_query}")
        return cls(there.scheme, there.host, 0, there.path_and_query, socket_path)

    @classmethod
    def parse(cls, url: str) -> "Target":
        """Take a URL apart; raise UsageError, saying what to change, when it can't be posted to."""
        if _CONTROL.search(url):
            raise UsageError("The URL holds a control character: remove it (a line break from copying, often).")
        try:
            parts = urlsplit(url.strip(" "))
        except ValueError as exc:
            raise UsageError(f"{_shown(url)} is not a URL: {exc}.") from exc
        if parts.scheme not in _DEFAULT_PORTS or not parts.netloc:
            raise UsageError(f"{_shown(url)} can't be posted to: write it as http://host/path or https://host/path.")
        if "@" in parts.netloc:
            raise UsageError(
                "The URL holds a user name or password: leave it out."
                " To a local URL, cstar listen --header can send it, as Authorization: Basic …"
            )
        if "#" in url:
            raise UsageError("The URL has a fragment (#…), which is never sent: leave it out.")
        return cls(parts.scheme, _host(parts), _port(parts), _path_and_query(parts))


def _shown(url: str) -> str:
    # What stands before an "@" may be a password, and messages end up in logs.
    return "The URL" if "@" in url else f'"{url[:200]}"'


def _host(parts: SplitResult) -> str:
    host = parts.hostname or ""
    if parts.netloc.startswith("["):
        return _ipv6(host)
    if not host.isascii():
        host = _idna(host)
    if not _HOST.fullmatch(host):
        raise UsageError(f'"{host}" is not a host name: use letters, digits, "-" and ".", or an IP address.')
    return host


def _ipv6(host: str) -> str:
    try:
        address = ipaddress.IPv6Address(host)
    except ValueError as exc:
        raise UsageError(f"[{host}] is not an IPv6 address: write it as http://[::1]:3000/.") from exc
    if address.scope_id is not None:
        raise UsageError(f"[{host}] names a network interface (%…): leave that out, or use a host name.")
    return address.compressed


def _idna(host: str) -> str:
    # Its tables are large and hardly any host needs them. The standard library's codec is the 2003 standard, which
    # sends "faß.de" to another domain than every browser does.
    import idna

    try:
        return idna.encode(host, uts46=True).decode("ascii")
    except idna.IDNAError as exc:
        raise UsageError(f'"{host}" is not a host name: {exc}.') from exc


def _port(parts: SplitResult) -> int:
    try:
        port = parts.port
    except ValueError:
        port = 0
    if port is None:
        return _DEFAULT_PORTS[parts.scheme]
    if port == 0:
        raise UsageError("The URL's port is not a number from 1 to 65535: correct it, or leave it out.")
    return port


def _path_and_query(parts: SplitResult) -> str:
    try:
        path = quote(parts.path, safe=_PATH_SAFE) or "/"
        return f"{path}?{quote(parts.query, safe=_QUERY_SAFE)}" if parts.query else path
    except UnicodeEncodeError as exc:
        raise UsageError("The URL's path holds half of a character (a lone surrogate): correct it.") from exc
