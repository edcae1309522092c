# SPDX-License-Identifier: Apache-2.0
"""A software TPM: registers, an attestation key, and the authority that certifies it.

    tpm = SoftwareTpm.create(Settings(key="RSA"), at=now)
    tpm.evidence(challenge)                            # sound, under tpm.root_pem
    tpm.evidence(challenge, key=another)               # a forgery, sound in all else

It quotes as a TPM does, so it is also the factory of evidence with exactly one fault.
"""

from troth.tsm.emulated.tpm.pki import TpmPki
from troth.tsm.emulated.tpm.settings import Settings
from troth.tsm.emulated.tpm.store import create_in, load, opened, save
from troth.tsm.emulated.tpm.tee import QuoteChanges, SoftwareTpm

__all__ = [
    "QuoteChanges",
    "Settings",
    "SoftwareTpm",
    "TpmPki",
    "create_in",
    "load",
    "opened",
    "save",
]
