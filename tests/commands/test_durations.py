import pytest

from cstar_cli.commands.durations import duration_ms, moment
from cstar_cli.errors import UsageError
from cstar_cli.events.envelope import parse_iso

NOW_MS = parse_iso("2025-12-10T14:30:00Z")


@pytest.mark.parametrize(
    ("text", "ms"),
    [("5", 5_000), ("5s", 5_000), ("500ms", 500), ("1m", 60_000), ("1.5h", 5_400_000), ("1d", 86_400_000), ("0", 0)],
)
def test_a_duration_is_a_number_with_a_unit_or_seconds(text: str, ms: int) -> None:
    assert duration_ms(text) == ms


@pytest.mark.parametrize("text", ["", "s", "-5s", "5 s", "5w", "1e3", "٣s", "nan", "5s5"])
def test_other_text_is_no_duration(text: str) -> None:
    with pytest.raises(UsageError, match="is not a duration"):
        duration_ms(text)


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("10m", "2025-12-10T14:20:00.000Z"),
        ("1d", "2025-12-09T14:30:00.000Z"),
        ("999999d", "1970-01-01T00:00:00.000Z"),
        ("2025-12-10T15:30:00+01:00", "2025-12-10T14:30:00.000Z"),
        ("2025-12-10T14:30:00.5Z", "2025-12-10T14:30:00.500Z"),
    ],
)
def test_a_moment_is_so_long_ago_or_a_time(text: str, time: str) -> None:
    assert moment(text, NOW_MS) == time


@pytest.mark.parametrize("text", ["yesterday", "2025-12-10T14:30:00", "10 m"])
def test_other_text_is_no_moment(text: str) -> None:
    with pytest.raises(UsageError, match=r"^--since: .* is neither a duration"):
        moment(text, NOW_MS)
