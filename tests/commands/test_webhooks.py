import json
from typing import Any

import pytest

from cstar_cli.commands import webhooks
from cstar_cli.errors import CstarError, UsageError
from cstar_cli.signing import sign
from tests.client.fake_cloud import failure, page, success
from tests.processes import Env, RunCstar, StartServing
from tests.receiver import Answer, StartReceiver

from .talking import DELIVERY_ID, EVENT_ID, TIME, URL, WEBHOOK_ID, raw, talk, webhook

SECRET = "whsec_" + "x" * 43


def test_creating_registers_the_url_for_the_events_and_shows_the_secret() -> None:
    said = talk(success(webhook(signingSecret=SECRET), 201))
    webhooks.create(said.dialogue(), URL, ["ticket.*,!ticket.updated", "boss.spawned"])
    assert said.asked() == ("POST", "/webhooks")
    assert json.loads(said.body()) == {"url": URL, "events": ["ticket.*", "!ticket.updated", "boss.spawned"]}
    assert f"  Signing secret  {SECRET}\n" in said.stdout
    assert said.stderr.startswith("The signing secret is shown this once: keep it")
    assert said.stderr.endswith(f"cstar webhooks test {WEBHOOK_ID}\n")


def test_a_name_is_sent_where_one_is_given() -> None:
    said = talk(success(webhook(), 201))
    webhooks.create(said.dialogue(), URL, ["*"], "Billing")
    assert json.loads(said.body())["name"] == "Billing"


@pytest.mark.parametrize("events", [[""], [",", " "], ["a b"]])
def test_events_that_say_nothing_are_not_taken_for_everything(events: list[str]) -> None:
    said = talk()
    with pytest.raises(UsageError):
        webhooks.create(said.dialogue(), URL, events)
    assert said.cloud.requests == []


def test_a_wildcard_that_no_known_type_matches_warns() -> None:
    said = talk(success(webhook(), 201))
    webhooks.create(said.dialogue(), URL, ["tikcet.*"])
    assert said.stderr.startswith("No known event type matches tikcet.*. Did you mean ticket.*?\n")


def test_an_unknown_type_is_refused_in_the_clouds_own_words() -> None:
    said = talk(failure(400, "Unknown event type 'ticket.craeted'. Did you mean ticket.created?"))
    with pytest.raises(UsageError, match="Did you mean"):
        webhooks.create(said.dialogue(), URL, ["ticket.craeted"])


def test_json_is_the_clouds_own_on_one_line_with_keys_and_numbers_as_they_came() -> None:
    spread = b'{"later": 12345678901234567890123, "x": 1.50,\n' + json.dumps(webhook()).encode()[1:]
    said = talk(raw(spread), json=True)
    webhooks.show(said.dialogue(), WEBHOOK_ID)
    [line] = said.stdout.splitlines()
    assert line.startswith('{"later":12345678901234567890123,"x":1.50,"id":"whk_')


def test_the_list_is_all_there_are_one_a_line_for_programs() -> None:
    second = webhook(id="whk_2", isActive=False)
    said = talk(page([webhook()], more=True), page([second]))
    webhooks.index(said.dialogue())
    assert said.stdout.splitlines() == [
        f"{WEBHOOK_ID}\tactive\t{URL}\tticket.*, !ticket.updated",
        f"whk_2\tdisabled\t{URL}\tticket.*, !ticket.updated",
    ]
    assert [said.cloud.query(number)["page"] for number in (0, 1)] == ["1", "2"]


def test_the_list_tells_webhooks_of_one_url_apart_by_their_wire_version() -> None:
    said = talk(page([webhook(), webhook(id="whk_2", wire="2026-03")]))
    webhooks.index(said.dialogue())
    assert said.stdout.splitlines() == [
        f"{WEBHOOK_ID}\tactive\t{URL}\tticket.*, !ticket.updated",
        f"whk_2\tactive\t{URL}\tticket.*, !ticket.updated, wire 2026-03",
    ]


def test_the_list_as_json_is_one_object_a_line() -> None:
    said = talk(page([webhook(), webhook(id="whk_2")]), json=True)
    webhooks.index(said.dialogue())
    assert [json.loads(line)["id"] for line in said.stdout.splitlines()] == [WEBHOOK_ID, "whk_2"]


@pytest.mark.parametrize("as_json", [True, False])
def test_without_webhooks_it_says_how_to_get_one(as_json: bool) -> None:
    said = talk(page([]), json=as_json)
    webhooks.index(said.dialogue())
    assert said.stdout == ""
    assert "cstar webhooks create --url" in said.stderr


def test_a_disabled_webhook_says_why() -> None:
    said = talk(
        success(
            webhook(
                isActive=False, disabledReason="every attempt failed for 5 days", failingSince="2025-12-05T14:30:00Z"
            )
        )
    )
    webhooks.show(said.dialogue(), WEBHOOK_ID)
    assert said.asked() == ("GET", f"/webhooks/{WEBHOOK_ID}")
    assert "  State           disabled\n  Why             every attempt failed for 5 days\n" in said.stdout
    assert "  Failing since   12-05 14:30\n" in said.stdout


