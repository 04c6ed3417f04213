import json

import pytest

from cstar_cli.signing import sign
from cstar_cli.suspicions.answers import Answer, OtherSecrets, Sent, likeliest_cause

SECRET = "whsec_of_the_answers"
SENT = '{"id":"evt_1","data":{"title":"Zoë"}}'.encode()


def line(status: int, body: bytes = b"", *headers: tuple[str, str], sent: bytes = SENT) -> str:
    cause = likeliest_cause(Answer(status, headers, body), Sent(sent, sign(sent, SECRET), SECRET))
    return "" if cause is None else cause.line


RIGHT = sign(SENT, SECRET)


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (403, b"<h1>Forbidden</h1> CSRF verification failed. Request aborted.", "CSRF token"),
        (400, b"Invalid HTTP_HOST header: 'app:3000'", "allow it there"),
        (403, b'Blocked request. This host ("app") is not allowed.', "allow it there"),
        (400, b'{"error":"Missing required headers"}', "Standard Webhooks"),
        (400, b'"[object Object]" is not valid JSON', "parsed before"),
        (401, b"wrong signature", "--print-secret"),
        (400, b"No signatures found", "--print-secret"),
        (401, b"", "mostly the secret"),
        (403, b"no", "mostly a CSRF check"),
        (400, b"\xff", "mostly a body that was parsed"),
    ],
)
def test_the_words_of_an_answer_tell_its_cause(status: int, body: bytes, said: str) -> None:
    assert said in line(status, body)


def test_a_receiver_that_asks_for_a_login_is_told_so() -> None:
    assert "asks for a login" in line(401, b"", ("WWW-Authenticate", "Basic"))


@pytest.mark.parametrize("status", [200, 404, 422, 500])
def test_other_answers_have_no_cause(status: int) -> None:
    assert line(status, b"wrong signature") == ""


def test_a_signature_in_the_answer_is_explained() -> None:
    computed = sign(json.dumps(json.loads(SENT)).encode(), SECRET)
    text = f"expected {computed}, got {sign(SENT, SECRET)}".encode()
    assert "computes another signature. The body was parsed and written again by json.dumps" in line(401, text)


def test_the_signature_that_was_sent_is_no_finding() -> None:
    assert "--print-secret" in line(401, f"wrong signature {sign(SENT, SECRET)}".encode())


def test_a_large_body_is_not_looked_into_while_events_wait() -> None:
    sent = b'"' + b"a" * 20_000 + b'"'
    assert "computes" not in line(401, sign(sent + b"\n", SECRET).encode(), sent=sent)
    assert "computes" in line(401, sign(SENT + b"\n", SECRET).encode())


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (f"expected sha256={RIGHT}, got {RIGHT}", "sha256= stands before the signature"),
        (f"expected {RIGHT.upper()}, got {RIGHT}", "upper-case hex"),
        (f"expected {RIGHT}, got {RIGHT}", "look at how it compares"),
    ],
)
def test_the_form_of_a_right_signature_is_explained(answer: str, said: str) -> None:
    assert said in line(401, answer.encode())


def test_what_came_together_is_told_together() -> None:
    computed = sign(json.dumps(json.loads(SENT)).encode(), SECRET.removeprefix("whsec_"))
    told = line(401, computed.encode())
    assert "whsec_ was cut off, or is missing in yours. The body was parsed and written again by json.dumps" in told


def with_others(answer: bytes, status: int = 401) -> str:
    known = OtherSecrets({"the CSTAR_WEBHOOK_SECRET of .env": "whsec_old"}, {"the secret of profile b": "whsec_b"})
    cause = likeliest_cause(Answer(status, (), answer), Sent(SENT, RIGHT, SECRET, lambda: known))
    assert cause is not None
    return cause.line


def test_an_env_file_with_another_secret_is_the_likeliest_cause() -> None:
    assert ".env is not the secret that signs here" in with_others(b"wrong signature")
    assert ".env is not the secret that signs here" in with_others(b"")
    assert "CSRF" in with_others(b"CSRF", 403)
    assert "login" in with_others(b"", 403)


def test_a_signature_by_another_profiles_secret_is_told() -> None:
    assert "It was made with the secret of profile b" in with_others(sign(SENT, "whsec_b").encode())


T = 1_765_000_000
LATER = f"t={T},v1={sign(f'{T}.'.encode() + SENT, SECRET)}"


@pytest.mark.parametrize(
    ("computed", "said"),
    [
        (sign(SENT, SECRET), "The body alone was signed, without its time"),
        (f"t={T},v1={sign(str(T).encode() + SENT, SECRET)}", "there was no point"),
        (LATER.upper().replace("T=", "t=").replace("V1", "v1"), "upper-case"),
        (f"{LATER} and {LATER}", "look at how it compares"),
    ],
)
def test_the_later_wire_version_is_explained_too(computed: str, said: str) -> None:
    cause = likeliest_cause(Answer(401, (), computed.encode()), Sent(SENT, LATER, SECRET))
    assert cause is not None
    assert said in cause.line
