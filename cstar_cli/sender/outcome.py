"""What came of one post."""

from enum import StrEnum

import msgspec

from cstar_cli.sender.tls import TlsFault

_REDIRECTS = frozenset({301, 302, 303, 307, 308})


class Failure(StrEnum):
    """Why there is no whole answer."""

    DNS = "dns"
    ADDRESS = "address"
    REFUSED = "refused"
    UNREACHABLE = "unreachable"
    TLS = "tls"
    TIMEOUT = "timeout"
    RESET = "reset"
    PROTOCOL = "protocol"


class Outcome(msgspec.Struct, frozen=True, gc=False):
    """One attempt, from the first lookup to the last byte.

    `status` is None when no final status line and headers came. A `failure` beside a status means that the answer
    began and was never finished. `body` holds at most `answer.BODY_LIMIT` bytes. `connect_ms` (lookup, TCP and
    TLS) is None on a reused connection; `first_byte_ms` and `duration_ms` count from the start of the post. `tls` is
    what is wrong with TLS, or with its absence.
    """

    status: int | None
    headers: tuple[tuple[str, str], ...]
    body: bytes
    failure: Failure | None
    detail: str
    connect_ms: float | None
    first_byte_ms: float | None
    duration_ms: float
    tls: TlsFault | None = None

    @property
    def succeeded(self) -> bool:
        """Whether the receiver took the event: any 2xx, answered whole (cStar webhooks, 2025-12)."""
        return self.failure is None and self.status is not None and 200 <= self.status < 300

    @property
    def error(self) -> str | None:
        """Say what went wrong, in words for a person."""
        if self.failure is not None:
            return self.detail
        if self.status is not None and 200 <= self.status < 300:  # not a call for each event
            return None
        if self.status in _REDIRECTS:
            return f"answered {self.status} (redirects are not followed)"
        return f"answered {self.status}"
