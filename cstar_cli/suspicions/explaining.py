"""All suspicions together: alone, then a key with a body."""

import hmac
from collections.abc import Iterator, Mapping

import msgspec

from cstar_cli.events.wires.verifying import WINDOW_S, Given
from cstar_cli.signing import standard_key
from cstar_cli.suspicions import bodies, forms, keys
from cstar_cli.suspicions.forms import Digest, Reading
from cstar_cli.suspicions.suspicion import Finding

MOST_BEGINNINGS = 256 * 1024  # each costs a microsecond or two
MOST_HASHED_BYTES = 1024 * 1024 * 1024  # a second or three, whatever the body's size


class Case(msgspec.Struct, frozen=True):
    """What doesn't verify; `others` are secrets by the words for whose they are.

    `wire` is the version that it must be of, None where its form says it; `sent` is the body that was sent, where the
    log has it and the other one is what a receiver has seen. `now_s` is the receiver's time.
    """

    body: bytes
    given: Given
    secret: str
    others: Mapping[str, str]
    now_s: int
    wire: str | None = None
    tolerance_s: float = WINDOW_S
    sent: bytes | None = None


class Explanation(msgspec.Struct, frozen=True):
    """What was proven, and where nothing was, what can be seen; `tried` says how many combinations were."""

    findings: tuple[Finding, ...]
    hints: tuple[str, ...]
    tried: int
    gave_up: bool


class _Trials:
    """Counts what is tried, and what that takes."""

    def __init__(self) -> None:
        self.count = 0
        self._left = MOST_HASHED_BYTES

    def digest(self, of: Digest, key: bytes, message: bytes) -> bytes:
        self.count += 1
        self._left -= len(message)
        return of(key, message)

    @property
    def are_enough(self) -> bool:
        return self._left <= 0


def explain(case: Case) -> Explanation:
    """Return what makes the signature one of the body after all."""
    trials = _Trials()
    readings = forms.readings(case.given, case.wire)
    found = _found(case, readings, trials)
    if found is None:
        found = _beginning(case, readings, trials)
    if found is not None:
        return Explanation(found, (), trials.count, False)
    differs = None if case.sent is None else bodies.difference(case.body, case.sent)
    hints = (forms.missing(case.given, case.wire), differs, None if differs else bodies.truncation(case.body))
    gave_up = trials.are_enough or len(case.body) > MOST_BEGINNINGS
    return Explanation((), tuple(hint for hint in hints if hint), trials.count, gave_up)


def _found(case: Case, readings: list[Reading], trials: _Trials) -> tuple[Finding, ...] | None:
    """Return the findings that give the signature, none for a signature that is right after all."""
    candidates = [*_keys(case)]
    for changed, body in _bodies(case.body):
        for key_changed, key in candidates:
            for reading in readings:
                if _matches(reading, key, body, trials):
                    return (*key_changed, *changed, *reading.findings, *_skew(reading, case))
            if trials.are_enough:
                return None
        if not changed and (other := _other_hash(readings, candidates, body, trials)):
            return other
    return None


def _matches(reading: Reading, key: bytes, body: bytes, trials: _Trials) -> bool:
    key = _key_of(key, standard=reading.standard)
    digest = trials.digest(forms.hmac_of(reading.algorithm), key, reading.before + body)
    return digest.startswith(reading.digest)


def _key_of(secret: bytes, *, standard: bool) -> bytes:
    return standard_key(secret.decode("utf-8", "surrogateescape")) if standard else secret


def _other_hash(
    readings: list[Reading], candidates: list[tuple[tuple[Finding, ...], bytes]], body: bytes, trials: _Trials
) -> tuple[Finding, ...] | None:
    for reading in (each for each in readings if each.algorithm == "sha256"):
        for of, finding in forms.HASHES:
            for key_changed, key in candidates:
                if trials.digest(of, key, reading.before + body).startswith(reading.digest):
                    return (finding, *key_changed[: key != b""], *reading.findings)
    return None


