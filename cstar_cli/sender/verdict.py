"""What an exchange that has ended, or never began, is to the event's sender."""

from typing import Final, assert_never

from cstar_cli.sender.answer import NOT_HTTP
from cstar_cli.sender.connect import Unconnected
from cstar_cli.sender.connection import Connection, Ending
from cstar_cli.sender.outcome import Failure, Outcome
from cstar_cli.sender.tls import TlsFault, tls_trouble

Verdict = tuple[Failure | None, str, TlsFault | None]

WELL: Final[Verdict] = (None, "", None)


def unanswered(why: Unconnected, duration_ms: float) -> Outcome:
    return Outcome(None, (), b"", why.failure, why.detail, None, None, duration_ms, why.tls)


def why(connection: Connection, ending: Ending, timeout_s: float | None) -> Verdict:
    """Say how the exchange failed, if it did: by the receiver's doing, whatever the status it began with."""
    status = connection.reader.status
    match ending:
        case Ending.COMPLETE:
            return WELL
        case Ending.EXPIRED if status is None:
            return Failure.TIMEOUT, f"no answer within {timeout_s:g} s", None
        case Ending.EXPIRED:
            return Failure.TIMEOUT, f"answered {status}, but did not finish within {timeout_s:g} s", None
        case Ending.BAD if connection.answered_in_tls:
            return Failure.PROTOCOL, "answered in TLS, not in HTTP (is it https:// there?)", TlsFault.WANTED
        case Ending.BAD:
            return Failure.PROTOCOL, connection.bad or NOT_HTTP, None
        case Ending.CLOSED:
            return _closed(connection, status)
        case _:
            assert_never(ending)


def _closed(connection: Connection, status: int | None) -> Verdict:
    cause = connection.lost_by
    if cause is not None and not isinstance(cause, ConnectionError) and (trouble := tls_trouble(cause)):
        return Failure.TLS, trouble.words, trouble.fault
    if status is not None:
        return Failure.RESET, f"answered {status}, but the connection closed before the end of the body", None
    if connection.reader.started:
        return Failure.RESET, "connection closed in the middle of the answer's headers", None
    return Failure.RESET, "connection closed before an answer", None
