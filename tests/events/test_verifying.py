import base64
import hashlib
import hmac

import pytest

from cstar_cli.events.wires import wire
from cstar_cli.events.wires.verifying import Given, Verified, timed, verified, verified_as_other
from cstar_cli.signing import sign, standard_signature

BODY = b'{"id":"evt_1"}'
SECRET = "whsec_QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVoxMjM0"
AT = 1_765_000_000
PLAIN = sign(BODY, SECRET)
LATER = wire("2026-03").sign(BODY, SECRET, AT)
STANDARD = standard_signature(SECRET, "dlv_1", AT, BODY)


def of(text: str, version: str | None = None, *with_it: str) -> Verified | None:
    return verified(BODY, Given(text, *with_it), SECRET, version)


def test_the_later_signature_is_the_hmac_of_its_time_a_point_and_the_body() -> None:
    digest = hmac.new(SECRET.encode(), f"{AT}.".encode() + BODY, hashlib.sha256).hexdigest()
    assert f"t={AT},v1={digest}" == LATER


@pytest.mark.parametrize(
    ("text", "form", "at_s"),
    [
        (PLAIN, "2025-12", None),
        (LATER, "2026-03", AT),
        (f"v1={LATER.partition('v1=')[2]},t={AT}", "2026-03", AT),
        (f"t={AT},v1={'0' * 64},v1={LATER.partition('v1=')[2]}", "2026-03", AT),
        (f"t={AT},v0=x,v1={LATER.partition('v1=')[2]}", "2026-03", AT),
    ],
)
def test_the_form_says_which_version_a_signature_is_of(text: str, form: str, at_s: int | None) -> None:
    assert of(text) == Verified(form, at_s)


def test_what_there_was_in_between_is_taken_for_the_later_version_alone() -> None:
    assert of(f"sha256={PLAIN}", "2026-03") == Verified("sha256=")
    assert of(f"sha256={PLAIN}") is None
    assert of(f"sha256={PLAIN}", "2025-12") is None


def test_standard_webhooks_are_taken_with_their_id_and_time_beside_each_version() -> None:
    for version in (None, "2025-12", "2026-03"):
        assert of(f"v1,{'A' * 43}= {STANDARD}", version, "dlv_1", str(AT)) == Verified("v1,", AT)
    assert of(STANDARD) is None
    assert of(STANDARD, None, "dlv_2", str(AT)) is None
    assert of(STANDARD, None, "dlv_1", "now") is None
    assert base64.b64decode(STANDARD[3:]).hex() != PLAIN


@pytest.mark.parametrize(
    ("text", "version"),
    [
        (LATER, "2025-12"),
        (PLAIN, "2026-03"),
        (LATER.replace("v1=", "v0="), None),
        (LATER.replace(f"t={AT}", f"t={AT + 1}"), None),
        (LATER.replace(f"t={AT}", f"t=0{AT}"), None),
        (LATER.upper(), None),
        (f"t={AT},{LATER}", None),
        (f"t={AT},v1={PLAIN}", None),
        (f"t={AT},v1=", None),
        ("t=1,v1=é\udcff", None),
        ("é\udcff", "2026-03"),
        ("", None),
        ("v1,", None),
    ],
)
def test_all_else_is_wrong(text: str, version: str | None) -> None:
    assert of(text, version) is None


@pytest.mark.parametrize("text", ["t=1", "v1=a", "t=,v1=a", "t=1,v1=a,x", "t=-1,v1=a", "t=1,t=1,v1=a", "t=" + "9" * 17])
def test_what_lacks_a_part_is_no_signature_with_a_time(text: str) -> None:
    assert timed(text) is None


@pytest.mark.parametrize(
    ("text", "version", "other"),
    [
        (PLAIN, "2026-03", Verified("2025-12")),
        (LATER, "2025-12", Verified("2026-03", AT)),
        (f"sha256={PLAIN}", None, Verified("sha256=")),
        (PLAIN.upper(), "2026-03", None),
        (sign(BODY, "whsec_another"), "2026-03", None),
        (LATER.replace("v1=", "v1=0"), "2025-12", None),
    ],
)
def test_what_is_wrong_in_one_version_may_be_right_in_the_other(
    text: str, version: str | None, other: Verified | None
) -> None:
    assert of(text, version) is None
    assert verified_as_other(BODY, Given(text), SECRET, version) == other