def _beginning(case: Case, readings: list[Reading], trials: _Trials) -> tuple[Finding, ...] | None:
    """Return the findings where the body's first bytes alone were signed, however many: with a whole digest."""
    plain = [each for each in readings if each.algorithm == "sha256" and len(each.digest) == forms.SHA256_BYTES]
    if not plain or len(case.body) > MOST_BEGINNINGS:
        return None
    for key_changed, key in [*_keys(case)][: 2 + len(case.others)]:  # the whole one, all others, that without whsec_
        for before in dict.fromkeys((each.before, each.standard) for each in plain):
            wanted = {each.digest: each for each in plain if (each.before, each.standard) == before}
            length = _length(case.body, _key_of(key, standard=before[1]), before[0], wanted)
            trials.count += len(case.body)
            if length is not None:
                reading = wanted[length[1]]
                told = f"only the first {length[0]} of these {len(case.body)} bytes were signed"
                cut = Finding(f"The body was cut short, or has more at its end: {told}", bodies.CUT)
                return (*key_changed, cut, *reading.findings, *_skew(reading, case))
    return None


def _length(body: bytes, key: bytes, before: bytes, wanted: Mapping[bytes, Reading]) -> tuple[int, bytes] | None:
    """Return how much of the body has one of these digests, and which."""
    begun = hmac.new(key, before, "sha256")
    for length, byte in enumerate(memoryview(body)):
        digest = begun.digest()
        if digest in wanted:
            return length, digest
        begun.update(bytes((byte,)))
    return None


def _keys(case: Case) -> Iterator[tuple[tuple[Finding, ...], bytes]]:
    own = case.secret.encode("utf-8", "surrogateescape")
    yield (), own
    others = {name: secret.encode("utf-8", "surrogateescape") for name, secret in case.others.items()}
    for name, other in others.items():
        if other != own:
            yield (Finding(f"It was made with {name}", "Use the same secret on both sides."),), other
    for suspicion in keys.SUSPICIONS:
        for key in suspicion.candidates(own):
            yield (Finding(suspicion.what, suspicion.mend),), key


def _bodies(body: bytes) -> Iterator[tuple[tuple[Finding, ...], bytes]]:
    yield (), body
    seen = {(len(body), hash(body))}  # not the bodies themselves: those would be a hundred MiB
    for suspicion in bodies.SUSPICIONS:
        for candidate in suspicion.candidates(body):
            mark = (len(candidate), hash(candidate))
            if mark not in seen:
                seen.add(mark)
                finding = Finding(suspicion.what, suspicion.mend)
                yield (finding,), candidate
                if suspicion.mend == bodies.RAW and not candidate.endswith(b"\n"):
                    yield (finding, Finding(bodies.ENDED, suspicion.mend)), candidate + b"\n"


def _skew(reading: Reading, case: Case) -> tuple[Finding, ...]:
    return () if reading.at_s is None else skew(reading.at_s, case.now_s, case.tolerance_s)


def skew(at_s: int, now_s: int, tolerance_s: float) -> tuple[Finding, ...]:
    """Return what is wrong with a signature's time, if anything."""
    apart_s = now_s - at_s
    if abs(apart_s) <= tolerance_s:
        return ()
    if abs(now_s - at_s // 1000) <= max(tolerance_s, WINDOW_S):
        return (Finding("Its time is in milliseconds", "Write it in seconds."),)
    where = f"{_span(apart_s)} ago" if apart_s > 0 else f"{_span(-apart_s)} ahead"
    return (
        Finding(
            f"Its time is {where}, and no more than {tolerance_s:g} s are taken",
            "Set both clocks (cstar doctor looks at this one), or have it sent again; --tolerance takes an older one.",
        ),
    )


def _span(seconds: int) -> str:
    """Return a span of time in the unit that tells it best."""
    if seconds < 7200:  # two hours
        return f"{seconds} s"
    return f"{seconds // 3600} hours" if seconds < 2 * 86_400 else f"{seconds // 86_400} days"
