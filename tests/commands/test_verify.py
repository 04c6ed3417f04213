"""`cstar sign` and `cstar verify`, as processes where files and streams matter, without a cloud but for one test."""

import json
from pathlib import Path

import pytest

from cstar_cli.commands.verify import sent_by
from cstar_cli.errors import CstarError
from cstar_cli.resources import DeliveryInFull
from cstar_cli.signing import sign
from tests.processes import Env, RunCstar, StartListening
from tests.receiver import StartReceiver

SECRET = "whsec_of_these_tests"
BODY = b'{"id":"evt_1","data":{"title":"Zo\xc3\xab"}}'
SIGNATURE = sign(BODY, SECRET)


@pytest.fixture
def body(tmp_path: Path) -> str:
    (tmp_path / "body.json").write_bytes(BODY)
    return "@body.json"


def test_a_files_bytes_are_signed_as_they_are(cstar: RunCstar, body: str) -> None:
    assert cstar("sign", "--secret", SECRET, body).stdout == SIGNATURE + "\n"


@pytest.mark.parametrize("arguments", [(), ("-",)])
def test_standard_input_is_signed_as_it_is(cstar: RunCstar, arguments: tuple[str, ...]) -> None:
    assert cstar("sign", "--secret", SECRET, *arguments, stdin=BODY.decode()).stdout == SIGNATURE + "\n"


def test_a_text_is_signed_under_the_profiles_secret_unless_another_is_given(cstar: RunCstar) -> None:
    secret = cstar("listen", "--print-secret").stdout.strip()
    assert cstar("sign", "text").stdout == sign(b"text", secret) + "\n"


def test_a_signature_is_verified(cstar: RunCstar, body: str) -> None:
    done = cstar("verify", "--secret", SECRET, "--signature", SIGNATURE, body)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"Verified: it is the signature of these {len(BODY)} bytes.\n"


def test_another_signature_ends_with_exit_code_5(cstar: RunCstar, body: str) -> None:
    done = cstar("verify", "--secret", "whsec_other", "--signature", SIGNATURE, body)
    assert (done.returncode, done.stdout) == (5, "")
    assert "not the signature of these" in done.stderr


def test_json_says_it_in_one_line_whatever_the_outcome(cstar: RunCstar, body: str) -> None:
    done = cstar("verify", "--json", "--secret", "whsec_other", "--signature", SIGNATURE, body)
    assert done.returncode == 5
    assert json.loads(done.stdout) == {"verified": False, "bytes": len(BODY)}


def test_what_went_wrong_is_explained_with_what_to_do_and_where_more_stands(cstar: RunCstar, body: str) -> None:
    signature = sign(BODY + b"\n", SECRET).upper()
    done = cstar("verify", "--explain", "--secret", SECRET, "-s", signature, body)
    assert done.returncode == 5
    newline, advice, case, _, more = done.stdout.splitlines()
    assert "newline" in newline
    assert "raw body" in advice
    assert "upper-case" in case
    assert "README.md#verifying-a-signature" in more


def test_secrets_of_profiles_env_files_and_old_ones_are_tried(
    cstar: RunCstar, home: Env, body: str, tmp_path: Path
) -> None:
    cstar("listen", "--print-secret")
    default = json.loads((tmp_path / "cstar" / "profiles" / "default.json").read_text())["signing_secret"]
    (tmp_path / ".env").write_text("CSTAR_WEBHOOK_SECRET=whsec_in_the_file\n")
    command = ("verify", "--explain", "--secret", SECRET, "--other-secret", "whsec_old", body, "-s")
    assert "secret of profile default" in cstar(*command, sign(BODY, default)).stdout
    assert "CSTAR_WEBHOOK_SECRET of .env" in cstar(*command, sign(BODY, "whsec_in_the_file")).stdout
    assert "--other-secret number 1" in cstar(*command, sign(BODY, "whsec_old")).stdout


def test_where_nothing_is_found_that_is_said_and_no_secret_is_shown(cstar: RunCstar, body: str) -> None:
    done = cstar("verify", "--explain", "--secret", SECRET, "-s", "\x1b[31m", body)
    assert done.returncode == 5
    assert "Nothing that usually goes wrong" in done.stdout
    assert SECRET not in done.stdout + done.stderr
    assert "\x1b" not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("verify", "text"), "--signature"),
        (("verify", "-s", "00", "@nowhere.json"), "Can't read nowhere.json: No such file or directory."),
        (("sign", "@."), "Is a directory"),
        (("sign", "--secret", "whsec_ ", "text"), "--secret is empty or holds stray characters"),
        (("verify", "--delivery", "evt_1"), "an event, not a delivery"),
    ],
)
def test_what_can_not_be_told_is_wrong_usage(cstar: RunCstar, arguments: tuple[str, ...], said: str) -> None:
    done = cstar(*arguments)
    assert done.returncode == 2
    assert said in done.stderr


def test_a_body_that_no_event_can_have_is_refused_before_it_fills_the_memory(cstar: RunCstar, tmp_path: Path) -> None:
    with (tmp_path / "large").open("wb") as file:
        file.truncate(9 * 1024 * 1024)
    done = cstar("sign", "@large")
    assert done.returncode == 2
    assert "larger than 8 MiB" in done.stderr


def test_a_delivery_without_an_attempt_has_no_signature_yet() -> None:
    waiting = DeliveryInFull(
        "dlv_1", "evt_1", "ticket.created", "whk_1", "http://a", "pending", 0, "", None, attempts=()
    )
    with pytest.raises(CstarError, match="cstar deliveries show dlv_1"):
        sent_by(waiting)


def test_a_delivery_is_verified_from_the_log_and_held_against_what_an_application_saw(
    receiver: StartReceiver, listening: StartListening, cstar: RunCstar
) -> None:
    target = receiver()
    session = listening("--forward-to", target.url)
    assert cstar("trigger", "ticket.created").returncode == 0
    delivery = str(session.next_of("forwarded")["delivery_id"])
    assert cstar("verify", "--delivery", delivery).returncode == 0
    assert cstar("verify", "--delivery", delivery, "changed").returncode == 5
