# SPDX-License-Identifier: Apache-2.0
"""Binding, signatures, chains, lists and the quoting enclave: who vouched for what."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import partial
from typing import Final

import pytest
from msgspec.structs import replace

from tests.negative import test_chain, test_crl
from tests.negative.table import Accepted
from tests.sgx.table import (
    EVIL,
    OTHER,
    PKI,
    QUOTE,
    TEE,
    VERSIONS,
    Given,
    Table,
    chain_of,
    document,
    enclave,
    flipped,
    quoted,
    settle,
    unsigned,
)
from tests.tdx import REPORT_DATA
from troth.evidence.sgx import SgxQuote
from troth.tsm.emulated.sgx.settings import QuoteVersion
from troth.verify import WithoutCollateral

# The order of P-256 (FIPS 186-4, D.1.2.3).
ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
SECTION: Final = SgxQuote.parse(QUOTE).section
RAW_KEY: Final = TEE.attestation_key.public.raw
TOP: Final = b"\xff" * 32
# ATTRIBUTES of the sound QE: INIT, MODE64BIT, PROVISIONKEY; then XFRM, which the mask leaves.
QE_ATTRIBUTES: Final = "1500000000000000e700000000000000"

# The body in the order of the layout, and the sizes of its fields.
BODY: Final = {
    "cpu-svn": 16,
    "misc-select": 4,
    "reserved-1": 12,
    "isv-ext-prod-id": 16,
    "attributes": 16,
    "mr-enclave": 32,
    "reserved-2": 32,
    "mr-signer": 32,
    "reserved-3": 32,
    "config-id": 64,
    "isv-prod-id": 2,
    "isv-svn": 2,
    "config-svn": 2,
    "reserved-4": 42,
    "family-id": 16,
    "report-data": 64,
}


def body_flipped(name: str, version: QuoteVersion) -> Given:
    """Flip a bit of the field's last byte. Without collateral: the signature speaks alone."""
    start = 54 if version == 5 else 48
    names = [*BODY]
    end = start + sum(BODY[one] for one in names[: names.index(name) + 1])
    given = dataclasses.replace(quoted(version=version), bundles=WithoutCollateral)
    return flipped(given, end - 1)


def mirrored(signature: bytes) -> bytes:
    """Return (r, n - s), which is a signature as good as (r, s)."""
    s = int.from_bytes(signature[32:], "big")
    return signature[:32] + (ORDER - s).to_bytes(32, "big")


def key_of_bytes(raw: bytes) -> Given:
    """The quoting enclave vouches for bytes that are no key."""
    return quoted(vouched=raw, section=lambda one: replace(one, attestation_key=raw))


def re_signed(field: str, change: Callable[[bytes], bytes]) -> Given:
    return quoted(section=lambda one: replace(one, **{field: change(getattr(one, field))}))


def signatures(field: str, code: str) -> Table:
    """The same faults of either signature."""
    changes: dict[str, Callable[[bytes], bytes]] = {
        "zero": lambda _: bytes(64),
        "r-zero": lambda one: bytes(32) + one[32:],
        "s-zero": lambda one: one[:32] + bytes(32),
        "r-is-n": lambda one: ORDER.to_bytes(32, "big") + one[32:],
        "s-is-n": lambda one: one[:32] + ORDER.to_bytes(32, "big"),
        "r-above-n": lambda one: TOP + one[32:],
        "s-above-n": lambda one: one[:32] + TOP,
        "of-nothing": lambda _: EVIL.sign(b""),
    }
    what = field.replace("_", "-")
    return {
        **{
            f"{what}-{name}": (partial(re_signed, field, change), code)
            for name, change in changes.items()
        },
        f"{what}-mirrored": (partial(re_signed, field, mirrored), Accepted()),
    }


