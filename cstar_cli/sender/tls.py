"""TLS: whose certificates are taken, and its errors in words. `ssl` is loaded only where TLS is spoken."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from cstar_cli.errors import UsageError

if TYPE_CHECKING:
    import ssl

_MOST_FILE_BYTES = 4 * 1024 * 1024  # all of a system's authorities take a quarter of a megabyte


class Trust(msgspec.Struct, frozen=True):
    """Whose certificates are taken: the system's authorities', and with `authorities`, PEM, also theirs.

    With `insecure` anyone's: that is for a listener and the developer's own server, never for a webhook.
    """

    authorities: str | None = None
    insecure: bool = False

    def context(self) -> "ssl.SSLContext":
        """Return a new context; reading the system's authorities takes some 20 ms."""
        import ssl

        context = ssl.create_default_context()
        context.set_alpn_protocols(["http/1.1"])
        if self.authorities is not None:
            context.load_verify_locations(cadata=self.authorities)
            # As any client does by itself before Python 3.13: certificates made by hand lack what the strict ask for.
            context.verify_flags &= ~ssl.VERIFY_X509_STRICT
            # A certificate that was given is trusted for itself, whoever has signed it.
            context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        if self.insecure:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context


SYSTEM: Final = Trust()


def trust_of(cacert: str | None, *, insecure: bool) -> Trust:
    """Return the trust in the system's authorities and a file's; raise UsageError where that has no certificate."""
    if cacert is None:
        return Trust(insecure=insecure)
    import ssl

    try:
        with Path(cacert).expanduser().open("rb") as file:
            content = file.read(_MOST_FILE_BYTES)
    except (OSError, RuntimeError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise UsageError(f"--cacert {cacert} can't be read: {why}.") from error
    if not content.strip():
        raise UsageError(f"--cacert {cacert} is empty: give a file with a certificate, in PEM form.")
    try:
        authorities = content.decode("latin-1").encode("ascii", "replace").decode()  # comments may be in any language
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=authorities)
    except (ssl.SSLError, ValueError) as error:
        raise UsageError(
            f"--cacert {cacert} has no certificate in PEM form (-----BEGIN CERTIFICATE-----):"
            " openssl x509 -inform der -in FILE makes one of the other form."
        ) from error
    return Trust(authorities, insecure)


class TlsFault(StrEnum):
    """What is wrong, where the next step differs."""

    SELF_SIGNED = "self-signed"
    UNKNOWN_AUTHORITY = "unknown authority"
    WRONG_NAME = "wrong name"
    EXPIRED = "expired"
    NOT_YET_VALID = "not yet valid"
    NOT_SPOKEN = "not spoken"
    WANTED = "wanted"
    OTHER = "other"


class TlsTrouble(msgspec.Struct, frozen=True):
    """What is wrong, and in words."""

    fault: TlsFault
    words: str


# X509_V_ERR_… of openssl/x509_vfy.h
_FAULTS = {
    9: TlsFault.NOT_YET_VALID,
    10: TlsFault.EXPIRED,
    18: TlsFault.SELF_SIGNED,
    19: TlsFault.UNKNOWN_AUTHORITY,
    20: TlsFault.UNKNOWN_AUTHORITY,
    21: TlsFault.UNKNOWN_AUTHORITY,
    62: TlsFault.WRONG_NAME,
    64: TlsFault.WRONG_NAME,
}


def tls_trouble(exc: BaseException) -> TlsTrouble | None:
    """Say what is wrong, when it is TLS that is wrong."""
    import ssl

    match exc:
        case ssl.SSLCertVerificationError():
            words = f"TLS: certificate verify failed: {exc.verify_message.rstrip('.')}"
            return TlsTrouble(_FAULTS.get(exc.verify_code, TlsFault.OTHER), words)
        case ssl.SSLError() if exc.reason in {"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE"}:
            words = "TLS: the receiver does not speak it on this port (is it http:// there?)"
            return TlsTrouble(TlsFault.NOT_SPOKEN, words)
        case ssl.SSLError():
            return TlsTrouble(TlsFault.OTHER, f"TLS: {(exc.reason or str(exc)).lower().replace('_', ' ')}")
        case ConnectionError():
            return TlsTrouble(TlsFault.OTHER, "TLS: connection closed during the handshake")
        case _:
            return None


def is_alert(data: bytes) -> bool:
    """Say whether a plain request was answered in TLS: with the record in which it says what is wrong."""
    return data[:2] == b"\x15\x03"