def test_a_wire_version_is_sent_where_it_is_not_the_usual_one() -> None:
    said = talk(success(webhook(wire="2026-03")), success(webhook()))
    webhooks.create(said.dialogue(), URL, ["*"], wire="2026-03")
    assert json.loads(said.body()) == {"url": URL, "events": ["*"], "wire": "2026-03"}
    assert "  Wire            2026-03\n" in said.stdout
    webhooks.create(said.dialogue(), URL, ["*"])
    assert json.loads(said.body(1)) == {"url": URL, "events": ["*"]}


def test_an_update_changes_the_wire_version_only_where_the_command_line_says_so(cstar: RunCstar, home: Env) -> None:
    said = talk(success(webhook(wire="2025-12")))
    webhooks.update(said.dialogue(), WEBHOOK_ID, new_wire="2025-12")
    assert json.loads(said.body()) == {"wire": "2025-12"}
    none = cstar("webhooks", "update", WEBHOOK_ID, env={**home, "CSTAR_WIRE": "2026-03"})
    assert (none.returncode, "Nothing to change" in none.stderr) == (2, True)


def test_an_update_sends_what_changes_and_nothing_else() -> None:
    said = talk(success(webhook(name="Billing")))
    webhooks.update(said.dialogue(), WEBHOOK_ID, name="Billing")
    assert said.asked() == ("PATCH", f"/webhooks/{WEBHOOK_ID}")
    assert json.loads(said.body()) == {"name": "Billing"}


def test_an_update_of_nothing_is_refused() -> None:
    with pytest.raises(UsageError, match="--url, --events, --name or --wire"):
        webhooks.update(talk().dialogue(), WEBHOOK_ID)


def test_enabling_and_disabling_change_whether_it_is_active() -> None:
    said = talk(success(webhook(isActive=False)), success(webhook()))
    webhooks.disable(said.dialogue(), WEBHOOK_ID)
    webhooks.enable(said.dialogue(), WEBHOOK_ID)
    assert [json.loads(said.body(number)) for number in (0, 1)] == [{"isActive": False}, {"isActive": True}]


def test_deleting_with_yes_asks_nobody() -> None:
    said = talk(success({"id": WEBHOOK_ID, "deleted": True}))
    webhooks.delete(said.dialogue(), WEBHOOK_ID, yes=True)
    assert said.asked() == ("DELETE", f"/webhooks/{WEBHOOK_ID}")
    assert said.stdout == f"Deleted {WEBHOOK_ID}.\n"


@pytest.mark.parametrize(
    ("typed", "deleted"), [("y\n", True), ("YES\n", True), ("n\n", False), ("\n", False), ("", False)]
)
def test_a_person_is_asked_before_a_webhook_is_deleted(typed: str, deleted: bool) -> None:
    said = talk(success(webhook()), success({"id": WEBHOOK_ID, "deleted": True}))
    said.typed = typed
    if deleted:
        webhooks.delete(said.dialogue(), WEBHOOK_ID)
    else:
        with pytest.raises(CstarError, match="Nothing was deleted"):
            webhooks.delete(said.dialogue(), WEBHOOK_ID)
    assert len(said.cloud.requests) == (2 if deleted else 1)
    assert said.stderr == f"Delete {WEBHOOK_ID} ({URL}) and stop its retries? [y/N] "


def test_where_nobody_can_be_asked_deleting_needs_yes() -> None:
    said = talk()
    with pytest.raises(UsageError, match="add --yes"):
        webhooks.delete(said.dialogue(), WEBHOOK_ID)
    assert said.cloud.requests == []


def trial(**changes: object) -> dict[str, object]:
    return {
        "deliveryId": DELIVERY_ID,
        "event": "ticket.created",
        "url": URL,
        "success": True,
        "status": 200,
        "responseTimeMs": 12.3,
        "error": None,
        **changes,
    }


def test_a_test_delivery_shows_status_and_time() -> None:
    said = talk(success(trial()))
    webhooks.try_out(said.dialogue(), WEBHOOK_ID)
    assert (said.asked(), said.body()) == (("POST", f"/webhooks/{WEBHOOK_ID}/test"), b"{}")
    assert said.stdout == f"✓ 200  12 ms  ticket.created → {URL}\n"


def test_a_test_delivery_that_fails_is_shown_and_fails_the_command() -> None:
    said = talk(success(trial(success=False, status=None, responseTimeMs=None, error="connection refused")))
    with pytest.raises(CstarError, match=f"connection refused. See: cstar deliveries show {DELIVERY_ID}"):
        webhooks.try_out(said.dialogue(), WEBHOOK_ID, "boss.spawned")
    assert json.loads(said.body()) == {"event": "boss.spawned"}
    assert said.stdout == f"✗ ---  ticket.created → {URL}  connection refused\n"