BINDING: Final[Table] = {
    "attestation-key-replaced": (lambda: quoted(attestation_key=EVIL), "qe.binding"),
    "other-key-vouched": (lambda: quoted(vouched=EVIL.public.raw), "qe.binding"),
    "qe-report-of-another-quote": (
        lambda: unsigned(
            qe_report=(other := SgxQuote.parse(OTHER.quote(REPORT_DATA)).section).qe_report,
            qe_report_signature=other.qe_report_signature,
        ),
        "qe.report-signature",
    ),
    "qe-report-data-zero": (lambda: enclave(report_data=bytes(64)), "qe.binding"),
    "qe-report-data-second-half": (
        lambda: quoted(
            qe_report=lambda one: replace(one, report_data=one.report_data[:63] + b"\1")
        ),
        "qe.binding",
    ),
    "auth-data-changed": (lambda: unsigned(qe_auth_data=bytes(32)), "qe.binding"),
    "auth-data-longer": (
        lambda: unsigned(qe_auth_data=SECTION.qe_auth_data + b"\0"),
        "qe.binding",
    ),
    "attestation-key-zero": (lambda: key_of_bytes(bytes(64)), "quote.key"),
    "attestation-key-off-curve": (lambda: key_of_bytes(b"\1" * 64), "quote.key"),
    "attestation-key-beside-the-curve": (
        lambda: key_of_bytes(RAW_KEY[:63] + bytes((RAW_KEY[63] ^ 1,))),
        "quote.key",
    ),
    **signatures("signature", "quote.signature"),
    **signatures("qe_report_signature", "qe.report-signature"),
    "quote-signed-by-other-key": (
        lambda: unsigned(signature=EVIL.sign(QUOTE[:432])),
        "quote.signature",
    ),
    "quote-signature-over-the-body-alone": (
        lambda: unsigned(signature=TEE.attestation_key.sign(QUOTE[48:432])),
        "quote.signature",
    ),
    "quote-signature-without-the-descriptor": (
        lambda: unsigned(
            5,
            signature=TEE.attestation_key.sign(
                (whole := TEE.quote(REPORT_DATA, version=5))[:48] + whole[54:438]
            ),
        ),
        "quote.signature",
    ),
    "qe-report-signed-by-other-key": (lambda: quoted(pck_key=EVIL), "qe.report-signature"),
    "qe-report-signed-by-the-attestation-key": (
        lambda: quoted(pck_key=TEE.attestation_key),
        "qe.report-signature",
    ),
    "qe-report-signed-by-the-platform-ca": (
        lambda: quoted(pck_key=PKI.keys["platform-ca"]),
        "qe.report-signature",
    ),
    "qe-report-field-raised": (
        lambda: unsigned(qe_report=replace(SgxQuote.parse(QUOTE).qe_report, isv_svn=8).build()),
        "qe.report-signature",
    ),
    "another-platforms-chain": (lambda: quoted(chain=OTHER.pki.pck_chain()), "chain.root"),
    "another-leaf-of-the-same-ca": (
        lambda: quoted(
            chain=PKI.pck_chain(
                leaf=PKI.certificate("pck", lambda s: dataclasses.replace(s, key=EVIL.public))
            )
        ),
        "qe.report-signature",
    ),
    "header-user-data-flipped": (lambda: flipped(Given(), 28), "quote.signature"),
    "header-qe-svn-flipped": (lambda: flipped(Given(), 8), "quote.signature"),
    "header-pce-svn-flipped": (lambda: flipped(Given(), 10), "quote.signature"),
    **{
        f"v{n}-body-{name}-flipped": (partial(body_flipped, name, n), "quote.signature")
        for n in VERSIONS
        for name in BODY
    },
}

QE: Final[Table] = {
    "miscselect": (lambda: enclave(misc_select=1), "qe.identity"),
    "attributes": (lambda: enclave(attributes=bytes(16)), "qe.identity"),
    "attributes-outside-the-mask": (
        lambda: enclave(attributes=bytes.fromhex("11" + QE_ATTRIBUTES[2:16] + "ff" * 8)),
        Accepted(),
    ),
    "debug": (
        lambda: enclave(attributes=bytes.fromhex("17" + QE_ATTRIBUTES[2:])),
        "qe.identity",
    ),
    "mrsigner": (lambda: enclave(mr_signer=bytes(32)), "qe.identity"),
    "mrsigner-of-the-identity": (
        lambda: document("qe_identity", mrsigner="00" * 32),
        "qe.identity",
    ),
    "isvprodid-of-tdx": (lambda: enclave(isv_prod_id=2), "qe.identity"),
    "isvprodid-of-the-identity": (lambda: document("qe_identity", isvprodid=2), "qe.identity"),
    "mrenclave": (lambda: enclave(mr_enclave=bytes(32)), Accepted()),
    "auth-data-empty": (lambda: quoted(auth_data=b""), Accepted()),
    "auth-data-32": (lambda: quoted(auth_data=bytes(32)), Accepted()),
    "auth-data-1000": (lambda: quoted(auth_data=b"x" * 1000), Accepted()),
}

# All faults of chains and lists, from the TDX tables, in SGX quotes and beside SGX documents.
# `mixed_root` and the like are of the other hierarchy, whose chain is refused as it is there.
CHAIN: Final[Table] = {
    f"chain-{name}": (partial(chain_of, make), due)
    for name, (make, due) in test_chain.CASES.items()
}
LISTS: Final[Table] = {
    f"list-{name}": (partial(chain_of, make), due) for name, (make, due) in test_crl.CASES.items()
}

CASES: Final[Table] = {**BINDING, **QE, **CHAIN, **LISTS}


@pytest.mark.parametrize("name", CASES)
def test_signatures(name: str) -> None:
    settle(CASES[name])


def test_the_faults_of_tdx_are_all_here() -> None:
    assert len(CHAIN) == 140
    assert len(LISTS) == 64
