"""What to do next where TLS fails, or is missing."""

import asyncio
from typing import assert_never

from msgspec.structs import replace

from cstar_cli.sender.target import Target
from cstar_cli.sender.tls import TlsFault, Trust, tls_trouble

PROBE_S = 3.0


def tls_hint(target: Target, fault: TlsFault, trust: Trust) -> str | None:
    """Return what to do about the fault; `trust` is what was asked for already."""
    match fault:
        case TlsFault.SELF_SIGNED if trust.authorities is not None:
            return "The server has another certificate than the file of --cacert: give its own. --insecure takes any."
        case TlsFault.SELF_SIGNED:
            return "The server has signed its certificate itself: trust that with --cacert FILE. --insecure takes any."
        case TlsFault.UNKNOWN_AUTHORITY:
            return (
                "No known authority signed the certificate: give that authority's with --cacert FILE (of mkcert:"
                " rootCA.pem in the folder that mkcert -CAROOT prints). --insecure takes any."
            )
        case TlsFault.WRONG_NAME:
            return f"The certificate is for another name: forward to {_named(target)}. --insecure takes any."
        case TlsFault.EXPIRED:
            return "Give the server a new certificate, unless this machine's clock is wrong. --insecure takes any."
        case TlsFault.NOT_YET_VALID:
            return "Is this machine's clock right? --insecure takes any certificate."
        case TlsFault.NOT_SPOKEN:
            return f"The server speaks http there: forward to {replace(target, scheme='http').url} instead."
        case TlsFault.WANTED:
            return f"The server speaks TLS there: forward to {replace(target, scheme='https').url} instead."
        case TlsFault.OTHER:
            return None
        case _:
            assert_never(fault)


async def speaks_tls(target: Target) -> bool:
    """Say whether the server answers in TLS, with whatever certificate."""
    context = Trust(insecure=True).context()
    try:
        async with asyncio.timeout(PROBE_S):
            _, writer = await asyncio.open_connection(target.host, target.port, ssl=context)
    except TimeoutError:
        return False
    except OSError as error:
        trouble = tls_trouble(error)
        return trouble is not None and not isinstance(error, ConnectionError) and trouble.fault is TlsFault.OTHER
    writer.close()
    return True


def _named(target: Target) -> str:
    if target.host in ("127.0.0.1", "::1"):
        return f"{replace(target, host='localhost').url} perhaps"
    return "a name that it holds"