def test_a_failed_test_delivery_is_still_told_to_programs() -> None:
    said = talk(success(trial(success=False, status=500, error="answered 500")), json=True)
    with pytest.raises(CstarError):
        webhooks.try_out(said.dialogue(), WEBHOOK_ID)
    assert json.loads(said.stdout)["status"] == 500


@pytest.mark.parametrize(("overlap", "seconds"), [("24h", 86_400), ("90", 90), ("500ms", 1), ("0", 0)])
def test_a_rotation_says_how_long_the_old_secret_stays_valid(overlap: str, seconds: int) -> None:
    said = talk(success(webhook(signingSecret=SECRET)))
    webhooks.rotate_secret(said.dialogue(), WEBHOOK_ID, overlap)
    assert said.asked() == ("POST", f"/webhooks/{WEBHOOK_ID}/rotate-secret")
    assert json.loads(said.body()) == {"overlapSeconds": seconds}
    assert SECRET in said.stdout
    assert said.stderr.startswith("The new secret is shown this once")


def test_recovering_says_how_many_are_tried_again() -> None:
    said = talk(success({"recovered": 1}), success({"recovered": 0}))
    webhooks.recover(said.dialogue(), WEBHOOK_ID, "2025-12-10T15:30:00+01:00")
    webhooks.recover(said.dialogue(), WEBHOOK_ID, "2h")
    assert said.asked() == ("POST", f"/webhooks/{WEBHOOK_ID}/recover")
    assert json.loads(said.body()) == {"since": TIME}
    assert said.stdout == "1 failed delivery is tried again.\n0 failed deliveries are tried again.\n"


def test_a_webhook_that_is_not_there_is_told_in_the_clouds_own_words() -> None:
    said = talk(failure(404, f"No webhook {WEBHOOK_ID}."))
    with pytest.raises(CstarError, match=f"No webhook {WEBHOOK_ID}"):
        webhooks.show(said.dialogue(), WEBHOOK_ID)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("show", EVENT_ID), f"is an event, not a webhook: see cstar events show {EVENT_ID}"),
        (("show", "../health"), "cstar webhooks list shows them"),
        (("create", "--url", URL), "--events"),
        (("create", "--events", "*"), "--url"),
        (("update", WEBHOOK_ID), "--url, --events, --name or --wire"),
        (("delete", WEBHOOK_ID), "--yes"),
        (("recover", WEBHOOK_ID), "--since"),
        (("recover", WEBHOOK_ID, "--since", "yesterday"), "neither a duration"),
        (("rotate-secret", WEBHOOK_ID, "--overlap", "soon"), "--overlap: 'soon' is not a duration"),
        (("rotate-secret", WEBHOOK_ID, "--overlap", "400d"), "--overlap 400d is out of range: give 0s to 30d."),
    ],
)
def test_what_makes_no_sense_exits_2_without_a_request(
    cstar: RunCstar, arguments: tuple[str, ...], message: str
) -> None:
    done = cstar("webhooks", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in " ".join(done.stderr.split())


def test_a_webhook_lives_from_its_creation_to_its_deletion(
    cstar: RunCstar, serving: StartServing, receiver: StartReceiver
) -> None:
    def data(*arguments: str, code: int = 0) -> Any:
        done = cstar(*arguments, "--json")
        assert done.returncode == code, done.stderr
        return json.loads(done.stdout.splitlines()[0])

    serving("--allow-private-addresses")
    good, bad = receiver(), receiver(Answer(status=500))
    made = data("webhooks", "create", "--url", bad.url, "-e", "ticket.*")
    assert data("webhooks", "test", made["id"], code=1)["status"] == 500
    data("webhooks", "update", made["id"], "--url", good.url)
    data("webhooks", "test", made["id"])
    [request] = good.wait_for(1)
    assert request.headers["x-cstar-signature"] == sign(request.body, made["signingSecret"])

    sent = data("trigger", "ticket.created")["data"]
    good.wait_for(2)
    assert data("deliveries", "list", "--event", sent["event"]["id"])["target"] == made["id"]
    data("events", "resend", sent["event"]["id"], "--to", made["id"])
    good.wait_for(3)
    shown = cstar("deliveries", "show", sent["deliveries"][0]["id"]).stdout
    assert f"> POST {good.url}" in shown

    assert data("webhooks", "rotate-secret", made["id"])["signingSecret"] != made["signingSecret"]
    assert not data("webhooks", "disable", made["id"])["isActive"]
    assert cstar("deliveries", "retry", sent["deliveries"][0]["id"]).returncode == 1
    assert data("webhooks", "enable", made["id"])["isActive"]
    data("webhooks", "delete", made["id"], "--yes")
    gone = cstar("webhooks", "show", made["id"])
    assert (gone.returncode, gone.stdout) == (1, "")
    assert f"No webhook {made['id']}" in gone.stderr
