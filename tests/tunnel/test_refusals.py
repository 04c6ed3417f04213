from cstar_cli.events.wires import wire
from cstar_cli.protocol.frames import Result
from cstar_cli.signing import sign
from cstar_cli.suspicions.answers import no_others
from cstar_cli.tunnel.refusals import MOST_LOOKED_AT, Refusals


def refused(status: int, body: bytes = b"") -> Result:
    return Result("dlv_1", 1, False, status, None, 0, 1.0, (), (), body=body)


def test_each_cause_is_told_once() -> None:
    refusals = Refusals(no_others)
    answers = [refused(401), refused(401), refused(403, b"CSRF"), refused(401), refused(403, b"CSRF")]
    told = [refusals.hint(answer, b"{}", "whsec_1") is not None for answer in answers]
    assert told == [True, False, True, False, False]


def test_an_application_that_refuses_all_is_not_looked_at_for_ever() -> None:
    refusals = Refusals(no_others)
    for _ in range(MOST_LOOKED_AT):
        refusals.hint(refused(401), b"{}", "whsec_1")
    assert refusals.hint(refused(403, b"CSRF"), b"{}", "whsec_1") is None


def test_what_a_receiver_of_the_later_wire_version_computes_is_explained_by_what_was_sent() -> None:
    sent = (("X-Signature", wire("2026-03").sign(b"{}", "whsec_1", 1_765_000_000)),)
    computed = f"expected {sign(b'{}', 'whsec_1')}".encode()
    answer = Result("dlv_1", 1, False, 401, None, 0, 1.0, sent, (), body=computed)
    assert "The body alone was signed, without its time" in str(Refusals(no_others).hint(answer, b"{}", "whsec_1"))
