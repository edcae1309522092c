# SPDX-License-Identifier: Apache-2.0
"""Revocation lists: whose they are, when they count, and what they revoke."""

from __future__ import annotations

import base64
import dataclasses
from datetime import timedelta
from functools import partial
from typing import Final

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509 import load_der_x509_crl

from tests.encodings import with_unused_bit
from tests.negative.table import (
    BUNDLE,
    EVIL,
    OTHER,
    PKI,
    TEE,
    Accepted,
    Case,
    Change,
    Given,
    Table,
    bundled,
    certificate,
    chained,
    crl,
    endorsed,
    parsed,
    pem,
    settle,
)
from tests.tdx import AT
from troth.crypto import _tbs
from troth.crypto.crl import CRL_MAX_BYTES
from troth.crypto.der import TAG_OCTET_STRING, encode_tlv
from troth.crypto.issue import Extension, KeyUsage
from troth.tsm.emulated.tdx.pki import Issuer
from troth.wire import json

PLACES: Final[dict[str, Issuer]] = {"pck_crl": "platform-ca", "root_crl": "root"}
SECOND: Final = timedelta(seconds=1)
ROOT: Final = PKI.certificates["root"]

DELTA: Final = Extension(oid="2.5.29.27", value=b"\2\1\1", critical=True)
PARTIAL: Final = Extension(oid="2.5.29.28", value=b"\x30\3\x81\1\xff", critical=True)
NO_ONE_KNOWS: Final = Extension(oid="1.2.3.4", value=b"\5\0", critical=True)
LARGE: Final = Extension(oid="1.2.3.4", value=encode_tlv(TAG_OCTET_STRING, bytes(CRL_MAX_BYTES)))
NO_ONE_MINDS: Final = Extension(oid="1.2.3.4", value=b"\5\0")


def mislabelled(issuer: Issuer) -> bytes:
    """A list that says SHA-384, and whose signature is over its SHA-256."""
    tbs = load_der_x509_crl(crl(issuer, digest="sha384")).tbs_certlist_bytes
    signature = PKI.keys[issuer].library_key.sign(tbs, ec.ECDSA(hashes.SHA256()))
    return _tbs.sequence(tbs, _tbs.algorithm("sha384"), _tbs.bit_string(signature))


def listed(place: str, **fields: Change) -> Given:
    """Put another list in one place, issued by the same CA."""
    return endorsed(**{place: crl(PLACES[place], **fields)})


def in_place(place: str, content: bytes) -> Given:
    return endorsed(**{place: content})


def armoured(content: bytes) -> bytes:
    text = base64.encodebytes(content)
    return b"-----BEGIN X509 CRL-----\n" + text + b"-----END X509 CRL-----\n"


def without_member(name: str) -> Given:
    bundle = parsed(BUNDLE.decode())
    del bundle[name]
    return Given(bundles=(json.encode(bundle),))


def ca_may_not_sign_lists() -> Given:
    """The CA may issue certificates and no lists, and so says its certificate everywhere."""
    ca = certificate("platform-ca", key_usage=KeyUsage.KEY_CERT_SIGN)
    bundles = endorsed(pck_crl_issuer_chain=pem(ca, ROOT)).bundles
    return dataclasses.replace(chained(intermediate=ca), bundles=bundles)


def other_ca_of_the_same_name() -> Given:
    """A list of another hierarchy's Platform CA, whose name is the same, with its chain."""
    other = OTHER.pki
    return endorsed(
        pck_crl=other.crl("platform-ca"), pck_crl_issuer_chain=other.pem("platform-ca", "root")
    )


def second_signer(serial: int, revoked: int) -> Given:
    """The QE identity has a signer of its own: the same key, under another serial number."""
    signer = certificate("tcb-signing", serial=serial)
    bundle = TEE.collateral(root_crl=crl("root", revoked=(revoked,)))
    changed = parsed(bundle.json().decode())
    changed["qe_identity_issuer_chain"] = pem(signer, ROOT).decode()
    return Given(bundles=(json.encode(changed),))


