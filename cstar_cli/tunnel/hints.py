"""What to do next when the local URL can't be posted to, where we can find out."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

from cstar_cli.sender.outcome import Failure, Outcome
from cstar_cli.sender.target import Target
from cstar_cli.sender.tls import SYSTEM, TlsFault, Trust
from cstar_cli.tunnel import containers, loopback
from cstar_cli.tunnel.tls_hints import speaks_tls, tls_hint

# What servers answer to plain http where they speak TLS: Go and nginx, Apache.
_TLS_WANTED: Final = (b"https server", b"https port", b"ssl-enabled server port")


class Hints:
    """Finds hints for one listener; `trust` is what it was told of certificates."""

    def __init__(self, trust: Trust = SYSTEM, in_container: Callable[[], bool] = containers.in_container) -> None:
        self._trust = trust
        self._in_container = in_container
        self._in_tls: dict[Target, bool] = {}

    async def after(self, target: Target, outcome: Outcome) -> str | None:
        """Return a sentence or two, or None where we know nothing that helps."""
        if outcome.tls is not None:
            return tls_hint(target, outcome.tls, self._trust)
        match outcome.failure:
            case Failure.REFUSED:
                return await self.when_refused(target, waits=False)
            case Failure.DNS:
                return containers.hint_when_unknown(target, contained=self._in_container())
            case Failure.RESET if outcome.status is None and await self._wants_tls(target):
                return tls_hint(target, TlsFault.WANTED, self._trust)
            case None if _asks_for_tls(outcome) and target.scheme == "http":
                return tls_hint(target, TlsFault.WANTED, self._trust)
            case _:
                return None

    async def when_refused(self, target: Target, *, waits: bool) -> str | None:
        """Return what may help where nothing listens; with `waits`, that events wait for it is said already."""
        if target.socket_path is not None:
            return _socket_hint(Path(target.socket_path))
        contained = self._in_container()
        if target.host in containers.HOSTS:
            return containers.hint_when_refused(target, contained=contained)
        hint = await (loopback.where_else if waits else loopback.hint_when_refused)(target)
        return containers.add_where_localhost_is(hint) if contained and loopback.is_here(target) else hint

    async def _wants_tls(self, target: Target) -> bool:
        if target.scheme != "http" or target.socket_path is not None:
            return False
        if target not in self._in_tls:  # once: a server that fails each time needn't be asked each time
            self._in_tls[target] = await speaks_tls(target)
        return self._in_tls[target]


def _asks_for_tls(outcome: Outcome) -> bool:
    body = outcome.body.lower()
    return any(words in body for words in _TLS_WANTED)


def _socket_hint(path: Path) -> str:
    if not path.exists():
        return f"Is the server running, and does it listen on {path}?"
    return "The file is there, and no server listens on it: is it left over from one that has ended?"
