"""What `cloud serve` is told, by flags, variables and files, is what the service does."""

import json
from pathlib import Path
from typing import Any

from ..processes import Env, RunCstar, StartListening, StartServing
from ..receiver import Answer, StartReceiver

QUICK = ("--retry-schedule", "100ms,100ms", "--allow-private-addresses")


def webhook(cstar: RunCstar, url: str, env: Env | None = None) -> str:
    done = cstar("webhooks", "create", "--url", url, "--events", "*", "--json", env=env)
    assert done.returncode == 0, done.stderr
    return str(json.loads(done.stdout)["id"])


def delivery(cstar: RunCstar, *trigger: str) -> dict[str, Any]:
    """Trigger an event, wait for its one delivery's end, and return it."""
    done = cstar("trigger", "ticket.created", "--expect", "2xx", "--within", "20s", *trigger)
    assert done.returncode in (0, 5), done.stderr
    [line] = cstar("deliveries", "list", "--json").stdout.splitlines()
    return dict(json.loads(line))


def test_retries_follow_the_schedule_and_end_with_it(
    serving: StartServing, receiver: StartReceiver, cstar: RunCstar
) -> None:
    app = receiver(Answer(500))
    serving(*QUICK)
    webhook(cstar, app.url)
    last = delivery(cstar)
    assert (last["status"], last["attempt_count"], len(app.requests)) == ("failed", 3, 3)


def test_variables_and_files_say_it_as_well_as_flags(
    serving: StartServing, receiver: StartReceiver, cstar: RunCstar, home: Env, tmp_path: Path
) -> None:
    app = receiver(Answer(500))
    (tmp_path / "cstar.toml").write_text('[cloud]\nretry_schedule = "none"\ndelivery_timeout = "5s"\n')
    serving(env={**home, "CSTAR_ALLOW_PRIVATE_ADDRESSES": "1", "CSTAR_DELIVERY_TIMEOUT": "300ms"})
    webhook(cstar, app.url)
    last = delivery(cstar)
    assert (last["status"], last["attempt_count"]) == ("failed", 1)


def test_what_listen_does_may_stand_in_variables_over_the_files_and_under_flags(
    listening: StartListening, receiver: StartReceiver, cstar: RunCstar, home: Env, tmp_path: Path
) -> None:
    app = receiver()
    (tmp_path / "cstar.toml").write_text('[listen]\nforward_to = "3001"\nevents = ["survey.*"]\n')
    env = {**home, "CSTAR_LISTEN_FORWARD_TO": app.url, "CSTAR_LISTEN_EVENTS": "boss.* ticket.*"}
    with listening(env=env) as listener:
        for event_type in ("survey.submitted", "ticket.created"):
            cstar("trigger", event_type)
        assert (listener.ready["forward_to"], listener.next_of("forwarded")["event_type"]) == (
            app.url,
            "ticket.created",
        )
    assert listening("-f", "3003", env=env).ready["forward_to"] == "http://localhost:3003/"


def test_a_service_delivers_to_no_private_address_unless_it_is_told_to(serving: StartServing, cstar: RunCstar) -> None:
    serving()
    done = cstar("webhooks", "create", "--url", "http://127.0.0.1:9/", "--events", "*")
    assert done.returncode == 2
    assert "127.0.0.1 is not a public address" in done.stderr


def test_the_cloud_inside_listen_delivers_to_this_machine_and_takes_the_same_settings(
    listening: StartListening, receiver: StartReceiver, cstar: RunCstar, tmp_path: Path
) -> None:
    app = receiver(Answer(500))
    (tmp_path / "cstar.toml").write_text('[cloud]\nretry-schedule = "100ms"\n')
    listening("-f", receiver().url, "-e", "boss.*")
    webhook(cstar, app.url)
    last = delivery(cstar)
    assert (last["status"], last["attempt_count"], len(app.requests)) == ("failed", 2, 2)


def test_a_key_may_ask_so_often_and_the_home_as_it_likes(serving: StartServing, cstar: RunCstar, home: Env) -> None:
    serving("--rate-limit", "2")
    key = json.loads(cstar("cloud", "keys", "create", "--json").stdout)
    with_it = {**home, "CSTAR_TEAM_ID": key["teamId"], "CSTAR_API_KEY": key["key"]}
    assert [cstar("whoami", env=with_it).returncode for _ in range(2)] == [0, 0]
    refused = cstar("whoami", env=with_it)
    assert refused.returncode == 1
    assert "429" in refused.stderr
    assert cstar("whoami").returncode == 0


def test_all_of_stderr_is_lines_of_json_without_any_key(serving: StartServing, cstar: RunCstar, home: Env) -> None:
    cloud = serving("--log-format", "json", "--log-level", "debug")
    key = json.loads(cstar("cloud", "keys", "create", "--json").stdout)
    cstar("whoami", env={**home, "CSTAR_TEAM_ID": key["teamId"], "CSTAR_API_KEY": key["key"]})
    cstar("cloud", "stop")
    cloud.wait()
    lines = [json.loads(line) for line in cloud.stderr.splitlines()]
    assert {"started", "request", "stopped"} <= {line["event"] for line in lines}
    token = (Path(home["CSTAR_HOME"]) / "cloud" / "token").read_text().strip()
    assert key["key"] not in cloud.stderr
    assert token not in cloud.stderr
