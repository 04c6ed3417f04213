"""TLS with real receivers: whose certificates are taken, and what is said of the others."""

import ssl
from pathlib import Path

import pytest

from cstar_cli.errors import UsageError
from cstar_cli.sender.outcome import Failure, Outcome
from cstar_cli.sender.tls import TlsFault, Trust, trust_of

from .receivers import BODY, CERTIFICATE, HEADERS, OK, Receiver, Setup, answering, receiver

HERE = CERTIFICATE.parent
SIGNED, AUTHORITY, EXPIRED, NOT_YET_VALID = (
    HERE / f"{name}.pem" for name in ("signed", "authority", "expired", "not_yet_valid")
)


def context(certificate: Path) -> ssl.SSLContext:
    made = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    made.load_cert_chain(certificate)
    return made


def post(setup: Setup, certificate: Path, trust: Trust, host: str = "localhost") -> tuple[Outcome, Receiver]:
    async def resolve(host: str, port: int) -> list[str]:
        return ["127.0.0.1"]

    async def scenario() -> tuple[Outcome, Receiver]:
        async with (
            receiver(answering(OK), context(certificate)) as there,
            setup.sender(trust=trust, resolve=resolve) as sender,
        ):
            return await sender.post(there.target(host), HEADERS, BODY, 5.0), there

    return setup.run(scenario())


def trusting(file: Path) -> Trust:
    return trust_of(str(file), insecure=False)


@pytest.mark.parametrize(
    ("certificate", "trusted"),
    [(CERTIFICATE, CERTIFICATE), (SIGNED, AUTHORITY), (SIGNED, SIGNED)],
    ids=["self-signed", "by its authority", "for itself"],
)
def test_a_certificate_is_taken_when_its_file_or_its_authoritys_is_given(
    setup: Setup, certificate: Path, trusted: Path
) -> None:
    outcome, there = post(setup, certificate, trusting(trusted))
    assert (outcome.status, outcome.error, len(there.requests)) == (200, None, 1)


@pytest.mark.parametrize(
    ("certificate", "trust", "host", "fault", "words"),
    [
        (CERTIFICATE, Trust(), "localhost", TlsFault.SELF_SIGNED, "self"),
        (SIGNED, Trust(), "localhost", TlsFault.UNKNOWN_AUTHORITY, "unable to get local issuer certificate"),
        (SIGNED, trusting(CERTIFICATE), "localhost", TlsFault.UNKNOWN_AUTHORITY, "unable to get local issuer"),
        (SIGNED, trusting(AUTHORITY), "other.test", TlsFault.WRONG_NAME, "Hostname mismatch"),
        (SIGNED, trusting(AUTHORITY), "127.0.0.1", TlsFault.WRONG_NAME, "IP address mismatch"),
        (EXPIRED, trusting(EXPIRED), "localhost", TlsFault.EXPIRED, "certificate has expired"),
        (NOT_YET_VALID, trusting(NOT_YET_VALID), "localhost", TlsFault.NOT_YET_VALID, "certificate is not yet valid"),
    ],
    ids=lambda value: value.value if isinstance(value, TlsFault) else "",
)
def test_what_is_wrong_with_a_certificate_is_told_and_nothing_is_sent(
    setup: Setup, certificate: Path, trust: Trust, host: str, fault: TlsFault, words: str
) -> None:
    outcome, there = post(setup, certificate, trust, host)
    assert (outcome.failure, outcome.tls) == (Failure.TLS, fault)
    assert (outcome.error or "").startswith(f"TLS: certificate verify failed: {words}")
    assert there.requests == []


@pytest.mark.parametrize("certificate", [CERTIFICATE, SIGNED, EXPIRED, NOT_YET_VALID], ids=lambda path: path.stem)
def test_who_takes_any_certificate_posts_to_each(setup: Setup, certificate: Path) -> None:
    outcome, _ = post(setup, certificate, Trust(insecure=True), "other.test")
    assert outcome.status == 200


def test_the_systems_authorities_hold_beside_the_files(setup: Setup, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(AUTHORITY))
    assert post(setup, SIGNED, Trust())[0].status == 200
    assert post(setup, SIGNED, trusting(CERTIFICATE))[0].status == 200


def test_a_plain_request_that_is_answered_in_tls_is_told_apart(setup: Setup) -> None:
    alert = b"\x15\x03\x03\x00\x02\x02\x16"
    outcome = setup.post_to(answering(alert))
    assert (outcome.failure, outcome.tls) == (Failure.PROTOCOL, TlsFault.WANTED)
    assert outcome.error == "answered in TLS, not in HTTP (is it https:// there?)"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "can't be read: No such file or directory."),
        (b"", "is empty: give a file with a certificate, in PEM form."),
        (b"\n \n", "is empty"),
        (b"hello", "has no certificate in PEM form (-----BEGIN CERTIFICATE-----)"),
        (b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "has no certificate in PEM form"),
        (b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "has no certificate in PEM form"),
        (ssl.PEM_cert_to_DER_cert(AUTHORITY.read_text()), "openssl x509 -inform der -in FILE makes one"),
        (b"\xff\xfe\x00", "has no certificate in PEM form"),
    ],
)
def test_a_file_that_can_not_be_trusted_is_refused_with_what_to_do(
    tmp_path: Path, content: bytes | None, said: str
) -> None:
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(UsageError) as refused:
        trusting(file)
    assert str(refused.value).startswith(f"--cacert {file} ")
    assert said in str(refused.value)


def test_a_folder_is_no_file_to_trust(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="can't be read: Is a directory"):
        trusting(tmp_path)


def test_a_bundle_with_comments_in_any_language_is_read(tmp_path: Path) -> None:
    file = tmp_path / "bundle.pem"
    file.write_bytes("# Zürich\n".encode() + CERTIFICATE.read_bytes() + b"# \xff\n" + AUTHORITY.read_bytes())
    found = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    found.load_verify_locations(cadata=trusting(file).authorities)
    assert len(found.get_ca_certs()) == 2
