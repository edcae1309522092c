# SPDX-License-Identifier: Apache-2.0
"""The attestation key that comes with a quote: certified, or bare.

A certificate chain says whose TPM the key is in. A public area says what may be done with the key,
and a PEM says nothing: both are for callers who know the key already.
"""

from __future__ import annotations

from typing import Final

import msgspec

from troth.crypto.tpm_certificate import TpmCertificate, tpm_certificates_from_pem
from troth.crypto.tpm_key import TpmKey
from troth.errors import MalformedError
from troth.evidence.tpm.public import TpmPublic
from troth.wire.text import parse_hex

__all__ = ["CHAIN_MOST", "AttestationKey", "KeyText"]

CHAIN_MOST: Final = 5  # leaf, at most three CAs, root


class KeyText(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The key as JSON has it; exactly one member.

    Attributes:
        certificates: PEM, from the key's own to the root's.
        public: a TPM2B_PUBLIC in hex.
        pem: a SubjectPublicKeyInfo in PEM.
    """

    certificates: str | msgspec.UnsetType = msgspec.UNSET
    public: str | msgspec.UnsetType = msgspec.UNSET
    pem: str | msgspec.UnsetType = msgspec.UNSET


class AttestationKey(msgspec.Struct, frozen=True):
    """An attestation key: its chain, its public area, or the bare key; the others are empty."""

    chain: tuple[TpmCertificate, ...] = ()
    public: TpmPublic | None = None
    bare: TpmKey | None = None

    @classmethod
    def read(cls, text: KeyText) -> AttestationKey:
        """Return the key of one form.

        Raises:
            MalformedError: `tpm.form`, none or several; the codes of the form.
        """
        have = [one for one in text.__struct_fields__ if getattr(text, one) is not msgspec.UNSET]
        if len(have) != 1:
            raise MalformedError("tpm.form", f"{len(have)} attestation keys, one is due")
        if isinstance(text.certificates, str):
            pem = text.certificates.encode()
            return cls(chain=tpm_certificates_from_pem(pem, most=CHAIN_MOST))
        if isinstance(text.public, str):
            return cls(public=TpmPublic.parse(parse_hex(text.public)))
        return cls(bare=TpmKey.from_pem(str(text.pem).encode()))

    @property
    def key(self) -> TpmKey:
        """The public key.

        Raises:
            MalformedError: `tpm.key`; `tpm.form`, a chain without certificates.
            UntrustedError: `chain.algorithm`, a certificate for another kind of key.
        """
        if self.chain:
            return self.chain[0].public_key
        if self.public is not None:
            return self.public.key
        if self.bare is None:
            raise MalformedError("tpm.form", "an attestation key without certificates")
        return self.bare
