"""`cstar sign` and `cstar verify`, as processes where files and streams matter, without a cloud but for one test."""

import json
from pathlib import Path

import msgspec
import pytest

from cstar_cli.commands.logged import sent_by, whose_secret
from cstar_cli.commands.other_secrets import other_secrets
from cstar_cli.errors import CstarError, UsageError
from cstar_cli.events.wires.verifying import Given
from cstar_cli.resources import DeliveryInFull
from cstar_cli.signing import sign, standard_signature
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


def test_the_later_wire_version_signs_its_time_and_is_known_by_its_form(cstar: RunCstar, body: str) -> None:
    signed = cstar("sign", "--wire", "2026-03", "--at", "1765000000", "--secret", SECRET, body).stdout.strip()
    assert signed == f"t=1765000000,v1={sign(b'1765000000.' + BODY, SECRET)}"
    late = cstar("verify", "--secret", SECRET, "-s", signed, body)
    assert late.returncode == 5
    assert "The signature is right, and would be refused. Its time is" in late.stderr
    assert cstar("verify", "--secret", SECRET, "-s", signed, "--tolerance", "36500d", body).returncode == 0


def test_a_signature_of_now_is_verified_with_its_headers_name_and_its_age_told(cstar: RunCstar, body: str) -> None:
    signed = cstar("sign", "--wire", "2026-03", "--secret", SECRET, body).stdout.strip()
    done = cstar("verify", "--json", "--secret", SECRET, "-s", f"X-Signature: {signed}", body)
    result = json.loads(done.stdout)
    assert (result["verified"], result["form"]) == (True, "2026-03")
    assert 0 <= result["age_s"] < 300


@pytest.mark.parametrize(
    ("made_in", "taken_as", "said"),
    [
        (
            "2025-12",
            ("--wire", "2026-03"),
            "in wire version 2025-12, and was verified as one of 2026-03. --wire 2025-12",
        ),
        (
            "2026-03",
            ("--wire", "2025-12"),
            "in wire version 2026-03, and was verified as one of 2025-12. --wire 2026-03",
        ),
        (
            "sha256=",
            (),
            "in the form that was between the wire versions, and was verified as one of 2025-12. --wire 20",
        ),
    ],
)
def test_a_signature_of_the_other_wire_version_is_told_with_what_to_do(
    made_in: str, taken_as: tuple[str, ...], said: str, cstar: RunCstar, body: str
) -> None:
    later = f"t=1765000000,v1={sign(b'1765000000.' + BODY, SECRET)}"
    signed = {"2025-12": SIGNATURE, "2026-03": later, "sha256=": f"sha256={SIGNATURE}"}[made_in]
    done = cstar("verify", "--secret", SECRET, "-s", signed, *taken_as, body)
    assert (done.returncode, said in done.stderr) == (5, True), done.stderr
    assert "cstar snippet --wire 20" in done.stderr
    told = json.loads(cstar("verify", "--json", "--secret", SECRET, "-s", signed, *taken_as, body).stdout)
    assert told == {"verified": False, "bytes": len(BODY), "right_in": made_in.removesuffix("=")}


def test_the_name_of_a_file_in_its_place_is_told(cstar: RunCstar, body: str) -> None:
    name = body.removeprefix("@")
    assert f"write {body} for what it holds" in cstar("sign", "--secret", SECRET, name).stderr
    assert f"write {body} for what it holds" in cstar("verify", "--secret", SECRET, "-s", SIGNATURE, name).stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("verify", "text"), "--signature"),
        (("verify", "-s", "00", "@nowhere.json"), "Can't read nowhere.json: No such file or directory."),
        (("sign", "@."), "Is a directory"),
        (("sign", "@"), "Write @ and its name"),
        (("sign", "--wire", "2026-3", "text"), "Did you mean '2026-03'?"),
        (("sign", "--at", "10m", "text"), "signs no time"),
        (("sign", "--wire", "2026-03", "--at", "yesterday", "text"), "neither a duration"),
        (("verify", "--wire", "2026-3", "-s", "00", "text"), "Did you mean '2026-03'?"),
        (("verify", "--attempt", "2", "-s", "00", "text"), "--attempt is for --delivery"),
        (("verify", "--tolerance", "long", "-s", "00", "text"), "--tolerance: 'long' is not a duration"),
        (("sign", "--secret", "whsec_ ", "text"), "--secret (or CSTAR_SECRET) is empty or holds stray characters"),
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


