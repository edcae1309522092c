# SPDX-License-Identifier: Apache-2.0
"""Numbers of the TPM 2.0 structures that make a quote. Big-endian; sizes in bytes.

Source: TCG TPM 2.0 Library, part 2 (Structures), revision 1.59, the sections named below.
"""

from __future__ import annotations

from typing import Final

from troth.evidence.banks import PCR_BANKS, PCR_COUNT

__all__ = [
    "ALG_ECC",
    "ALG_ECDSA",
    "ALG_NULL",
    "ALG_RSA",
    "ALG_RSASSA",
    "ATTEST_MAX_BYTES",
    "ATTRIBUTES_DUE",
    "ATTRIBUTES_FORBIDDEN",
    "BANKS",
    "BANK_NUMBERS",
    "CURVES",
    "EXTRA_DATA_MAX_BYTES",
    "GENERATED",
    "PCR_COUNT",
    "PUBLIC_MAX_BYTES",
    "SELECTIONS_MOST",
    "SELECT_BYTES",
    "SIGNATURE_HASHES",
    "SIGNATURE_MAX_BYTES",
    "ST_ATTEST_QUOTE",
]

GENERATED: Final = b"\xffTCG"  # TPM_GENERATED_VALUE, 6.2: a TPM made this, and no caller
ST_ATTEST_QUOTE: Final = 0x8018  # 6.9

ALG_RSA: Final = 0x0001  # 6.3
ALG_NULL: Final = 0x0010
ALG_RSASSA: Final = 0x0014
ALG_ECDSA: Final = 0x0018
ALG_ECC: Final = 0x0023

# Banks of registers: the algorithm's name and the size of its digest.
BANKS: Final = {one.algorithm: (one.name, one.size) for one in PCR_BANKS}
BANK_NUMBERS: Final = {one.name: one.algorithm for one in PCR_BANKS}
SIGNATURE_HASHES: Final = frozenset({"sha256", "sha384"})
CURVES: Final = {0x0003: ("P-256", 32), 0x0004: ("P-384", 48)}  # TPM_ECC_NIST_P256, _P384; 6.4

SELECT_BYTES: Final = 3  # sizeofSelect of so many registers; 10.6.2
SELECTIONS_MOST: Final = len(BANKS)  # each at most once
EXTRA_DATA_MAX_BYTES: Final = 66  # TPM2B_DATA holds at most a TPMT_HA of SHA-512; 10.4.3
ATTEST_MAX_BYTES: Final = 1024  # the largest quote of these parts has about 250
SIGNATURE_MAX_BYTES: Final = 1024  # of RSA with 4,096 bits 518
PUBLIC_MAX_BYTES: Final = 1024  # of RSA with 4,096 bits about 540

# TPMA_OBJECT, 8.3.2: fixedTPM, fixedParent, sensitiveDataOrigin, restricted, sign. Such a key was
# made in this TPM, never leaves it, and signs nothing that begins like a quote but quotes.
ATTRIBUTES_DUE: Final = 1 << 1 | 1 << 4 | 1 << 5 | 1 << 16 | 1 << 18
ATTRIBUTES_FORBIDDEN: Final = 1 << 17  # decrypt
