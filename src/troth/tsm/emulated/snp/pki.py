# SPDX-License-Identifier: Apache-2.0
"""The hierarchy of an emulated chip: ARK, ASK and ASVK, VCEK and VLEK, and the ARK's list.

Names are AMD's in every attribute that verifiers demand; a description says what this is. Any
certificate can be issued anew with one thing changed:

    pki.certificate("vcek", lambda spec: replace(spec, not_after=yesterday))
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, Literal, Self, get_args

from troth.crypto.issue import KeyUsage, certificate_pem
from troth.crypto.issue_pss import (
    PssCertificateSpec,
    PssCrlSpec,
    directory_name,
    issue_pss,
    issue_pss_crl,
)
from troth.crypto.rsa_pss import RsaPrivateKey
from troth.crypto.signing_key import SigningKey
from troth.endorse.amd import LeafKind
from troth.tsm.emulated.snp.extensions import leaf_extensions, leaf_members
from troth.tsm.emulated.snp.settings import Settings

__all__ = ["AUTHORITIES", "LEAVES", "ROLES", "Role", "SnpKeys", "SnpPki", "amd_name"]

Authority = Literal["ark", "ask", "asvk"]
Leaf = Literal["vcek", "vlek"]
Role = Literal["ark", "ask", "asvk", "vcek", "vlek"]
AUTHORITIES: Final[tuple[Authority, ...]] = get_args(Authority)
LEAVES: Final[tuple[Leaf, ...]] = get_args(Leaf)
ROLES: Final[tuple[Role, ...]] = get_args(Role)

CertificateChange = Callable[[PssCertificateSpec], PssCertificateSpec]
CrlChange = Callable[[PssCrlSpec], PssCrlSpec]

_COMMON_NAMES: Final[dict[Role, str]] = {
    "ark": "ARK-{}",
    "ask": "SEV-{}",
    "asvk": "SEV-VLEK-{}",
    "vcek": "SEV-VCEK",
    "vlek": "SEV-VLEK",
}
_ISSUERS: Final[dict[Role, Authority]] = {
    "ark": "ark",
    "ask": "ark",
    "asvk": "ark",
    "vcek": "ask",
    "vlek": "asvk",
}
_SERIALS: Final[dict[Role, int]] = {
    "ark": 0x10000,
    "ask": 0x10001,
    "asvk": 0x10101,
    "vcek": 0,
    "vlek": 0,
}
_USAGES: Final[dict[Role, KeyUsage]] = {
    "ark": KeyUsage.KEY_CERT_SIGN | KeyUsage.CRL_SIGN,
    "ask": KeyUsage.KEY_CERT_SIGN,
    "asvk": KeyUsage.KEY_CERT_SIGN,
}
# Verifiers hold CAs to this text; nobody here asks for what is behind it.
_CRL_URL: Final = "https://kdsintf.amd.com/{}/v1/{}/crl"


def amd_name(common_name: str) -> bytes:
    """Return a name in AMD's layout, with a description that AMD's do not have."""
    return directory_name(
        ("2.5.4.11", "Engineering"),
        ("2.5.4.6", "US"),
        ("2.5.4.7", "Santa Clara"),
        ("2.5.4.8", "CA"),
        ("2.5.4.10", "Advanced Micro Devices"),
        ("2.5.4.13", "troth emulated platform, not AMD"),
        ("2.5.4.3", common_name),
    )


@dataclass(frozen=True, slots=True)
class SnpKeys:
    """The keys of a hierarchy. Those of the authorities take about a second each to make."""

    authorities: Mapping[Authority, RsaPrivateKey]
    leaves: Mapping[Leaf, SigningKey]

    @classmethod
    def generate(cls) -> Self:
        """Make fresh keys."""
        return cls(
            {role: RsaPrivateKey.generate() for role in AUTHORITIES},
            {role: SigningKey.generate("P-384") for role in LEAVES},
        )

    def spki(self, role: Role) -> bytes:
        """Return the public key of a role as DER SubjectPublicKeyInfo."""
        if role == "vcek" or role == "vlek":  # noqa: PLR1714 - this is how the types are told apart
            return self.leaves[role].public.spki
        return self.authorities[role].spki


class SnpPki:
    """Keys and certificates of one chip, and the specs to make others like them."""

    def __init__(
        self,
        settings: Settings,
        at: datetime,
        keys: SnpKeys,
        certificates: Mapping[Role, bytes] | None = None,
    ) -> None:
        """Take the keys; issue the certificates that are not given, at the instant `at`."""
        self._settings = settings
        self._at = at
        self.keys: Final = keys
        self.certificates: Final[dict[Role, bytes]] = (
            {role: self.certificate(role) for role in ROLES}
            if certificates is None
            else dict(certificates)
        )

    def name(self, role: Role) -> bytes:
        """Return the subject name of a role, DER."""
        return amd_name(_COMMON_NAMES[role].format(self._settings.product.value))

    def spec(self, role: Role) -> PssCertificateSpec:
        """Return what the certificate of `role` says."""
        issuer = _ISSUERS[role]
        is_ca = role in AUTHORITIES
        not_before = self._at - timedelta(seconds=self._settings.lifetimes.before_s)
        arc = "vlek" if role == "asvk" else "vcek"
        return PssCertificateSpec(
            subject=self.name(role),
            issuer=self.name(issuer),
            spki=self.keys.spki(role),
            has_key_identifier=is_ca,  # a leaf has AMD's extensions and no other
            authority=self.keys.spki(issuer) if is_ca and role != "ark" else None,
            serial=_SERIALS[role],
            not_before=not_before,
            not_after=not_before + timedelta(seconds=self._lifetime_s(role)),
            ca=True if is_ca else None,
            path_length=0 if is_ca and role != "ark" else None,
            key_usage=_USAGES.get(role),
            crl_url=_CRL_URL.format(arc, self._settings.product.value) if is_ca else None,
            extensions=() if is_ca else leaf_extensions(self.members(role)),
        )

    def members(self, role: Role) -> dict[str, bytes]:
        """Return AMD's extensions of a leaf certificate: for the chip and its reported TCB."""
        settings = self._settings
        return leaf_members(
            LeafKind[role.upper()],
            settings.product,
            settings.tcbs.reported.word(settings.product),
            chip_id=bytes.fromhex(settings.platform.chip_id or "").ljust(64, b"\0"),
            csp_id=settings.csp_id,
        )

    def certificate(
        self,
        role: Role,
        change: CertificateChange | None = None,
        *,
        signed_by: RsaPrivateKey | None = None,
    ) -> bytes:
        """Issue a certificate for `role`, DER.

        Args:
            role: whose.
            change: makes another spec out of the sound one.
            signed_by: the key that signs, if not that of the role's issuer.
        """
        spec = self.spec(role) if change is None else change(self.spec(role))
        return issue_pss(spec, signed_by=signed_by or self.keys.authorities[_ISSUERS[role]])

    def crl_spec(self, at: datetime | None = None) -> PssCrlSpec:
        """Return what the ARK's list says: nothing is revoked."""
        lifetimes = self._settings.lifetimes
        this_update = (at or self._at) - timedelta(seconds=lifetimes.before_s)
        return PssCrlSpec(
            issuer=self.name("ark"),
            authority=self.keys.spki("ark"),
            this_update=this_update,
            next_update=this_update + timedelta(seconds=lifetimes.crl_s),
        )

    def crl(
        self,
        change: CrlChange | None = None,
        *,
        revoked: tuple[Role, ...] = (),
        signed_by: RsaPrivateKey | None = None,
        at: datetime | None = None,
    ) -> bytes:
        """Issue the ARK's revocation list, DER.

        Args:
            change: makes another spec out of the sound one.
            revoked: whose certificates are on it.
            signed_by: the key that signs, if not the ARK.
            at: the instant at which it is issued, if not that of the hierarchy.
        """
        spec = replace(self.crl_spec(at), revoked=tuple(_SERIALS[role] for role in revoked))
        return issue_pss_crl(
            spec if change is None else change(spec),
            signed_by=signed_by or self.keys.authorities["ark"],
        )

    def pem(self, *roles: Role) -> bytes:
        """Return the certificates of `roles` as PEM, in this order."""
        return certificate_pem(*(self.certificates[role] for role in roles))

    def _lifetime_s(self, role: Role) -> int:
        lifetimes = self._settings.lifetimes
        if role == "vcek":
            return lifetimes.vcek_s
        return lifetimes.vlek_s if role == "vlek" else lifetimes.ca_s
