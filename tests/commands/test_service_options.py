from pathlib import Path

import pytest

from cstar_cli.cloud.options import DeliveryPolicy, RequestLimits
from cstar_cli.commands.service_options import database_of, request_limits
from cstar_cli.commands.timing import Timing, timing_of
from cstar_cli.errors import UsageError


def test_what_is_usual_is_what_the_contract_says() -> None:
    assert Timing().policy(private_addresses=False) == DeliveryPolicy()
    assert Timing().retention_s == 30 * 86_400


def test_each_part_becomes_its_own() -> None:
    timing = Timing("2d", "100ms, 1s,2h", "500ms", 3, "1h")
    assert timing.retention_s == 2 * 86_400
    assert timing.policy(private_addresses=True) == DeliveryPolicy(0.5, (0.1, 1.0, 7200.0), 3, 3600.0, True)


def test_none_is_a_schedule_without_retries() -> None:
    assert Timing(retry_schedule="none").policy(private_addresses=False).retries_s == ()


@pytest.mark.parametrize(
    ("timing", "said"),
    [
        (Timing(retention="0"), r"--retention 0 is out of range: give 1s to 36500d\."),
        (Timing(retention="soon"), "--retention: 'soon' is not a duration"),
        (Timing(retry_schedule=""), "--retry-schedule: '' is not a duration"),
        (Timing(retry_schedule="1m,,5m"), "--retry-schedule: '' is not a duration"),
        (Timing(retry_schedule="1m,31d"), "--retry-schedule 31d is out of range"),
        (Timing(retry_schedule=",".join(["1m"] * 21)), "--retry-schedule has 21 waits: give at most 20"),
        (Timing(delivery_timeout="10m"), "--delivery-timeout 10m is out of range: give 100ms to 5m"),
        (Timing(disable_after="0s"), "--disable-after 0s is out of range"),
    ],
)
def test_what_makes_no_sense_is_refused_by_its_name(timing: Timing, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        print(timing.policy(private_addresses=False), timing.retention_s)


def test_a_cloud_inside_listen_takes_the_environment_before_the_files() -> None:
    files = {"cloud": {"retention": "1d", "retry-schedule": "1s", "max_in_flight": 4, "host": "0.0.0.0"}}
    env = {"CSTAR_RETENTION": "2d", "CSTAR_DISABLE_AFTER": ""}
    assert timing_of(env, files) == Timing(retention="2d", retry_schedule="1s", max_in_flight=4)
    assert timing_of({}, {}) == Timing()


@pytest.mark.parametrize("text", ["0", "1001", "x", "-1", "1.5", "²"])
def test_a_number_of_deliveries_at_once_has_bounds_there_too(text: str) -> None:
    with pytest.raises(UsageError, match="is not a number from 1 to 1000"):
        timing_of({"CSTAR_MAX_IN_FLIGHT": text}, {})


@pytest.mark.parametrize(
    ("secret", "publishable", "limits"),
    [
        (1000, None, RequestLimits(1000, 100)),
        (5, None, RequestLimits(5, 1)),
        (0, None, RequestLimits(None, None)),
        (0, 7, RequestLimits(None, 7)),
        (7, 0, RequestLimits(7, None)),
    ],
)
def test_a_publishable_key_may_ask_a_tenth_unless_it_is_said(
    secret: int, publishable: int | None, limits: RequestLimits
) -> None:
    assert request_limits(secret, publishable) == limits


def test_a_database_is_a_file_or_postgresqls_url(tmp_path: Path) -> None:
    usual = tmp_path / "usual.db"
    assert database_of(None, usual) == usual
    assert database_of("there.db", usual) == Path.cwd() / "there.db"
    url = "postgresql://cstar:password@db/cstar"
    assert database_of(url, usual) == url


@pytest.mark.parametrize("text", ["mysql://me:password@db/cstar", "http://db", "sqlite:///file"])
def test_any_other_url_is_refused_without_repeating_a_password(text: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="give a file, or postgresql://") as refused:
        database_of(text, tmp_path)
    assert "password" not in str(refused.value)
