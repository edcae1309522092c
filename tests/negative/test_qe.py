# SPDX-License-Identifier: Apache-2.0
"""The quoting enclave: certified by a PCK, and still not the one that the QE identity describes."""

from __future__ import annotations

from typing import Final

import pytest

from tests.negative.table import Accepted, Table, document, enclave, quoted, settle

# ATTRIBUTES of the sound enclave: INIT, MODE64BIT, PROVISIONKEY; then XFRM, which the mask leaves.
SOUND: Final = "1500000000000000e700000000000000"


def attributes(text: str) -> bytes:
    return bytes.fromhex(text)


CASES: Final[Table] = {
    "miscselect": (lambda: enclave(misc_select=1), "qe.identity"),
    "miscselect-high-bit": (lambda: enclave(misc_select=1 << 31), "qe.identity"),
    "miscselect-is-a-big-endian-number": (
        lambda: document("qe_identity", miscselect="01000000"),
        "qe.identity",
    ),
    "miscselect-masked": (
        lambda: document("qe_identity", miscselectMask="00000000"),
        Accepted(),
    ),
    "attributes": (lambda: enclave(attributes=bytes(16)), "qe.identity"),
    "attributes-last-masked-byte": (
        lambda: enclave(attributes=attributes("1500000000000001" + SOUND[16:])),
        "qe.identity",
    ),
    "attributes-outside-the-mask": (
        lambda: enclave(attributes=attributes("11" + SOUND[2:16] + "ff" * 8)),
        Accepted(),
    ),
    "attributes-identity-outside-its-own-mask": (
        lambda: document("qe_identity", attributes="11" + "00" * 14 + "01"),
        "qe.identity",
    ),
    "debug": (lambda: enclave(attributes=attributes("17" + SOUND[2:])), "qe.identity"),
    "mrsigner": (lambda: enclave(mr_signer=bytes(32)), "qe.identity"),
    "mrsigner-of-the-identity": (
        lambda: document("qe_identity", mrsigner="00" * 32),
        "qe.identity",
    ),
    "isvprodid": (lambda: enclave(isv_prod_id=1), "qe.identity"),
    "isvprodid-of-the-identity": (lambda: document("qe_identity", isvprodid=1), "qe.identity"),
    "mrenclave": (lambda: enclave(mr_enclave=bytes(32)), Accepted()),
    "cpusvn": (lambda: enclave(cpu_svn=bytes(16)), Accepted()),
    "reserved": (lambda: enclave(reserved4=b"\1" * 42), Accepted()),
    "auth-data-empty": (lambda: quoted(auth_data=b""), Accepted()),
    "auth-data-32": (lambda: quoted(auth_data=bytes(32)), Accepted()),
    "auth-data-1000": (lambda: quoted(auth_data=b"x" * 1000), Accepted()),
}


@pytest.mark.parametrize("name", CASES)
def test_qe(name: str) -> None:
    settle(CASES[name])
