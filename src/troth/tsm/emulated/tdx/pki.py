# SPDX-License-Identifier: Apache-2.0
"""The hierarchy of an emulated platform: root, two CAs, PCK certificate, TCB signer, lists.

Common names and shapes are Intel's, because verifiers demand them; the organisation says what
this is. Any certificate or list can be issued anew with one thing changed:

    pki.certificate("pck", lambda spec: replace(spec, not_after=yesterday))
    pki.crl("root", lambda spec: replace(spec, next_update=None))
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final, Literal, Protocol, Self, get_args

from troth.crypto.issue import (
    CertificateSpec,
    KeyUsage,
    Name,
    certificate_pem,
    issue_certificate,
    serial_of,
)
from troth.crypto.issue_crl import CrlSpec, issue_crl
from troth.crypto.p256 import PrivateKey
from troth.tsm.emulated.tdx.pck import sgx_extension, sgx_members
from troth.tsm.emulated.tdx.settings import Lifetimes, Platform

__all__ = [
    "ROLES",
    "CertificateChange",
    "Certified",
    "CrlChange",
    "Issuer",
    "Pki",
    "Role",
    "emulated_name",
]

Issuer = Literal["root", "platform-ca", "processor-ca"]
Role = Literal["root", "platform-ca", "processor-ca", "pck", "tcb-signing"]
ROLES: Final[tuple[Role, ...]] = get_args(Role)

CertificateChange = Callable[[CertificateSpec], CertificateSpec]
CrlChange = Callable[[CrlSpec], CrlSpec]

_COMMON_NAMES: Final[dict[Role, str]] = {
    "root": "Intel SGX Root CA",
    "platform-ca": "Intel SGX PCK Platform CA",
    "processor-ca": "Intel SGX PCK Processor CA",
    "pck": "Intel SGX PCK Certificate",
    "tcb-signing": "Intel SGX TCB Signing",
}
_PATH_LENGTHS: Final[dict[Role, int]] = {"root": 1, "platform-ca": 0, "processor-ca": 0}
_CA_USAGE: Final = KeyUsage.KEY_CERT_SIGN | KeyUsage.CRL_SIGN
_LEAF_USAGE: Final = KeyUsage.DIGITAL_SIGNATURE | KeyUsage.NON_REPUDIATION
_CRL_URL: Final = "https://pcs.emulated.invalid/{}.crl"  # RFC 2606: resolves nowhere


class Certified(Protocol):
    """Settings of a TEE of either kind, as far as certificates rest on them."""

    @property
    def platform(self) -> Platform:
        """The machine."""

    @property
    def lifetimes(self) -> Lifetimes:
        """How long what is issued holds."""


def emulated_name(common_name: str) -> Name:
    """Return a name in the layout of Intel's, of an organisation that nobody takes for Intel."""
    return Name(
        common_name=common_name,
        organization="troth emulated platform",
        locality="Nowhere",
        state="NA",
        country="US",
    )


