import io

from msgspec.structs import replace

from cstar_cli.protocol.frames import Delivery as Pushed
from cstar_cli.protocol.frames import Result
from cstar_cli.recording.format import Delivery, End, Line, Recording, Session, body_of, read
from cstar_cli.recording.recorder import Recorder, Way
from cstar_cli.recording.redacting import Redactor

WAY = Way("http://localhost:3000/hook?token=abc", None, body_limit=8, wire="2025-12")
SECRET = "whsec_of_this_very_test"


class File:
    """A recorder, and the lines that it has made."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.now_ms = 1_774_583_010_044
        self.recorder = Recorder(Redactor((), [SECRET]), self.written.append, lambda: self.now_ms)
        self.recorder.begin("cstar-cli/1", ["data.email"])

    @property
    def lines(self) -> list[Line]:
        return [placed.line for placed in read(io.BytesIO(b"".join(self.written)))]

    @property
    def deliveries(self) -> list[Delivery]:
        return [line for line in self.lines if isinstance(line, Delivery)]


def pushed(number: int, attempt: int = 1) -> Pushed:
    return Pushed(f"dlv_{number}", f"evt_{number}", "ticket.created", attempt, body=b'{"id":"evt_%d"}' % number)


def result(number: int, status: int | None = 200, body: bytes = b"ok") -> Result:
    sent = (("x-cstar-signature", "ab" * 32), ("x-mine", "1"))
    error = None if status == 200 else "failed"
    return Result(f"dlv_{number}", 1, error is None, status, error, 0, 1.5, sent, (("server", "app"),), body=body)


def test_an_attempt_is_one_line_with_its_answer() -> None:
    file = File()
    file.recorder.session("ses_1", "http://localhost:3000/hook?token=abc", ["*"], None)
    begun = file.recorder.began(pushed(1), WAY)
    file.recorder.ended(begun, result(1), undecided=False)
    first, session, line = file.lines
    assert first == Recording(1, "cstar-cli/1", "2026-03-27T03:43:30.044Z", ("data.email",))
    assert session == Session(
        "2026-03-27T03:43:30.044Z", "ses_1", "http://localhost:3000/hook?token=[redacted]", ("*",)
    )
    assert isinstance(line, Delivery)
    assert (line.number, line.at, line.event_id, line.delivery_id, line.session_id) == (
        *(1, "2026-03-27T03:43:30.044Z", "evt_1", "dlv_1", "ses_1"),
    )
    assert line.headers == (("x-cstar-signature", None), ("x-mine", "1"))
    assert body_of(line) == b'{"id":"evt_1"}'
    assert line.answer is not None
    assert (line.answer.status, line.answer.duration_ms, line.answer.body, line.answer.cut) == (200, 1.5, "ok", False)


def test_the_numbers_tell_the_order_of_the_starts() -> None:
    file = File()
    first, second = (file.recorder.began(pushed(number), WAY) for number in (1, 2))
    file.recorder.ended(second, result(2), undecided=False)
    file.recorder.ended(first, result(1), undecided=False)
    assert [(line.number, line.delivery_id) for line in file.deliveries] == [(2, "dlv_2"), (1, "dlv_1")]


def test_the_secret_and_the_signature_are_in_no_line_whatever_an_application_answers() -> None:
    file = File()
    begun = file.recorder.began(pushed(1), WAY)
    file.recorder.ended(begun, result(1, 401, f"expected {'ab' * 32} by {SECRET}".encode()), undecided=False)
    assert not any(secret in b"".join(file.written) for secret in (SECRET.encode(), b"ab" * 32, b"token=abc"))


def test_an_answer_that_goes_on_beyond_what_is_kept_is_said_to_be_cut() -> None:
    file = File()
    file.recorder.ended(file.recorder.began(pushed(1), WAY), result(1, body=b"12345678"), undecided=False)
    [line] = file.deliveries
    assert line.answer is not None
    assert line.answer.cut


def test_what_waits_for_the_application_is_recorded_when_it_comes_there() -> None:
    file = File()
    file.recorder.ended(file.recorder.began(pushed(1), WAY), result(1, None), undecided=True)
    file.recorder.ended(file.recorder.began(pushed(1), WAY), result(1), undecided=False)
    file.recorder.decided("dlv_1")
    assert [line.answer and line.answer.status for line in file.deliveries] == [200]


def test_what_fails_for_good_without_an_answer_is_recorded_then() -> None:
    file = File()
    file.recorder.ended(file.recorder.began(pushed(1), WAY), result(1, None), undecided=True)
    assert file.deliveries == []
    file.recorder.decided("dlv_1")
    assert [line.answer and line.answer.error for line in file.deliveries] == ["failed"]


def test_each_attempt_is_recorded() -> None:
    file = File()
    for attempt in (1, 2):
        file.recorder.ended(file.recorder.began(pushed(1, attempt), WAY), result(1, 500), undecided=False)
        file.recorder.decided("dlv_1")
    assert [line.attempt for line in file.deliveries] == [1, 2]


def test_what_is_cut_short_is_recorded_at_the_end_without_an_answer() -> None:
    file = File()
    file.recorder.began(pushed(1), WAY)
    file.recorder.ended(file.recorder.began(pushed(2), WAY), result(2, None), undecided=True)
    file.recorder.end()
    *_, cut_short, end = file.lines
    assert isinstance(cut_short, Delivery)
    assert (cut_short.delivery_id, cut_short.answer) == ("dlv_1", None)
    assert isinstance(end, End)
    assert end.deliveries == 1


def test_a_session_is_told_once_for_each_route() -> None:
    file = File()
    for session_id, route in (("ses_1", "a"), ("ses_2", "b"), ("ses_1", "a"), ("ses_3", "b")):
        file.recorder.session(session_id, "http://localhost/", ["*"], route)
    assert [line.session_id for line in file.lines if isinstance(line, Session)] == ["ses_1", "ses_2", "ses_3"]


def test_the_wire_version_is_that_of_the_way_also_where_no_answer_came() -> None:
    file = File()
    newer = replace(WAY, wire="2026-03")
    file.recorder.ended(file.recorder.began(pushed(1), WAY), result(1), undecided=False)
    file.recorder.began(pushed(2), newer)
    file.recorder.end()
    assert [line.wire for line in file.deliveries] == ["2025-12", "2026-03"]


def test_a_delivery_that_is_sent_twice_at_once_has_a_line_for_each() -> None:
    file = File()
    first, _ = file.recorder.began(pushed(1), WAY), file.recorder.began(pushed(1), WAY)
    file.recorder.ended(first, result(1), undecided=False)
    file.recorder.end()
    assert [(line.number, line.answer is None) for line in file.deliveries] == [(1, False), (2, True)]
