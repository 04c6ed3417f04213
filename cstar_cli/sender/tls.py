"""TLS: the default context, and its errors in words. `ssl` is loaded only where TLS is spoken."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ssl


def default_context() -> "ssl.SSLContext":
    """Return a context that verifies against the system's authorities; reading those takes some 20 ms."""
    import ssl

    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context


def tls_trouble(exc: BaseException) -> str | None:
    """Say what is wrong in words, when it is TLS that is wrong."""
    import ssl

    match exc:
        case ssl.SSLCertVerificationError():
            return f"TLS: certificate verify failed: {exc.verify_message}"
        case ssl.SSLError() if exc.reason in {"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE"}:
            return "TLS: the receiver does not speak it on this port (is it http:// there?)"
        case ssl.SSLError():
            return f"TLS: {(exc.reason or str(exc)).lower().replace('_', ' ')}"
        case ConnectionError():
            return "TLS: connection closed during the handshake"
        case _:
            return None
