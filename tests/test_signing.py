import base64
import hmac
import re

import pytest

from cstar_cli.signing import new_secret, sign, standard_signature, verify

SECRET = "whsec_test"
BODY = b'{"id":"evt_1"}'


def test_the_signature_is_lower_case_hex_hmac_sha256() -> None:
    # RFC 4231, test case 2
    assert sign(b"what do ya want for nothing?", "Jefe") == (
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    )


def test_the_prefix_of_the_secret_is_part_of_the_key() -> None:
    assert sign(BODY, SECRET) != sign(BODY, SECRET.removeprefix("whsec_"))


def test_a_secret_beyond_ascii_is_taken_as_utf_8() -> None:
    # printf x | openssl dgst -sha256 -hmac $'\xc3\xa9'
    assert sign(b"x", "é") == sign(b"x", b"\xc3\xa9".decode("ascii", "surrogateescape"))


def test_the_signature_of_the_same_bytes_is_verified() -> None:
    assert verify(BODY, sign(BODY, SECRET), SECRET)


def test_one_changed_byte_is_not_verified() -> None:
    assert not verify(BODY + b" ", sign(BODY, SECRET), SECRET)


def test_another_secret_is_not_verified() -> None:
    assert not verify(BODY, sign(BODY, "whsec_other"), SECRET)


def test_upper_case_hex_is_not_verified() -> None:
    assert not verify(BODY, sign(BODY, SECRET).upper(), SECRET)


def test_odd_signatures_are_refused_without_an_error() -> None:
    assert not any(verify(BODY, odd, SECRET) for odd in ("", "é", "\udce9", "sha256=" + sign(BODY, SECRET)))


# The vector of the Standard Webhooks specification.
STANDARD_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
STANDARD_ID = "msg_p5jXN8AQM9LWM0D4loKWxJek"
STANDARD_S = 1614265330
STANDARD_BODY = b'{"test": 2432232314}'


def standard(secret: str) -> str:
    return standard_signature(secret, STANDARD_ID, STANDARD_S, STANDARD_BODY)


def keyed(key: bytes) -> str:
    signed = f"{STANDARD_ID}.{STANDARD_S}.".encode() + STANDARD_BODY
    return "v1," + base64.b64encode(hmac.digest(key, signed, "sha256")).decode()


def test_the_standard_signature_is_that_of_the_specification() -> None:
    assert standard(STANDARD_SECRET) == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_the_prefix_of_the_secret_is_no_part_of_the_standard_key() -> None:
    assert standard(STANDARD_SECRET.removeprefix("whsec_")) == standard(STANDARD_SECRET)


@pytest.mark.parametrize("text", ["-_-_", "+/+/", "+_-/"])
def test_both_alphabets_of_base64_make_the_same_standard_key(text: str) -> None:
    assert standard(f"whsec_{text}") == keyed(b"\xfb\xff\xbf")


@pytest.mark.parametrize("text", ["YWE", "YWE="])
def test_padding_may_be_left_out_of_the_standard_key(text: str) -> None:
    assert standard(f"whsec_{text}") == keyed(b"aa")


@pytest.mark.parametrize("text", ["a", "not base64!", "abcde", "YW=E", "é", "\udce9"])
def test_a_secret_that_is_not_base64_is_its_own_bytes_in_the_standard_signature(text: str) -> None:
    assert standard(f"whsec_{text}") == keyed(text.encode("utf-8", "surrogateescape"))


def test_a_secret_is_33_random_bytes_in_letters_and_digits() -> None:
    assert new_secret(lambda count: b"\xfb\xff\xbf" * (count // 3)) == "whsec_" + "xyxy" * 11


def test_every_decoder_of_base64_reads_the_same_key_from_a_secret() -> None:
    text = new_secret().removeprefix("whsec_")
    assert base64.b64decode(text, validate=True) == base64.urlsafe_b64decode(text)


def test_two_secrets_differ() -> None:
    first, second = new_secret(), new_secret()
    assert first != second
    assert re.fullmatch(r"whsec_[A-Za-z0-9]{44}", first)


@pytest.mark.parametrize("length", [0, 1, 63, 64, 65, 200])
def test_a_secret_of_any_length_signs_as_hmac_does(length: int) -> None:
    secret = "s" * length
    for _ in range(2):  # the second time with what the first one has kept
        assert sign(b"body", secret) == hmac.new(secret.encode(), b"body", "sha256").hexdigest()
        assert sign(b"another", secret) == hmac.new(secret.encode(), b"another", "sha256").hexdigest()
