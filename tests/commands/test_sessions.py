"""`cstar sessions list`: who listens."""

from cstar_cli.commands import sessions
from tests.client.fake_cloud import page
from tests.commands.talking import SESSION_ID, talk
from tests.commands.test_session_names import session


def test_the_list_has_name_state_url_and_events() -> None:
    said = talk(page([session(SESSION_ID), {**session("ses_2", connected=False), "name": None}]))
    sessions.index(said.dialogue(), 20)
    assert said.asked() == ("GET", "/sessions")
    first, second = said.stdout.splitlines()
    assert first.split("\t")[:5] == [SESSION_ID, "laptop-2", "connected", "https://example.com/hooks/cstar", "*"]
    assert second.split("\t")[:3] == ["ses_2", "", "away"]


def test_an_empty_list_says_what_to_do_next() -> None:
    said = talk(page([]))
    sessions.index(said.dialogue(), 20)
    assert said.stderr == "Nobody listens: start cstar listen\n"