def faults(place: str) -> dict[str, Case]:
    """Return the faults that either list can have."""
    issuer = PLACES[place]
    cases: dict[str, Case] = {
        "empty": (partial(in_place, place, b""), "crl.malformed"),
        "expired": (partial(listed, place, next_update=AT - SECOND), "crl.expired"),
        "future": (partial(listed, place, this_update=AT + SECOND), "crl.not-yet-valid"),
        "to-the-second": (
            partial(listed, place, this_update=AT, next_update=AT),
            Accepted(),
        ),
        "no-next-update": (partial(listed, place, next_update=None), "crl.no-next-update"),
        "wrong-key": (partial(listed, place, signed_by=EVIL), "crl.signature"),
        "with-sha-384": (partial(listed, place, digest="sha384"), "crl.signature"),
        "delta": (partial(listed, place, extensions=(DELTA,)), "crl.extension"),
        "for-users-only": (partial(listed, place, extensions=(PARTIAL,)), "crl.extension"),
        "unknown-critical-extension": (
            partial(listed, place, extensions=(NO_ONE_KNOWS,)),
            "crl.extension",
        ),
        "unknown-extension": (
            partial(listed, place, extensions=(NO_ONE_MINDS,)),
            Accepted(),
        ),
        "extension-twice": (
            partial(listed, place, extensions=(NO_ONE_MINDS,) * 2),
            "crl.malformed",
        ),
        "said-to-be-with-sha-384": (partial(in_place, place, mislabelled(issuer)), "crl.signature"),
        "truncated": (partial(in_place, place, crl(issuer)[:-1]), "crl.malformed"),
        "signature-with-an-unused-bit": (
            partial(in_place, place, with_unused_bit(partial(crl, issuer))),
            "crl.malformed",
        ),
        "trailing-byte": (partial(in_place, place, crl(issuer) + b"\0"), "crl.malformed"),
        "as-pem-in-hex": (partial(in_place, place, armoured(crl(issuer))), "crl.malformed"),
        "a-certificate": (partial(in_place, place, ROOT), "crl.malformed"),
        "over-1-mib": (
            partial(listed, place, extensions=(LARGE,)),
            "crl.malformed",
        ),
    }
    return {f"{place.replace('_crl', '-list')}-{name}": case for name, case in cases.items()}


CASES: Final[Table] = {
    "no-collateral-at-all": (lambda: Given(bundles=()), "collateral.missing"),
    "pck-list-absent": (partial(without_member, "pck_crl"), "json.type"),
    "root-list-absent": (partial(without_member, "root_ca_crl"), "json.type"),
    **faults("pck_crl"),
    **faults("root_crl"),
    "pck-list-as-pem": (
        lambda: bundled(pck_crl=armoured(PKI.crl("platform-ca")).decode()),
        "wire.hex",
    ),
    "root-list-as-pem": (
        lambda: bundled(root_ca_crl=armoured(PKI.crl("root")).decode()),
        "wire.hex",
    ),
    "pck-list-tampered": (
        lambda: endorsed(pck_crl=crl("platform-ca")[:-4] + bytes(4)),
        "crl.signature",
    ),
    "pck-list-of-the-other-ca": (
        lambda: endorsed(pck_crl=PKI.crl("processor-ca")),
        "collateral.missing",
    ),
    "pck-list-by-the-other-ca-in-this-ones-name": (
        lambda: listed("pck_crl", signed_by=PKI.keys["processor-ca"]),
        "crl.signature",
    ),
    "pck-list-by-the-root-in-the-cas-name": (
        lambda: listed("pck_crl", signed_by=PKI.keys["root"]),
        "crl.signature",
    ),
    "pck-list-with-the-other-cas-chain": (
        lambda: endorsed(pck_crl_issuer_chain=PKI.pem("processor-ca", "root")),
        "crl.issuer",
    ),
    "pck-list-of-another-ca-of-the-same-name": (other_ca_of_the_same_name, "crl.issuer"),
    "pck-list-with-another-ca-of-the-same-name": (
        lambda: endorsed(pck_crl_issuer_chain=OTHER.pki.pem("platform-ca", "root")),
        "crl.issuer",
    ),
    "pck-list-whose-ca-was-renewed": (
        lambda: endorsed(pck_crl_issuer_chain=pem(certificate("platform-ca", serial=9), ROOT)),
        Accepted(),
    ),
    "ca-may-not-sign-lists": (ca_may_not_sign_lists, "crl.issuer"),
    "root-may-not-sign-lists": (
        lambda: chained(root=certificate("root", key_usage=KeyUsage.KEY_CERT_SIGN)),
        "crl.issuer",
    ),
    "root-list-twice": (lambda: endorsed(pck_crl=PKI.crl("root")), "collateral.missing"),
    "pck-list-twice": (lambda: endorsed(root_crl=PKI.crl("platform-ca")), "crl.issuer"),
    # What is on them.
    "pck-revoked": (
        lambda: listed("pck_crl", revoked=(PKI.serial("pck"),)),
        "pck.revoked",
    ),
    "pck-revoked-among-others": (
        lambda: listed("pck_crl", revoked=(1, 2, 3, PKI.serial("pck"), 4)),
        "pck.revoked",
    ),
    "intermediate-revoked": (
        lambda: listed("root_crl", revoked=(PKI.serial("platform-ca"),)),
        "chain.revoked",
    ),
    "tcb-signer-revoked": (
        lambda: listed("root_crl", revoked=(PKI.serial("tcb-signing"),)),
        "chain.revoked",
    ),
    "qe-identity-signer-revoked-alone": (lambda: second_signer(77, 77), "chain.revoked"),
    "qe-identity-signer-of-another-serial": (lambda: second_signer(77, 78), Accepted()),
    "others-revoked": (lambda: listed("pck_crl", revoked=(1, 2, 3)), Accepted()),
    "pck-serial-on-the-root-list": (
        lambda: listed("root_crl", revoked=(PKI.serial("pck"),)),
        Accepted(),
    ),
    "ca-and-signer-serials-on-the-pck-list": (
        lambda: listed("pck_crl", revoked=(PKI.serial("platform-ca"), PKI.serial("tcb-signing"))),
        Accepted(),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_crl(name: str) -> None:
    settle(CASES[name])
