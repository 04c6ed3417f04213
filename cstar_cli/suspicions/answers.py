"""What a receiver says with 400, 401 or 403 → the likeliest cause.

Where its answer has a signature that it has computed, that is explained, and so proven; all else goes by its words.
"""

import re
from collections.abc import Callable, Mapping, Sequence

import msgspec

from cstar_cli.events.wires.verifying import Given, timed, wire_of
from cstar_cli.suspicions.explaining import Case, explain
from cstar_cli.suspicions.other_version import likely_another, speaks_of_another

MOST_EXPLAINED_BYTES = 16 * 1024  # more would hold up the other events
_MOST_SIGNATURES = 2
_README = "README.md#verifying-a-signature"
_PAGE = "docs/signatures.md"
_SIGNATURE = re.compile(
    rb"(?:\bt=\d{1,16},v1=[0-9a-fA-F]{64}|(?:\b(?:sha256=|hmac-sha256=))?(?<![0-9A-Za-z+/])[0-9a-fA-F]{64}"
    rb"|(?<![0-9A-Za-z+/])[0-9A-Za-z+/]{43}=)(?![0-9A-Za-z+/=])",
    re.I,
)


class Answer(msgspec.Struct, frozen=True):
    """What a receiver has answered."""

    status: int
    headers: Sequence[tuple[str, str]]
    body: bytes


class OtherSecrets(msgspec.Struct, frozen=True):
    """Secrets that a receiver may have, by the words for whose they are: the application's own, and all others."""

    application: Mapping[str, str]
    others: Mapping[str, str]


def no_others() -> OtherSecrets:
    """Return that no other secret is known."""
    return OtherSecrets({}, {})


class Sent(msgspec.Struct, frozen=True):
    """What was refused: the signature is the whole value of its header. `other_secrets` may read files."""

    body: bytes
    signature: str
    secret: str
    other_secrets: Callable[[], OtherSecrets] = no_others


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
        f"your receiver wants Standard Webhooks' headers: verify cStar's own, as cstar snippet does ({_README})",
    ),
    (
        "parsed",
        re.compile(
            rb"\[object object\]|unexpected token '?o'? in json|must be of type string or an instance of buffer", re.I
        ),
        f"the body was parsed before it was verified: take the raw body ({_README})",
    ),
)
_SIGNATURE_WORDS = re.compile(rb"signature|hmac|whsec", re.I)
_DIFFERS = Cause(
    "signature",
    f"secret or body differ: take the secret of cstar listen --print-secret, whole, and the raw body ({_README})",
)
_UNAUTHORIZED = 401
_FORBIDDEN = 403
_BY_STATUS = {
    _UNAUTHORIZED: Cause(
        "unauthorized", f"mostly the secret or a body that was parsed first, else a login before it ({_README})"
    ),
    _FORBIDDEN: Cause(
        "forbidden", f"mostly a CSRF check or a login before your handler: exempt the webhook's path ({_PAGE})"
    ),
    400: Cause("bad request", f"mostly a body that was parsed before it was verified, or another secret ({_README})"),
}


def likeliest_cause(answer: Answer, sent: Sent) -> Cause | None:
    """Return the likeliest cause of a refusal; None for any other answer."""
    if answer.status not in _BY_STATUS:
        return None
    if computed := _computed(answer.body, sent):
        return computed
    if line := speaks_of_another(answer.body, wire_of(sent.signature)):
        return Cause("another version", line)
    for name, words, line in _WORDS:
        if words.search(answer.body):
            return Cause(name, line)
    if any(name.lower() == "www-authenticate" for name, _ in answer.headers):
        return Cause("login", f"your receiver asks for a login: exempt the webhook's path, or give --header ({_GUARD})")
    speaks_of_it = _SIGNATURE_WORDS.search(answer.body) is not None
    other = _another_secret(sent) if speaks_of_it or answer.status == _UNAUTHORIZED else None
    is_about_it = speaks_of_it or answer.status != _FORBIDDEN
    if other is None and is_about_it and (line := likely_another(answer.body, wire_of(sent.signature))):
        return Cause("another version", line)
    return other or (_DIFFERS if speaks_of_it else _BY_STATUS[answer.status])


def _computed(answer: bytes, sent: Sent) -> Cause | None:
    """Explain a signature in the answer that isn't the one that was sent."""
    texts = [found.decode("ascii") for found in _SIGNATURE.findall(answer)]
    parts = timed(sent.signature)
    right = {sent.signature, *(value for _, value in parts.signatures)} if parts else {sent.signature}
    others = [text for text in dict.fromkeys(texts) if text not in right]
    if len(sent.body) <= MOST_EXPLAINED_BYTES:
        for text in others[:_MOST_SIGNATURES]:
            known = sent.other_secrets()
            given = Given(text, timestamp=parts.t if parts else None)
            secrets = {**known.application, **known.others}
            at_s = int(parts.t) if parts else 0
            case = Case(sent.body, given, sent.secret, secrets, at_s, wire_of(sent.signature))
            if findings := explain(case).findings:
                told = ". ".join(finding.what for finding in findings)
                return Cause(told, f"your receiver computes another signature. {told}. {findings[0].mend} ({_README})")
    if not others and len(texts) > 1:
        return Cause("compared", f"your receiver computes the right signature: look at how it compares ({_README})")
    return None


def _another_secret(sent: Sent) -> Cause | None:
    """Say that the application seems to have another secret, where that can be seen from here."""
    others = [whose for whose, secret in sent.other_secrets().application.items() if secret != sent.secret]
    if not others:
        return None
    return Cause(
        "another secret",
        f"{others[0]} is not the secret that signs here: cstar listen --env-file .env writes that one there; "
        f"then start your application again ({_README})",
    )
