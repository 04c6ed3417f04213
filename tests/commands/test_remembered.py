"""What commands have seen, kept for completion."""

import stat
from pathlib import Path

import pytest

from cstar_cli.commands.noting import note, note_list
from cstar_cli.commands.remembered import MOST_OF_A_KIND, forget, recall, remember
from cstar_cli.config import Home
from cstar_cli.events.envelope import build_event
from cstar_cli.resources import ApiKey, Deleted, Delivery, Event, EventInFull, Resent, Session, Webhook

CLOUD = "http://127.0.0.1:7827"
TIME = "2025-12-10T14:30:00.000Z"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "cstar")


def webhook(id_: str, name: str = "app", url: str = "https://app.test/hook") -> Webhook:
    return Webhook(id_, name, url, ("*",), True, TIME, TIME, signing_secret="whsec_1")


def delivery(id_: str) -> Delivery:
    return Delivery(id_, "evt_1", "ticket.created", "whk_1", "https://app.test/", "failed", 1, TIME, None)


def test_the_newest_come_first_and_each_once(home: Home) -> None:
    remember(home, CLOUD, "whk", [("whk_1", "one"), ("whk_2", "two")])
    remember(home, CLOUD, "whk", [("whk_3", "three"), ("whk_2", "renamed")])
    assert recall(home, "whk") == [("whk_3", "three"), ("whk_2", "renamed"), ("whk_1", "one")]


def test_a_list_of_all_there_are_replaces_what_was_kept(home: Home) -> None:
    remember(home, CLOUD, "whk", [("whk_1", "one"), ("whk_2", "two")])
    remember(home, CLOUD, "whk", [("whk_2", "two")], all_there_are=True)
    assert recall(home, "whk") == [("whk_2", "two")]


def test_the_id_of_an_event_with_a_long_type_is_kept(home: Home) -> None:
    id_ = build_event("order." + "x" * 94, {}, "t", 1_774_583_010_044, made_in="2026-03").id
    remember(home, CLOUD, "evt", [(id_, "order")])
    assert recall(home, "evt") == [(id_, "order")]


def test_sessions_are_kept_by_their_names_too(home: Home) -> None:
    named = Session("ses_1", "laptop-2", "http://localhost:3000/", ("*",), True, TIME)
    note_list(home, CLOUD, Session, [named, Session("ses_2", None, "http://localhost:4000/", ("*",), True, TIME)])
    assert [id_ for id_, _ in recall(home, "ses")] == ["ses_1", "ses_2"]
    assert recall(home, "name") == [("laptop-2", "http://localhost:3000/")]


def test_no_more_is_kept_than_a_shell_can_show(home: Home) -> None:
    remember(home, CLOUD, "evt", [(f"evt_{number}", "") for number in range(MOST_OF_A_KIND * 2)])
    assert [id_ for id_, _ in recall(home, "evt")] == [f"evt_{number}" for number in range(MOST_OF_A_KIND)]


def test_another_cloud_starts_anew(home: Home) -> None:
    remember(home, CLOUD, "whk", [("whk_1", "one")])
    remember(home, "https://cloud.test", "evt", [("evt_1", "one")])
    assert (recall(home, "whk"), recall(home, "evt")) == ([], [("evt_1", "one")])


def test_each_profile_has_its_own(home: Home) -> None:
    remember(home, CLOUD, "whk", [("whk_1", "one")])
    assert recall(Home(home.path, "staging"), "whk") == []


def test_what_is_no_more_is_forgotten(home: Home) -> None:
    remember(home, CLOUD, "ses", [("ses_1", "here"), ("ses_2", "there")])
    forget(home, "ses_1")
    assert recall(home, "ses") == [("ses_2", "there")]


@pytest.mark.parametrize("id_", ["whk_$(reboot)", "whk_1 2", "whk_", "evt_1", "whk_1\n", "", "whk_é"])
def test_what_is_no_id_of_the_kind_is_not_kept(home: Home, id_: str) -> None:
    remember(home, CLOUD, "whk", [(id_, "")])
    assert recall(home, "whk") == []


def test_words_can_neither_steer_a_terminal_nor_a_shell(home: Home) -> None:
    words = "a\x1b]52;c;eA==\x07b\u202ec\\\"; $(reboot) `x` 'y' \u200b" + "z" * 200
    remember(home, CLOUD, "whk", [("whk_1", words)])
    [(_, kept)] = recall(home, "whk")
    assert kept == "a 52 c eA== b c reboot x y " + "z" * 52 + "…"


def test_the_file_is_for_its_owner_alone_and_whole(home: Home) -> None:
    remember(home, CLOUD, "whk", [("whk_1", "one")])
    [file] = (home.path / "cache").iterdir()
    assert (file.name, stat.S_IMODE(file.stat().st_mode)) == ("default.json", 0o600)


@pytest.mark.parametrize("content", [b"", b"{", b'{"api_base":1}', b"\xff", b'{"api_base":"' + b"x" * 300_000 + b'"}'])
def test_a_damaged_file_is_begun_anew(home: Home, content: bytes) -> None:
    remember(home, CLOUD, "whk", [("whk_1", "one")])
    (home.path / "cache" / "default.json").write_bytes(content)
    assert recall(home, "whk") == []
    remember(home, CLOUD, "whk", [("whk_2", "two")])
    assert recall(home, "whk") == [("whk_2", "two")]


def test_a_home_that_can_not_be_written_stops_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    home = Home(tmp_path / "file")
    remember(home, CLOUD, "whk", [("whk_1", "one")])
    forget(home, "whk_1")
    assert recall(home, "whk") == []


def test_what_is_known_already_is_not_written_again(home: Home) -> None:
    remember(home, CLOUD, "whk", [("whk_1", "one")])
    file = home.path / "cache" / "default.json"
    before = file.stat()
    remember(home, CLOUD, "whk", [("whk_1", "one")])
    assert file.stat() == before


def test_each_kind_has_the_words_to_know_it_by_and_no_secret(home: Home) -> None:
    note(home, CLOUD, webhook("whk_1"))
    note(home, CLOUD, ApiKey("key_1", "laptop", "sk_1…2", False, TIME, key="sk_live_secret"))
    note(home, CLOUD, EventInFull("evt_1", "ticket.created", "team", TIME, "{}", (delivery("dlv_1"),)))
    note(home, CLOUD, Resent(Event("evt_2", "ticket.closed", "team", TIME), (delivery("dlv_2"),)))
    assert recall(home, "whk") == [("whk_1", "app https://app.test/hook")]
    assert recall(home, "key") == [("key_1", "laptop")]
    assert recall(home, "evt") == [("evt_2", f"ticket.closed {TIME}"), ("evt_1", f"ticket.created {TIME}")]
    assert [id_ for id_, _ in recall(home, "dlv")] == ["dlv_2", "dlv_1"]
    assert "secret" not in (home.path / "cache" / "default.json").read_text()
    assert "whsec" not in (home.path / "cache" / "default.json").read_text()


def test_a_webhook_that_was_deleted_is_not_offered(home: Home) -> None:
    note_list(home, CLOUD, Webhook, [webhook("whk_1"), webhook("whk_2")])
    note(home, CLOUD, Deleted("whk_1"))
    assert [id_ for id_, _ in recall(home, "whk")] == ["whk_2"]
    note_list(home, CLOUD, Webhook, [])
    assert recall(home, "whk") == []
