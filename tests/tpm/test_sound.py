# SPDX-License-Identifier: Apache-2.0
"""The originals that the tables forge are accepted, so no case passes for another reason."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

import pytest

from tests.tpm.table import (
    BANKS,
    CHALLENGE,
    P384,
    PCR14,
    PKI,
    RSA,
    TPM,
    Accepted,
    Given,
    Table,
    anchors_of,
    chain,
    chain_of,
    pinned,
    quoted,
    settle,
)
from troth.evidence.tpm import PcrSelection
from troth.tsm.emulated.tpm import SoftwareTpm
from troth.verify import AnyValue, Trace
from troth.verify.tpm import verify_tpm

ALL_BANKS: Final = tuple((bank, 24) for bank in ("sha1", "sha256", "sha384", "sha512"))
SPARSE: Final = (PcrSelection("sha384", (0, 7, 23)), PcrSelection("sha256", ()))


def carried(tpm: SoftwareTpm, carry: Any) -> Given:
    return Given(evidence=tpm.evidence(CHALLENGE, carry=carry), anchors=pinned(tpm))


CASES: Final[Table] = {
    "p256": (Given, Accepted()),
    "rsa": (lambda: quoted(RSA), Accepted(key="RSA")),
    "p384": (lambda: quoted(P384), Accepted(key="P-384")),
    "p256-with-sha384": (lambda: quoted(hash_name="sha384"), Accepted()),
    "rsa-with-sha384": (lambda: quoted(RSA, hash_name="sha384"), Accepted(key="RSA")),
    "several-banks": (lambda: quoted(BANKS), Accepted(quoted=ALL_BANKS)),
    "one-register": (lambda: quoted(selections=PCR14), Accepted(quoted=(("sha256", 1),))),
    "a-bank-of-no-register": (
        lambda: quoted(BANKS, SPARSE),
        Accepted(quoted=(("sha384", 3), ("sha256", 0))),
    ),
    "any-challenge": (lambda: Given(challenge=AnyValue), Accepted()),
    "no-challenge": (lambda: Given(evidence=TPM.evidence(b""), challenge=b""), Accepted()),
    "challenge-of-66": (
        lambda: Given(evidence=TPM.evidence(bytes(66)), challenge=bytes(66)),
        Accepted(),
    ),
    "root-above-the-key": (lambda: chain_of(PKI.without_intermediate()), Accepted()),
    "subject-without-a-name": (lambda: chain("ak", subject=""), Accepted()),
    "certificates-with-sha384": (lambda: chain("ca", digest="sha384"), Accepted()),
    "root-of-path-length-1": (lambda: chain("root", path_length=1), Accepted()),
    "another-usage-beside": (
        lambda: chain("ak", usages=("2.23.133.8.3", "2.23.133.8.1")),
        Accepted(),
    ),
    "pinned-by-certificate": (lambda: carried(TPM, "certificates"), Accepted()),
    "pinned-by-public-area": (lambda: carried(TPM, "public"), Accepted()),
    "pinned-by-public-area-rsa": (lambda: carried(RSA, "public"), Accepted(key="RSA")),
    "pinned-by-public-area-p384": (lambda: carried(P384, "public"), Accepted(key="P-384")),
    "pinned-by-pem": (lambda: carried(TPM, "pem"), Accepted()),
    "pinned-by-pem-rsa": (lambda: carried(RSA, "pem"), Accepted(key="RSA")),
    "first-instant": (lambda: Given(at=PKI.spec("ak").not_before), Accepted()),
    "last-instant": (lambda: Given(at=PKI.spec("ak").not_after), Accepted()),
    "firmware-0": (
        lambda: Given(
            evidence=TPM.evidence(CHALLENGE, quote=lambda one: with_firmware(one, 0)),
            anchors=anchors_of(TPM),
        ),
        Accepted(),
    ),
}


def with_firmware(quote: Any, version: int) -> Any:
    return type(quote)(
        **{name: getattr(quote, name) for name in quote.__struct_fields__}
        | {"firmware_version": version}
    )


@pytest.mark.parametrize("name", CASES)
def test_the_original_is_accepted(name: str) -> None:
    settle(CASES[name])


def test_a_second_after_the_last_instant_is_too_late() -> None:
    late = PKI.spec("ak").not_after + timedelta(seconds=1)
    settle((lambda: Given(at=late), "chain.expired"))


def test_every_step_is_in_the_trace_in_order() -> None:
    trace, given = Trace(), Given()
    verify_tpm(given.evidence, anchors=given.anchors, at=given.at, challenge=CHALLENGE, trace=trace)
    assert {one.verdict for one in trace} == {"held"}
    steps = [one.rule.partition(".")[0] for one in trace]
    assert steps == sorted(steps)
    assert set(steps) == set("12345")
