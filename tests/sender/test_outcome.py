import pytest

from cstar_cli.sender.outcome import Failure, Outcome


def outcome(status: int | None, failure: Failure | None = None, detail: str = "") -> Outcome:
    return Outcome(status, (), b"", failure, detail, None, None, 1.0)


@pytest.mark.parametrize("status", [200, 201, 204, 299])
def test_any_2xx_succeeds(status: int) -> None:
    assert outcome(status).succeeded


@pytest.mark.parametrize("status", [199, 300, 301, 404, 500])
def test_any_other_status_fails(status: int) -> None:
    assert not outcome(status).succeeded


def test_a_success_has_no_error() -> None:
    assert outcome(200).error is None


def test_a_2xx_that_was_never_finished_fails_with_its_reason() -> None:
    cut = outcome(200, Failure.TIMEOUT, "answered 200, but did not finish within 10 s")
    assert (cut.succeeded, cut.error) == (False, "answered 200, but did not finish within 10 s")


def test_the_error_names_the_status() -> None:
    assert outcome(500).error == "answered 500"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_the_error_of_a_redirect_says_that_none_is_followed(status: int) -> None:
    assert outcome(status).error == f"answered {status} (redirects are not followed)"


def test_not_modified_is_no_redirect() -> None:
    assert outcome(304).error == "answered 304"


def test_without_an_answer_the_error_is_the_failure() -> None:
    assert outcome(None, Failure.DNS, "name not found: foo.test").error == "name not found: foo.test"
