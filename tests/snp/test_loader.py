# SPDX-License-Identifier: Apache-2.0
"""The two readers of certificates agree, and the library still reads the serial number 0.

If `test_the_library_still_reads_serial_number_0` fails, the library has begun to refuse AMD's leaf
certificates, as it announced. Nothing breaks: `LOADER` reads them without it. What is lost is the
second reading; then remove `split_by_library` and what compares the two.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest
from cryptography import x509
from cryptography.utils import CryptographyDeprecationWarning
from hypothesis import given
from hypothesis import strategies as st

from tests.snp.reports import with_bytes
from tests.snp.world import settings_of, snp
from tests.vectors import VectorCase, vector_params
from troth.crypto.certificate_parts import LOADER, Parts, split, split_by_library
from troth.crypto.pss_certificate import PssCertificate
from troth.errors import MalformedError
from troth.tsm.emulated.snp.pki import ROLES

KEY_USAGE: Final = "2.5.29.15"


def by_library(der: bytes) -> Parts:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CryptographyDeprecationWarning)
        return split_by_library(der)


def comparable(parts: Parts) -> dict[str, Any]:
    """Return the parts; the library writes key usages anew, with another count of unused bits."""
    told = msgspec.structs.asdict(parts)
    told["extensions"] = [
        (oid, critical, None if oid == KEY_USAGE else value)
        for oid, critical, value in parts.extensions
    ]
    return told


def same_in_both(der: bytes) -> None:
    assert comparable(split(der)) == comparable(by_library(der))


def test_the_loader_is_our_own() -> None:
    assert LOADER is split


def test_the_library_still_reads_serial_number_0() -> None:
    der = snp().pki.certificates["vcek"]
    with pytest.warns(CryptographyDeprecationWarning, match="serial number which wasn't positive"):
        read = x509.load_der_x509_certificate(der)
    with pytest.warns(CryptographyDeprecationWarning, match="serial number which wasn't positive"):
        assert read.serial_number == 0
    assert PssCertificate(der).serial == 0


def test_our_own_reader_warns_of_nothing() -> None:
    for role in ROLES:  # a warning is an error in these tests
        assert PssCertificate(snp().pki.certificates[role]).serial == snp().pki.spec(role).serial


@pytest.mark.parametrize("product", ["Milan", "Genoa", "Turin"])
def test_both_readers_agree_on_a_software_chip(product: Any) -> None:
    for role in ROLES:
        same_in_both(snp(settings_of(product)).pki.certificates[role])


@pytest.mark.parametrize("case", vector_params("snp-certs", "certificate"))
def test_both_readers_agree_on_real_certificates(case: VectorCase, vectors: Path) -> None:
    same_in_both((vectors / case.file).read_bytes())


@pytest.mark.filterwarnings("ignore:Attribute's length must be:UserWarning")  # of the library
@given(st.integers(0, 1300 * 8), st.sampled_from(["vcek", "ask", "ark"]))
def test_what_we_take_the_library_takes_alike(bit: int, role: Any) -> None:
    """A certificate with one bit flipped is refused by us, or both read the same in it."""
    der = snp().pki.certificates[role]
    at = bit // 8 % len(der)
    flipped = with_bytes(der, at, bytes((der[at] ^ 1 << bit % 8,)))
    try:
        ours = split(flipped)
    except MalformedError:
        return
    try:
        theirs = by_library(flipped)
    except MalformedError:
        return  # keys and known extensions are read by us when they are asked for
    except Exception as error:
        if type(error).__name__ != "UnsupportedAlgorithm":
            raise
        return
    for name in ("tbs", "signature", "serial", "issuer", "subject", "not_before", "not_after"):
        assert getattr(ours, name) == getattr(theirs, name), name
    assert not (ours.is_pss and not theirs.is_pss)


@given(st.binary(max_size=200))
def test_bytes_are_a_certificate_or_malformed(data: bytes) -> None:
    with pytest.raises(MalformedError):
        PssCertificate(data)
