import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cstar_cli.errors import UsageError
from cstar_cli.events import canonical
from cstar_cli.recording.format import Answer, body_of
from cstar_cli.recording.redacting import MOST_HIDDEN, Answered, Redactor
from cstar_cli.recording.scrubbing import url_secrets

SECRET = "whsec_Xmm6AboOv4lSmUKaHSrDOOPjxE9Ey4qhG0CJGbLgpyAi"
EVENT = canonical.dumps(
    {"id": "evt_1", "type": "t.c", "data": {"email": "zoë@example.com", "n": 7, "tags": ["vip"], "to": {"name": "Zoë"}}}
)
JSON = (("content-type", "application/json"),)


def answered(body: bytes, *redacted: str, headers: tuple[tuple[str, str], ...] = JSON, **more: list[str]) -> Answer:
    came = Answered(200, 1.0, None, headers, body, cut=False)
    return Redactor(redacted, [SECRET]).answered(came, **more)


def posted(*redacted: str) -> bytes | None:
    return Redactor(redacted, [SECRET]).posted(EVENT).body


def test_nothing_that_is_not_named_changes_by_a_byte() -> None:
    assert posted() == posted("data.nothing") == EVENT
    odd = b'{ "id":"evt_1", "data":{}}\r\n'
    assert Redactor(["data.email"], [SECRET]).posted(odd).body == odd


def test_what_is_named_is_replaced_by_something_of_its_kind() -> None:
    kept = json.loads(posted("data.*") or b"")
    assert kept["data"] == {"email": "[redacted]", "n": 0, "tags": [], "to": {}}
    assert kept["id"] == "evt_1"


def test_what_is_left_stays_in_its_canonical_form() -> None:
    assert posted("data.email") == EVENT.replace("zoë@example.com".encode(), b"[redacted]")


def test_a_body_in_which_nobody_can_find_the_place_is_left_out() -> None:
    assert Redactor(["data.email"], []).posted(b"email=zoe@example.com").body is None


def test_a_path_that_has_led_nowhere_is_known() -> None:
    redactor = Redactor(["data.to", "data.to.name", "data.emial", "response.token"], [])
    redactor.posted(EVENT)
    assert redactor.never_found == ["data.emial", "response.token"]


@pytest.mark.parametrize("path", ["customer.email", "id", "*", "[0]"])
def test_a_path_that_begins_nowhere_is_refused_with_where_it_may(path: str) -> None:
    with pytest.raises(UsageError, match=r"begins with data .* or response"):
        Redactor([path], [])


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=4)
KEYS = st.text(st.characters(exclude_categories=["Cs"]))


@given(st.dictionaries(KEYS, TEXTS), TEXTS.map(lambda text: f"{text}~private~"), st.sampled_from([True, False]))
def test_redaction_never_leaves_the_value(other: dict[str, str], value: str, ascii_only: bool) -> None:
    redactor = Redactor(["data.it"], [])
    event = redactor.posted(canonical.dumps({"data": {**other, "it": value}}))
    echo = json.dumps({"echo": f"<{value}>"}, ensure_ascii=ascii_only).encode()
    answer = redactor.answered(Answered(400, 1.0, f"bad {value}", (("x-echo", value),), echo, cut=False), event.hidden)
    for place in (event.body or b"", body_of(answer), str(answer).encode()):
        assert "~private~" not in place.decode()


def test_an_answers_own_paths_begin_with_response() -> None:
    kept = answered(b'{"user":{"email":"a@b.example"},"ok":true}', "response.user.email")
    assert kept.body == '{"user":{"email":"[redacted]"},"ok":true}'


@pytest.mark.parametrize("body", [b'{"token":"half of', b'[{"token":1}'])
def test_an_answer_that_is_no_whole_json_is_left_out_where_something_in_it_is_named(body: bytes) -> None:
    kept = answered(body, "response.token")
    assert (kept.body, kept.removed) == (None, True)
    assert answered(body).body == body.decode()


def test_response_alone_is_the_whole_answer() -> None:
    assert answered(b"anything", "response").removed


def test_a_compressed_answer_is_left_out_as_nobody_can_look_into_it() -> None:
    kept = answered(b"\x1f\x8b" + SECRET.encode(), headers=(("Content-Encoding", "gzip"),))
    assert (body_of(kept), kept.removed) == (b"", True)


