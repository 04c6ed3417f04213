"""Sessions are named by `listen --name`, and found by that name."""

import pytest

from cstar_cli.commands.session_names import checked_name, session_of, target_of
from cstar_cli.errors import CstarError, UsageError
from tests.client.fake_cloud import FakeCloud, page
from tests.commands.talking import SESSION_ID, TIME, URL, WEBHOOK_ID


def session(id_: str, *, connected: bool = True) -> dict[str, object]:
    return {
        "id": id_,
        "name": "laptop-2",
        "forwardTo": URL,
        "events": ["*"],
        "connected": connected,
        "openedAt": TIME,
    }


@pytest.mark.parametrize("name", ["", "ses_1", "two words", "-x", "x" * 51, "http://localhost:3000/", "é"])
def test_a_name_is_no_id_no_url_and_easily_typed(name: str) -> None:
    with pytest.raises(UsageError, match="is no name for a session"):
        checked_name(name)
    assert checked_name("laptop-2") == "laptop-2"


def test_a_session_is_found_by_its_name() -> None:
    cloud = FakeCloud([page([session(SESSION_ID)])])
    assert session_of(cloud.client(), "laptop-2") == SESSION_ID
    assert cloud.query(0)["name"] == "laptop-2"


def test_of_two_sessions_the_connected_one_is_meant() -> None:
    cloud = FakeCloud([page([session("ses_2", connected=False), session(SESSION_ID)])])
    assert target_of(cloud.client(), "laptop-2") == SESSION_ID


def test_a_name_of_two_connected_sessions_says_their_ids() -> None:
    cloud = FakeCloud([page([session("ses_1"), session("ses_2")])])
    with pytest.raises(UsageError, match=r"2 open sessions are called laptop-2: .* ses_1, ses_2"):
        session_of(cloud.client(), "laptop-2")


def test_a_name_of_nobody_says_how_to_see_the_names() -> None:
    with pytest.raises(CstarError, match=r"No open session is called laptop-2: cstar sessions list"):
        target_of(FakeCloud([page([])]).client(), "laptop-2")


@pytest.mark.parametrize("target", [None, WEBHOOK_ID, SESSION_ID, URL])
def test_ids_and_urls_are_targets_as_they_are(target: str | None) -> None:
    assert target_of(FakeCloud([]).client(), target) == target
