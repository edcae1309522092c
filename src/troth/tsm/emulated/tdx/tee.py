# SPDX-License-Identifier: Apache-2.0
"""A software TDX: one TD on one platform, with the vendor that vouches for it.

    tee = SoftwareTdx.create(at=now)
    tee.extend(2, digest)
    quote, bundle, root = tee.quote(report_data), tee.bundle(), tee.root_pem

No files, no clock: `store` saves and loads one, and the instant is the caller's.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Self, Unpack

import msgspec
from msgspec.structs import replace

from troth.crypto.p256 import PrivateKey
from troth.tsm.emulated.tdx.collateral import Bundle, CollateralChanges, make_bundle
from troth.tsm.emulated.tdx.cpu import CPU_KEY_BYTES, Cpu
from troth.tsm.emulated.tdx.documents import qe_identity, tcb_info
from troth.tsm.emulated.tdx.pki import Pki
from troth.tsm.emulated.tdx.qe import BodyVersion, QuoteChanges, QuotingEnclave
from troth.tsm.emulated.tdx.settings import Platform, Settings
from troth.tsm.emulated.tdx.td import TrustDomain

__all__ = ["Secrets", "SoftwareTdx", "chosen"]

DEFAULT = Settings()


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Secrets:
    """What only the platform knows, beside the keys of its `Pki`."""

    cpu_key: bytes
    attestation_key: PrivateKey


class SoftwareTdx:
    """A TD that can be measured into and quoted. Not safe for use by several threads at once."""

    def __init__(
        self,
        settings: Settings,
        at: datetime,
        pki: Pki,
        secret: Secrets,
        *,
        registers: tuple[bytes, ...] | None = None,
        bundle: bytes | None = None,
    ) -> None:
        """Put a software TDX together; `create` and `store.load` are the usual ways.

        Args:
            settings: what it is like; its platform's identifiers are chosen.
            at: the instant at which certificates and collateral were issued, aware.
            pki: its keys and certificates.
            secret: its other keys.
            registers: RTMR0 to RTMR3, if not as at launch.
            bundle: the collateral, if it was issued before.
        """
        cpu = Cpu(secret.cpu_key, bytes.fromhex(settings.platform.cpu_svn or ""))
        launched = tuple(bytes.fromhex(one) for one in settings.td.rtmrs)
        self.settings = settings
        self.at = at
        self.pki = pki
        self.secret = secret
        self._td = TrustDomain(settings.td, settings.module, cpu, registers or launched)
        self._qe = QuotingEnclave(settings, cpu, pki, secret.attestation_key)
        self._bundle = self.collateral().json() if bundle is None else bundle

    @classmethod
    def create(cls, settings: Settings = DEFAULT, *, at: datetime) -> Self:
        """Launch a TD on a new platform with fresh keys.

        Args:
            settings: what it is like.
            at: the instant for which certificates and collateral are issued, aware.

        Raises:
            ValueError: a setting is out of its range, or `at` is not aware.
        """
        if at.tzinfo is None:
            raise ValueError("the instant has no time zone")
        settings = _checked(settings)
        settings = replace(settings, platform=chosen(settings.platform))
        secret = Secrets(
            cpu_key=secrets.token_bytes(CPU_KEY_BYTES), attestation_key=PrivateKey.generate()
        )
        at = at.replace(microsecond=0)
        return cls(settings, at, Pki.generate(settings, at), secret)

    @property
    def attestation_key(self) -> PrivateKey:
        """The key that signs quotes."""
        return self.secret.attestation_key

    @property
    def root_pem(self) -> bytes:
        """The root certificate, the anchor under which quotes of this platform are genuine."""
        return self.pki.pem("root")

    def bundle(self) -> bytes:
        """Return the platform's collateral as JSON, the same bytes every time."""
        return self._bundle

    def registers(self) -> tuple[bytes, ...]:
        """Return the values of RTMR0 to RTMR3, 48 bytes each."""
        return self._td.registers

    def extend(self, index: int, digest: bytes) -> None:
        """Extend an RTMR; see `TrustDomain.extend`.

        Raises:
            DriverError: `tsm.register`.
        """
        self._td.extend(index, digest)

    def tdreport(self, report_data: bytes) -> bytes:
        """Return a TDREPORT, 1024 bytes, for `report_data`, 64 bytes.

        Raises:
            DriverError: `tsm.report-data`.
        """
        return self._td.report(report_data)

    def quote(
        self,
        report_data: bytes,
        *,
        version: Literal[4, 5] | None = None,
        body_version: BodyVersion | None = None,
        **changes: Unpack[QuoteChanges],
    ) -> bytes:
        """Return a quote for `report_data`, 64 bytes.

        Args:
            report_data: what the quote is for.
            version: of the quote; that of the settings where it is None.
            body_version: of the TD report body in a quote of version 5; the newest if None.
            changes: what is to be different from a sound quote, for tests of verifiers.

        Raises:
            DriverError: `tsm.report-data`, or `tsm.tdreport` where the module is older than the
                body.
        """
        return self._qe.quote(
            self.tdreport(report_data),
            version=version or self.settings.quote_version,
            body_version=body_version,
            **changes,
        )

    def quote_of(self, tdreport: bytes) -> bytes:
        """Return a quote of a TDREPORT that this machine made, as its quoting enclave would.

        Raises:
            DriverError: `tsm.tdreport`.
        """
        return self._qe.quote(tdreport, version=self.settings.quote_version)

    def collateral(
        self, at: datetime | None = None, **changes: Unpack[CollateralChanges]
    ) -> Bundle:
        """Issue collateral for this platform.

        Args:
            at: the instant for which it is issued; that of creation where it is None.
            changes: what is to be different from sound collateral, for tests of verifiers.
        """
        at = at or self.at
        drafts = tcb_info(self.settings, at), qe_identity(self.settings, at)
        return make_bundle(drafts, self.pki, at, **changes)


def _checked(settings: Settings) -> Settings:
    """Hold settings to the constraints of their types, as reading them from a file would."""
    try:
        return msgspec.convert(msgspec.to_builtins(settings), Settings)
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from None


def chosen(own: Platform) -> Platform:
    """Choose what the settings leave open of the platform."""
    return replace(
        own,
        ppid=own.ppid or secrets.token_hex(16),
        platform_instance_id=own.platform_instance_id or secrets.token_hex(16),
        cpu_svn=own.cpu_svn or bytes(own.components).hex(),
    )