@given(st.text(st.characters(min_codepoint=33, max_codepoint=0x24F, exclude_categories=["Cs", "Cc"]), min_size=16))
def test_no_secret_is_in_a_file_however_it_is_echoed(secret: str) -> None:
    from base64 import b64encode
    from html import escape
    from urllib.parse import quote, quote_plus

    redactor = Redactor([], [secret])
    forms = [
        secret,
        json.dumps(secret)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1],
        escape(secret),
        json.dumps(secret)[1:-1].replace("/", r"\/"),
        quote(secret),
        quote(secret, safe=""),
        quote_plus(secret),
        b64encode(secret.encode()).decode(),
    ]
    for form in forms:
        kept = redactor.answered(Answered(500, 1.0, form, (("x-debug", form),), f"<{form}>".encode(), cut=False))
        assert (body_of(kept), kept.error, kept.headers) == (
            b"<[redacted]>",
            "[redacted]",
            (("x-debug", "[redacted]"),),
        )


@pytest.mark.parametrize(
    "found",
    [
        SECRET.removeprefix("whsec_"),
        "whsec_of_somebody_else",
        "sk_live_abcdef123",
        "pk_test_x_1",
        "Bearer abcdefgh.ijkl",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln",
    ],
)
def test_what_looks_like_a_secret_is_taken_out_of_answers(found: str) -> None:
    assert answered(f'{{"env":"{found}"}}'.encode()).body == '{"env":"[redacted]"}'


def test_the_signature_that_was_sent_is_taken_out_of_answers() -> None:
    from cstar_cli.recording.scrubbing import secret_values

    own = secret_values([("X-Signature", "t=1774583010,v1=" + "ab" * 32), ("x-mine", "kept as it is, all of it")])
    assert answered(b"expected " + b"ab" * 32 + b", kept as it is, all of it", own=own).body == (
        "expected [redacted], kept as it is, all of it"
    )


HEADERS = [
    *("Authorization", "Proxy-Authorization", "Cookie", "Set-Cookie", "X-API-Key", "apikey", "X-Auth-Token"),
    *("X-Functions-Key", "Ocp-Apim-Subscription-Key", "X-JWT"),
    *("x-cstar-signature", "X-Signature", "webhook-signature", "X-Amz-Security-Token", "X-CSRF-Token", "X-Session-Id"),
]


@pytest.mark.parametrize("name", HEADERS)
def test_a_header_that_is_a_secret_by_its_name_has_no_value(name: str) -> None:
    assert Redactor([], []).scrubber.headers([(name, "anything")]) == ((name, None),)


def test_other_headers_keep_theirs() -> None:
    plain = (("content-type", "text/plain"), ("x-cstar-delivery", "dlv_1"), ("author", "me"), ("idempotency-key", "1"))
    assert Redactor([], []).scrubber.headers(plain) == plain


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("http://localhost:3000/hook?a=1", "http://localhost:3000/hook?a=1"),
        ("https://me:pass@example.com/", "https://example.com/"),
        (
            "https://example.com/?token=abc&x=1&api_key=9",
            "https://example.com/?token=[redacted]&x=1&api_key=[redacted]",
        ),
        ("https://me:p@ss@example.com/?api%5Fkey=9", "https://example.com/?api%5Fkey=[redacted]"),
        ("/done#access_token=abc&state=1", "/done#access_token=[redacted]&state=1"),
        ("/login?next=%2Fhook%3Ftoken%3Dabc%26a%3D1", "/login?next=%2Fhook%3Ftoken%3D[redacted]%26a%3D1"),
    ],
)
def test_a_url_keeps_neither_a_user_nor_a_key(url: str, kept: str) -> None:
    assert Redactor([], []).scrubber.url(url) == kept


def test_what_a_urls_query_calls_a_secret_is_known_as_it_is_written_and_as_it_is_meant() -> None:
    assert url_secrets("http://localhost:3000/hook?a=1&token=abc%2Fdef+g") == ["abc%2Fdef+g", "abc/def g"]


def test_where_very_much_is_redacted_nothing_is_kept_that_an_answer_may_have_of_it() -> None:
    redactor = Redactor(["data"], [])
    event = redactor.posted(canonical.dumps({"data": [f"text {number}" for number in range(MOST_HIDDEN + 1)]}))
    came = Answered(400, 1.0, None, (("x-echo", "text 7"),), b"no: text 8", cut=False)
    kept = redactor.answered(came, event.hidden)
    assert (kept.headers, kept.body, kept.removed) == ((("x-echo", None),), None, True)
