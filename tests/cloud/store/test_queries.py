import pytest

from cstar_cli.cloud.store.queries import Page, StatusFilter
from cstar_cli.errors import UsageError


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("succeeded", StatusFilter(outcome="succeeded")),
        ("failed", StatusFilter(outcome="failed")),
        ("canceled", StatusFilter(outcome="canceled")),
        ("2xx", StatusFilter(lowest=200, highest=299)),
        ("5XX", StatusFilter(lowest=500, highest=599)),
        ("404", StatusFilter(lowest=404, highest=404)),
    ],
)
def test_a_status_is_a_name_a_class_or_a_code(text: str, meaning: StatusFilter) -> None:
    assert StatusFilter.parse(text) == meaning


@pytest.mark.parametrize("text", ["", "pending", "6xx", "0xx", "xxx", "20", "2000", "٤٠٤", "4x4", " 404", "999"])
def test_anything_else_is_refused_with_what_would_do(text: str) -> None:
    with pytest.raises(UsageError, match="a class like 4xx"):
        StatusFilter.parse(text)


def test_pages_count_from_one() -> None:
    assert (Page(1, 20).offset, Page(3, 20).offset) == (0, 40)
