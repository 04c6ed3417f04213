import hashlib
import re

import pytest

from cstar_cli.api_keys import hash_of, is_api_key, new_api_key


@pytest.mark.parametrize(("read_only", "prefix"), [(False, "sk_live_"), (True, "pk_live_")])
def test_a_key_says_what_it_may_do_and_holds_32_random_bytes(read_only: bool, prefix: str) -> None:
    made = new_api_key(read_only, lambda count: bytes(range(count)))
    assert made.key == f"{prefix}AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"
    assert made.hint == f"{prefix}AAEC…dHh8"


def test_no_two_keys_are_the_same() -> None:
    assert len({new_api_key(False).key for _ in range(100)}) == 100


def test_the_hash_is_the_sha256_of_the_whole_key() -> None:
    made = new_api_key(False)
    assert made.hash == hash_of(made.key) == hashlib.sha256(made.key.encode()).hexdigest()


def test_the_hint_tells_little_of_the_key() -> None:
    made = new_api_key(True)
    assert re.fullmatch(r"pk_live_.{4}….{4}", made.hint)
    assert made.key.startswith(made.hint.partition("…")[0])
    assert made.key.endswith(made.hint.partition("…")[2])


def test_a_key_is_never_printed_by_accident() -> None:
    made = new_api_key(False)
    assert made.key not in repr(made)


def test_a_fresh_key_has_the_form_of_a_key() -> None:
    assert is_api_key(new_api_key(False).key)
    assert is_api_key(new_api_key(True).key)


KEY = "sk_live_" + "a" * 43


@pytest.mark.parametrize(
    "text",
    ["", "sk_live_", KEY[:-1], KEY + "a", KEY + "\n", " " + KEY, KEY.upper(), KEY.replace("live", "test"), "é" * 51],
)
def test_other_text_has_not(text: str) -> None:
    assert not is_api_key(text)


@pytest.mark.parametrize("text", ["", "é", "\udcff", "a" * 100_000])
def test_any_text_has_a_hash(text: str) -> None:
    assert re.fullmatch("[0-9a-f]{64}", hash_of(text))
