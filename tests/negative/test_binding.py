# SPDX-License-Identifier: Apache-2.0
"""Binding and signatures: who signed what, and whether every byte of it is covered."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import partial
from typing import Final, Literal

import pytest
from msgspec.structs import replace

from tests.negative.table import (
    EVIL,
    OTHER,
    QUOTE,
    TEE,
    Accepted,
    Given,
    Table,
    enclave,
    flipped,
    quoted,
    section,
    settle,
)
from tests.tdx import REPORT_DATA
from troth.evidence.tdx import TdxQuote
from troth.verify import WithoutCollateral

# The order of P-256 (FIPS 186-4, D.1.2.3).
ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
SOUND_SECTION: Final = TdxQuote.parse(QUOTE).section
RAW_KEY: Final = TEE.attestation_key.public.raw
TOP: Final = b"\xff" * 32

# Fields of the body in the order of the layout, and their sizes.
BODY: Final = {
    "tee-tcb-svn": 16,
    "mr-seam": 48,
    "mr-signer-seam": 48,
    "seam-attributes": 8,
    "td-attributes": 8,
    "xfam": 8,
    "mr-td": 48,
    "mr-config-id": 48,
    "mr-owner": 48,
    "mr-owner-config": 48,
    "rtmr0": 48,
    "rtmr1": 48,
    "rtmr2": 48,
    "rtmr3": 48,
    "report-data": 64,
    "tee-tcb-svn2": 16,
    "mr-service-td": 48,
}


def body_flipped(name: str, version: Literal[4, 5]) -> Given:
    """Flip a bit of the field's last byte. Without collateral, for the TCB would speak first."""
    start = 48 if version == 4 else 54
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


def by_the_quoted_section(field: str, change: Callable[[bytes], bytes]) -> Given:
    return quoted(section=lambda one: replace(one, **{field: change(getattr(one, field))}))


def signatures(field: str, code: str) -> Table:
    """The same faults of either signature."""
    what = field.replace("_", "-")
    changes: dict[str, Callable[[bytes], bytes]] = {
        "zero": lambda _: bytes(64),
        "r-zero": lambda one: bytes(32) + one[32:],
        "s-zero": lambda one: one[:32] + bytes(32),
        "r-is-n": lambda one: ORDER.to_bytes(32, "big") + one[32:],
        "s-is-n": lambda one: one[:32] + ORDER.to_bytes(32, "big"),
        "r-above-n": lambda one: TOP + one[32:],
        "s-above-n": lambda one: one[:32] + TOP,
        "swapped": lambda one: one[32:] + one[:32],
        "of-nothing": lambda _: EVIL.sign(b""),
    }
    return {
        f"{what}-{name}": (partial(by_the_quoted_section, field, change), code)
        for name, change in changes.items()
    } | {
        f"{what}-mirrored": (lambda: by_the_quoted_section(field, mirrored), Accepted()),
    }


CASES: Final[Table] = {
    "attestation-key-replaced": (lambda: quoted(attestation_key=EVIL), "qe.binding"),
    "other-key-vouched": (lambda: quoted(vouched=EVIL.public.raw), "qe.binding"),
    "qe-report-of-another-quote": (
        lambda: section(
            qe_report=TdxQuote.parse(OTHER.quote(REPORT_DATA)).section.qe_report,
            qe_report_signature=TdxQuote.parse(
                OTHER.quote(REPORT_DATA)
            ).section.qe_report_signature,
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
    "qe-report-data-halves-swapped": (
        lambda: quoted(
            qe_report=lambda one: replace(one, report_data=bytes(32) + one.report_data[:32])
        ),
        "qe.binding",
    ),
    "qe-report-data-without-auth-data": (
        lambda: quoted(auth_data=b"", section=lambda one: replace(one, qe_auth_data=b"\0")),
        "qe.binding",
    ),
    "auth-data-changed": (lambda: section(qe_auth_data=bytes(32)), "qe.binding"),
    "auth-data-longer": (
        lambda: section(qe_auth_data=SOUND_SECTION.qe_auth_data + b"\0"),
        "qe.binding",
    ),
    "attestation-key-zero": (lambda: key_of_bytes(bytes(64)), "quote.key"),
    "attestation-key-off-curve": (lambda: key_of_bytes(b"\1" * 64), "quote.key"),
    "attestation-key-above-the-field": (lambda: key_of_bytes(b"\xff" * 64), "quote.key"),
    "attestation-key-beside-the-curve": (
        lambda: key_of_bytes(RAW_KEY[:63] + bytes((RAW_KEY[63] ^ 1,))),
        "quote.key",
    ),
    **signatures("signature", "quote.signature"),
    **signatures("qe_report_signature", "qe.report-signature"),
    "quote-signed-by-other-key": (
        lambda: section(signature=EVIL.sign(QUOTE[:632])),
        "quote.signature",
    ),
    "quote-signature-over-the-body-alone": (
        lambda: section(signature=TEE.attestation_key.sign(QUOTE[48:632])),
        "quote.signature",
    ),
    "quote-signature-without-the-descriptor": (
        lambda: quoted(
            version=5,
            section=lambda one: replace(
                one,
                signature=TEE.attestation_key.sign(
                    (whole := TEE.quote(REPORT_DATA, version=5))[:48] + whole[54:702]
                ),
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
        lambda: quoted(pck_key=TEE.pki.keys["platform-ca"]),
        "qe.report-signature",
    ),
    "qe-report-field-raised": (
        lambda: section(qe_report=replace(TdxQuote.parse(QUOTE).qe_report, isv_svn=8).build()),
        "qe.report-signature",
    ),
    "another-platforms-chain": (
        lambda: quoted(chain=OTHER.pki.pck_chain()),
        "chain.root",
    ),
    "another-leaf-of-the-same-ca": (
        lambda: quoted(
            chain=TEE.pki.pck_chain(
                leaf=TEE.pki.certificate("pck", lambda s: dataclasses.replace(s, key=EVIL.public))
            )
        ),
        "qe.report-signature",
    ),
    "header-user-data-flipped": (lambda: flipped(Given(), 28), "quote.signature"),
    "header-qe-svn-flipped": (lambda: flipped(Given(), 8), "quote.signature"),
    "header-pce-svn-flipped": (lambda: flipped(Given(), 10), "quote.signature"),
    **{
        f"body-1-0-{name}-flipped": (partial(body_flipped, name, 4), "quote.signature")
        for name in [*BODY][:15]
    },
    **{
        f"body-1-5-{name}-flipped": (partial(body_flipped, name, 5), "quote.signature")
        for name in BODY
    },
}


@pytest.mark.parametrize("name", CASES)
def test_binding(name: str) -> None:
    settle(CASES[name])
