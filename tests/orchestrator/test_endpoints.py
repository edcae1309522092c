# SPDX-License-Identifier: Apache-2.0
"""Which verifiers trothd speaks to, and over what."""

from __future__ import annotations

import asyncio
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from troth.errors import DriverError, TrothError, UsageError
from troth.orchestrator.endpoints import Endpoint, endpoint_problem
from troth.orchestrator.verifier_client import HttpVerifier

NONCE = b'{"nonce":"AAAA"}'


@pytest.mark.parametrize(
    "url",
    [
        "https://verifier.example",
        "http://127.0.0.1:8080",
        "http://[::1]:8080",
        "http://localhost",
        "unix:/run/v.sock",
    ],
)
def test_what_is_tls_or_local_is_a_verifier(url: str) -> None:
    assert endpoint_problem(Endpoint(url)) == ""


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://verifier.example", "use https"),
        ("http://192.0.2.1", "use https"),
        ("http://localhost.example", "use https"),
        ("http://127.0.0.1@verifier.example", "usage.url"),
        ("https://", "usage.url"),
        ("https://a b", "usage.url"),
        ("https://verifier.example/?a=b", "usage.url"),
        ("https://verifier.example/#a", "usage.url"),
        ("https://verifier.example:99999", "usage.url"),
        ("https://verifier.example:x", "usage.url"),
        ("https://verifier.example:0", "usage.url"),
        ("ftp://x", "neither http"),
        ("unix:v.sock", "unix:/path"),
        ("unix://host/v.sock", "unix:/path"),
        ("unix:/" + "a" * 107, "107 bytes"),
        ("https://[", "usage.url"),
        ("", "neither http"),
    ],
)
def test_what_others_can_read_is_none(url: str, words: str) -> None:
    assert words in endpoint_problem(Endpoint(url))


def test_a_ca_file_that_cannot_be_used_is_a_problem(tmp_path: Path) -> None:
    missing, empty, text = tmp_path / "none", tmp_path / "empty", tmp_path / "text"
    empty.write_bytes(b"")
    text.write_text("not a certificate")
    for path in (missing, empty, text, tmp_path):
        endpoint = Endpoint("https://verifier.example", str(path))
        assert endpoint_problem(endpoint).startswith("usage.tls")
        with pytest.raises(UsageError, match=r"usage.tls"):
            endpoint.trust()
    chain, _ = made(tmp_path, "good")
    assert "for https" in endpoint_problem(Endpoint("unix:/v.sock", str(chain)))
    assert endpoint_problem(Endpoint("https://verifier.example", str(chain))) == ""


def made(directory: Path, name: str) -> tuple[Path, Path]:
    """Return the certificate of a CA that is its own server, and the key."""
    key = ec.generate_private_key(ec.SECP256R1())
    called = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(called)
        .issuer_name(called)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    chain, private = directory / f"{name}.pem", directory / f"{name}.key"
    chain.write_bytes(certificate.public_bytes(Encoding.PEM))
    private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return chain, private


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(NONCE), NONCE))
    await writer.drain()
    writer.close()


async def challenge(chain: Path, key: Path, ca: Path | None) -> bytes:
    """Return what a verifier behind TLS answers to one who trusts `ca`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, key)
    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    port = server.sockets[0].getsockname()[1]
    verifier = HttpVerifier(Endpoint(f"https://localhost:{port}", None if ca is None else str(ca)))
    try:
        return await verifier.challenge()
    finally:
        await verifier.close()
        server.close()


def test_a_verifier_is_believed_under_its_ca_and_under_no_other(tmp_path: Path) -> None:
    own, key = made(tmp_path, "own")
    other, _ = made(tmp_path, "other")
    assert asyncio.run(challenge(own, key, own)) == bytes(3)
    for ca in (other, None):
        with pytest.raises(DriverError) as caught:
            asyncio.run(challenge(own, key, ca))
        assert caught.value.code == "verifier.unreachable"


def test_a_ca_file_that_went_away_is_an_unreachable_verifier(tmp_path: Path) -> None:
    verifier = HttpVerifier(Endpoint("https://localhost:1", str(tmp_path / "gone")))
    with pytest.raises(TrothError) as caught:
        asyncio.run(verifier.challenge())
    assert caught.value.code == "verifier.unreachable"


def test_a_verifier_that_is_not_there_is_told_with_a_next_step(tmp_path: Path) -> None:
    async def ask(url: str) -> None:
        verifier = HttpVerifier(Endpoint(url))
        try:
            await verifier.challenge()
        finally:
            await verifier.close()

    for url in (f"unix:{tmp_path}/none.sock", "http://127.0.0.1:1"):
        with pytest.raises(DriverError) as caught:
            asyncio.run(ask(url))
        assert caught.value.code == "verifier.unreachable"
        assert f"troth doctor --verifier {url}" in caught.value.detail
