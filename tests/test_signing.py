import re

from cstar_cli.signing import new_secret, sign, verify

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


def test_a_secret_holds_32_random_bytes_in_url_safe_characters() -> None:
    secret = new_secret(lambda count: b"\xfb" * count)
    assert secret == "whsec_" + "-_v7" * 10 + "-_s"


def test_two_secrets_differ() -> None:
    first, second = new_secret(), new_secret()
    assert first != second
    assert re.fullmatch(r"whsec_[A-Za-z0-9_-]{43}", first)
