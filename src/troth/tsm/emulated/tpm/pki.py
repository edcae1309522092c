# SPDX-License-Identifier: Apache-2.0
"""The authorities that certify a software TPM's attestation key, and the certificates."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final, Literal, Self

from msgspec.structs import replace as _replace

from troth.crypto.issue import certificate_pem
from troth.crypto.issue_tpm import TpmCertificateSpec, issue_tpm_certificate
from troth.crypto.tpm_certificate import ATTESTATION_KEY_USAGE
from troth.crypto.tpm_signer import TpmSigner
from troth.tsm.emulated.tpm.settings import Settings

__all__ = ["ROLES", "Role", "TpmPki"]

Role = Literal["root", "ca", "ak"]
ROLES: Final[tuple[Role, ...]] = ("root", "ca", "ak")
_NAMES: Final[Mapping[Role, str]] = {
    "root": "troth emulated TPM root",
    "ca": "troth emulated TPM CA",
    "ak": "troth emulated TPM attestation key",
}
_SERIALS: Final[Mapping[Role, int]] = {"root": 1, "ca": 2, "ak": 3}


class TpmPki:
    """The keys and certificates of one software TPM."""

    def __init__(
        self,
        settings: Settings,
        at: datetime,
        keys: Mapping[Role, TpmSigner],
        certificates: Mapping[Role, bytes] | None = None,
    ) -> None:
        """Take keys, and the certificates if they were issued before."""
        self._settings = settings
        self._at = at
        self.keys: Final = dict(keys)
        self.certificates: Final = dict(
            {role: self.certificate(role) for role in ROLES}
            if certificates is None
            else certificates
        )

    @classmethod
    def generate(cls, settings: Settings, at: datetime) -> Self:
        """Make fresh keys, the authorities' on P-256, and their certificates."""
        kinds: Mapping[Role, Literal["RSA", "P-256", "P-384"]] = {
            "root": "P-256",
            "ca": "P-256",
            "ak": settings.key,
        }
        return cls(settings, at, {role: TpmSigner.generate(kinds[role]) for role in ROLES})

    @property
    def issuer_of_ak(self) -> Role:
        """Who certifies the attestation key."""
        return "ca" if self._settings.intermediate else "root"

    def spec(self, role: Role) -> TpmCertificateSpec:
        """Return what the sound certificate of a role says."""
        is_ca = role != "ak"
        lifetime = self._settings.ca_s if is_ca else self._settings.ak_s
        issuer: Role = self.issuer_of_ak if role == "ak" else "root"
        return TpmCertificateSpec(
            subject=_NAMES[role],
            issuer=_NAMES[issuer],
            key=self.keys[role].public,
            serial=_SERIALS[role],
            not_before=self._at - timedelta(seconds=self._settings.before_s),
            not_after=self._at + timedelta(seconds=lifetime),
            ca=is_ca,
            path_length=0 if role == "ca" else None,
            signs_data=not is_ca,
            signs_certificates=is_ca,
            usages=() if is_ca else (ATTESTATION_KEY_USAGE,),
        )

    def certificate(
        self,
        role: Role,
        spec: TpmCertificateSpec | None = None,
        *,
        signed_by: TpmSigner | None = None,
    ) -> bytes:
        """Issue a certificate, DER, with another spec or another signer where one is given."""
        issuer: Role = self.issuer_of_ak if role == "ak" else "root"
        return issue_tpm_certificate(
            spec or self.spec(role), signed_by=signed_by or self.keys[issuer]
        )

    def chain(self, **instead: bytes) -> bytes:
        """Return the attestation key's chain as PEM; `instead` has DER by role."""
        roles: tuple[Role, ...] = (
            ("ak", "ca", "root") if self._settings.intermediate else ("ak", "root")
        )
        return certificate_pem(*(instead.get(role, self.certificates[role]) for role in roles))

    def without_intermediate(self) -> TpmPki:
        """Return a hierarchy of the same keys in which the root certifies the attestation key."""
        return TpmPki(_replace(self._settings, intermediate=False), self._at, self.keys)