def delivery_of(*attempts: dict[str, object], target: str = "ses_1") -> DeliveryInFull:
    common = {"event_id": "evt_1", "event_type": "ticket.created", "target": target, "url": "http://a"}
    attempt = {"delivery_id": "dlv_1", "status": 401, "duration_ms": 1.0, "outcome": "failed", "error": "401"}
    answer = {"next_attempt_at": None, "response_headers": (), "response_body": "", "request_body": BODY.decode()}
    made = [{**common, **attempt, **answer, "time": "2026-03-26T22:13:30Z", **each} for each in attempts]
    delivery = {"id": "dlv_1", "status": "failed", "created_at": "", "attempt_count": len(made), **common}
    return msgspec.convert({**delivery, "next_attempt_at": None, "attempts": made}, DeliveryInFull)


def test_a_delivery_without_an_attempt_has_no_signature_yet() -> None:
    for delivery in (delivery_of(), delivery_of({"attempt": 1, "request_headers": ()})):
        with pytest.raises(CstarError, match="cstar deliveries show dlv_1"):
            sent_by(delivery)


def test_the_last_attempt_that_sent_something_is_taken_unless_another_is_asked_for() -> None:
    first = {"attempt": 1, "request_headers": (("x-cstar-signature", "aa"), ("Webhook-Id", "dlv_1"))}
    second = {"attempt": 2, "request_headers": (("X-Signature", "t=1774563200,v1=bb"),)}
    delivery = delivery_of(first, second, {"attempt": 3, "request_headers": ()})
    last = sent_by(delivery)
    assert (last.wire, last.given) == ("2026-03", Given("t=1774563200,v1=bb", None, "1774563200"))
    assert last.at_s == 1774563210
    assert sent_by(delivery, 1).wire == "2025-12"
    assert sent_by(delivery, 1).given == Given("aa", "dlv_1", None)
    with pytest.raises(UsageError, match=r"no attempt 3 at dlv_1 that has sent anything, but: 1, 2\."):
        sent_by(delivery, 3)


def test_whose_secret_a_delivery_is_signed_with_is_told() -> None:
    attempt = {"attempt": 1, "request_headers": (("x-cstar-signature", SIGNATURE),)}
    webhooks = sent_by(delivery_of(attempt, target="whk_1"))
    assert "cstar webhooks rotate-secret whk_1" in whose_secret(webhooks, "whsec_b", given=False)
    assert whose_secret(webhooks, "whsec_b", given=True) == ""
    assert whose_secret(webhooks, SECRET, given=False) == ""
    assert "route's own" in whose_secret(sent_by(delivery_of(attempt)), "whsec_b", given=False)


def test_a_new_secret_while_the_old_one_signs_is_told() -> None:
    standard = standard_signature("whsec_new", "dlv_1", 1774563210, BODY)
    headers = (("webhook-id", "dlv_1"), ("webhook-timestamp", "1774563210"), ("webhook-signature", f"v1,a {standard}"))
    attempt = {"attempt": 1, "request_headers": (("x-cstar-signature", SIGNATURE), *headers)}
    rotated = sent_by(delivery_of(attempt, target="whk_1"))
    assert "the secret was rotated" in whose_secret(rotated, "whsec_new", given=True)


def test_the_secrets_of_routes_are_known(home: Env, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in home.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    route = '[[routes]]\nname = "billing"\nforward_to = "http://localhost:1/x"\nevents = ["*"]\nsecret = "whsec_b"\n'
    (tmp_path / "cstar.toml").write_text(route)
    assert other_secrets(["whsec_old"]) | {"the secret of route billing": "whsec_b"} == other_secrets(["whsec_old"])


def test_a_delivery_is_verified_from_the_log_and_held_against_what_an_application_saw(
    receiver: StartReceiver, listening: StartListening, cstar: RunCstar
) -> None:
    target = receiver()
    session = listening("--forward-to", target.url)
    assert cstar("trigger", "ticket.created").returncode == 0
    delivery = str(session.next_of("forwarded")["delivery_id"])
    assert cstar("verify", "--delivery", delivery).returncode == 0
    assert cstar("verify", "--delivery", delivery, "changed").returncode == 5
    gone = cstar("verify", "--delivery", "dlv_nowhere")
    assert gone.returncode == 1
    assert "older than what the cloud keeps" in gone.stderr
