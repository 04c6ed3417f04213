"""What a receiver says with 400, 401 or 403 → the likeliest cause.

Where its answer has a signature that it has computed, that is explained, and so proven; all else goes by its words.
"""

import re
from collections.abc import Sequence

import msgspec

from cstar_cli.signing import sign
from cstar_cli.suspicions.explaining import Case, explain
from cstar_cli.suspicions.forms import Given

MOST_EXPLAINED_BYTES = 16 * 1024  # more would hold up the other events
_MOST_SIGNATURES = 2
_README = "README.md#verifying-a-signature"
_PAGE = "docs/signatures.md"
_SIGNATURE = re.compile(rb"(?<![0-9A-Za-z+/])(?:[0-9a-fA-F]{64}|[0-9A-Za-z+/]{43}=)(?![0-9A-Za-z+/=])")


class Answer(msgspec.Struct, frozen=True):
    """What a receiver has answered."""

    status: int
    headers: Sequence[tuple[str, str]]
    body: bytes


class Cause(msgspec.Struct, frozen=True):
    """A cause by its name, and what to say of it: one line."""

    name: str
    line: str


_GUARD = "docs/troubleshooting.md"
_WORDS: tuple[tuple[str, re.Pattern[bytes], str], ...] = (
    (
        "csrf",
        re.compile(rb"csrf|authenticity.?token|page expired", re.I),
        f"your framework asks for a CSRF token: exempt the webhook's path from that ({_PAGE})",
    ),
    (
        "host",
        re.compile(rb"http_host|disallowedhost|allowed_hosts|blocked hosts?|blocked request|invalid host", re.I),
        f"your framework doesn't know this host: allow it there, like in ALLOWED_HOSTS or allowedHosts ({_GUARD})",
    ),
    (
        "standard",
        re.compile(rb"missing required headers|webhook-id|webhook-timestamp|svix-", re.I),
        f"your receiver wants other headers: cStar's signature is x-cstar-signature, over the body alone ({_README})",
    ),
    (
        "parsed",
        re.compile(
            rb"\[object object\]|unexpected token '?o'? in json|must be of type string or an instance of buffer", re.I
        ),
        f"the body was parsed before it was verified: take the raw body ({_README})",
    ),
    (
        "signature",
        re.compile(rb"signature|hmac|whsec", re.I),
        f"secret or body differ: take the secret of cstar listen --print-secret, whole, and the raw body ({_README})",
    ),
)
_BY_STATUS = {
    401: Cause(
        "unauthorized", f"mostly the secret or a body that was parsed first, else a login before it ({_README})"
    ),
    403: Cause("forbidden", f"mostly a CSRF check or a login before your handler: exempt the webhook's path ({_PAGE})"),
    400: Cause("bad request", f"mostly a body that was parsed before it was verified, or another secret ({_README})"),
}


def likeliest_cause(answer: Answer, sent: bytes, secret: str) -> Cause | None:
    """Return the likeliest cause of a refusal; None for any other answer."""
    if answer.status not in _BY_STATUS:
        return None
    computed = _computed(answer.body, sent, secret)
    if computed is not None:
        return computed
    for name, words, line in _WORDS:
        if words.search(answer.body):
            return Cause(name, line)
    if any(name.lower() == "www-authenticate" for name, _ in answer.headers):
        return Cause("login", f"your receiver asks for a login: exempt the webhook's path, or give --header ({_GUARD})")
    return _BY_STATUS[answer.status]


def _computed(answer: bytes, sent: bytes, secret: str) -> Cause | None:
    """Explain a signature in the answer that isn't the one that was sent."""
    if len(sent) > MOST_EXPLAINED_BYTES:
        return None
    right = sign(sent, secret).encode()
    others = [text for text in dict.fromkeys(_SIGNATURE.findall(answer)) if text != right]
    for text in others[:_MOST_SIGNATURES]:
        findings = explain(Case(sent, Given(text.decode("ascii")), secret, {}, 0)).findings
        if findings:
            told = "; ".join(finding.what for finding in findings)
            return Cause(told, f"your receiver computes another signature. {told}. {findings[0].mend} ({_README})")
    return None