class Pki:
    """Keys and certificates of one platform, and the specs to make others like them."""

    def __init__(
        self,
        settings: Certified,
        at: datetime,
        keys: Mapping[Role, PrivateKey],
        certificates: Mapping[Role, bytes] | None = None,
    ) -> None:
        """Take the keys; issue the certificates that are not given, at the instant `at`."""
        self._settings = settings
        self._at = at
        self.keys: Final = dict(keys)
        self.ca: Final[Issuer] = (
            "platform-ca" if settings.platform.ca == "platform" else "processor-ca"
        )
        self.certificates: Final = (
            {role: self.certificate(role) for role in ROLES}
            if certificates is None
            else dict(certificates)
        )

    @classmethod
    def generate(cls, settings: Certified, at: datetime) -> Self:
        """Make a hierarchy of fresh keys."""
        return cls(settings, at, {role: PrivateKey.generate() for role in ROLES})

    def issuer_of(self, role: Role) -> Issuer:
        """Name who issues the certificate of `role`."""
        return self.ca if role == "pck" else "root"

    def spec(self, role: Role) -> CertificateSpec:
        """Return what the certificate of `role` says."""
        issuer = self.issuer_of(role)
        is_ca = role in _PATH_LENGTHS
        not_before = self._at - timedelta(seconds=self._settings.lifetimes.before_s)
        platform = self._settings.platform
        return CertificateSpec(
            subject=emulated_name(_COMMON_NAMES[role]),
            issuer=emulated_name(_COMMON_NAMES[issuer]),
            key=self.keys[role].public,
            authority=self.keys[issuer].public,
            serial=serial_of(self.keys[role].public),
            not_before=not_before,
            not_after=not_before + timedelta(seconds=self._lifetime_s(role)),
            ca=is_ca,
            path_length=_PATH_LENGTHS.get(role),
            key_usage=_CA_USAGE if is_ca else _LEAF_USAGE,
            crl_url=_CRL_URL.format(issuer),
            extensions=(sgx_extension(sgx_members(platform)),) if role == "pck" else (),
        )

    def certificate(
        self,
        role: Role,
        change: CertificateChange | None = None,
        *,
        signed_by: PrivateKey | None = None,
    ) -> bytes:
        """Issue a certificate for `role`, DER.

        Args:
            role: whose.
            change: makes another spec out of the sound one.
            signed_by: the key that signs, if not that of the role's issuer.
        """
        spec = self.spec(role) if change is None else change(self.spec(role))
        return issue_certificate(spec, signed_by=signed_by or self.keys[self.issuer_of(role)])

    def serial(self, role: Role) -> int:
        """Return the serial number under which the certificate of `role` is revoked."""
        return serial_of(self.keys[role].public)

    def crl_spec(self, issuer: Issuer, at: datetime | None = None) -> CrlSpec:
        """Return what the list of `issuer` says: nothing is revoked.

        Args:
            issuer: whose list.
            at: the instant at which it is issued, if not that of the hierarchy.
        """
        lifetimes = self._settings.lifetimes
        lifetime_s = lifetimes.root_crl_s if issuer == "root" else lifetimes.pck_crl_s
        this_update = (at or self._at) - timedelta(seconds=lifetimes.before_s)
        return CrlSpec(
            issuer=emulated_name(_COMMON_NAMES[issuer]),
            authority=self.keys[issuer].public,
            this_update=this_update,
            next_update=this_update + timedelta(seconds=lifetime_s),
        )

    def crl(
        self,
        issuer: Issuer,
        change: CrlChange | None = None,
        *,
        revoked: tuple[int, ...] = (),
        signed_by: PrivateKey | None = None,
        at: datetime | None = None,
    ) -> bytes:
        """Issue a revocation list, DER.

        Args:
            issuer: whose list.
            change: makes another spec out of the sound one.
            revoked: serial numbers, where `change` does not say.
            signed_by: the key that signs, if not the issuer's.
            at: as for `crl_spec`.
        """
        spec = self.crl_spec(issuer, at)
        if revoked:
            spec = replace(spec, revoked=revoked)
        return issue_crl(
            spec if change is None else change(spec), signed_by=signed_by or self.keys[issuer]
        )

    def pck_chain(
        self,
        *,
        leaf: bytes | None = None,
        intermediate: bytes | None = None,
        root: bytes | None = None,
    ) -> bytes:
        """Return leaf, intermediate and root as a quote carries them: PEM, a NUL behind it.

        Args:
            leaf: DER to stand in the PCK certificate's place.
            intermediate: DER to stand in its CA's place.
            root: DER to stand in the root's place.
        """
        own = self.certificates
        chain = (leaf or own["pck"], intermediate or own[self.ca], root or own["root"])
        return certificate_pem(*chain) + b"\0"

    def pem(self, *roles: Role) -> bytes:
        """Return the certificates of `roles` as PEM, in this order."""
        return certificate_pem(*(self.certificates[role] for role in roles))

    def _lifetime_s(self, role: Role) -> int:
        lifetimes = self._settings.lifetimes
        if role == "root":
            return lifetimes.root_s
        if role == "pck":
            return lifetimes.pck_s
        return lifetimes.tcb_signing_s if role == "tcb-signing" else lifetimes.ca_s
