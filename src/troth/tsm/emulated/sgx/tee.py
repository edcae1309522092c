# SPDX-License-Identifier: Apache-2.0
"""A software SGX: one enclave on one platform, with the vendor that vouches for it.

    tee = SoftwareSgx.create(at=now)
    quote, bundle, root = tee.quote(report_data), tee.bundle(), tee.root_pem

No files, no clock: `store` saves and loads one, and the instant is the caller's.
"""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import Self, Unpack

import msgspec
from msgspec.structs import replace

from troth.crypto.p256 import PrivateKey
from troth.tsm.emulated.sgx.documents import sgx_qe_identity, sgx_tcb_info
from troth.tsm.emulated.sgx.qe import SgxQuoteChanges, SgxQuotingEnclave
from troth.tsm.emulated.sgx.report import CPU_KEY_BYTES, SgxCpu
from troth.tsm.emulated.sgx.settings import QuoteVersion, SgxSettings
from troth.tsm.emulated.tdx.collateral import Bundle, CollateralChanges, make_bundle
from troth.tsm.emulated.tdx.pki import Pki
from troth.tsm.emulated.tdx.tee import Secrets, chosen

__all__ = ["SoftwareSgx"]

DEFAULT = SgxSettings()


class SoftwareSgx:
    """An enclave that can be quoted."""

    def __init__(
        self,
        settings: SgxSettings,
        at: datetime,
        pki: Pki,
        secret: Secrets,
        *,
        bundle: bytes | None = None,
    ) -> None:
        """Put a software SGX together; `create` and `store.load` are the usual ways.

        Args:
            settings: what it is like; its platform's identifiers are chosen.
            at: the instant at which certificates and collateral were issued, aware.
            pki: its keys and certificates.
            secret: its other keys.
            bundle: the collateral, if it was issued before.
        """
        self.settings = settings
        self.at = at
        self.pki = pki
        self.secret = secret
        self._cpu = SgxCpu(secret.cpu_key, bytes.fromhex(settings.platform.cpu_svn or ""))
        self._qe = SgxQuotingEnclave(settings, self._cpu, pki, secret.attestation_key)
        self._bundle = self.collateral().json() if bundle is None else bundle

    @classmethod
    def create(cls, settings: SgxSettings = DEFAULT, *, at: datetime) -> Self:
        """Launch an enclave on a new platform with fresh keys.

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

    def report(self, report_data: bytes) -> bytes:
        """Return a REPORT for the quoting enclave, 432 bytes, for `report_data`, 64 bytes.

        Raises:
            DriverError: `tsm.report-data`.
        """
        return self._cpu.report(self.settings.enclave, report_data)

    def quote(
        self,
        report_data: bytes,
        *,
        version: QuoteVersion | None = None,
        **changes: Unpack[SgxQuoteChanges],
    ) -> bytes:
        """Return a quote for `report_data`, 64 bytes.

        Args:
            report_data: what the quote is for.
            version: of the quote; that of the settings where it is None.
            changes: what is to be different from a sound quote, for tests of verifiers.

        Raises:
            DriverError: `tsm.report-data`.
        """
        version = version or self.settings.quote_version
        return self._qe.quote(self.report(report_data), version=version, **changes)

    def quote_of(self, report: bytes) -> bytes:
        """Return a quote of a REPORT that this machine made, as its quoting enclave would.

        Raises:
            DriverError: `tsm.sgx-report`.
        """
        return self._qe.quote(report, version=self.settings.quote_version)

    def collateral(
        self, at: datetime | None = None, **changes: Unpack[CollateralChanges]
    ) -> Bundle:
        """Issue collateral for this platform.

        Args:
            at: the instant for which it is issued; that of creation where it is None.
            changes: what is to be different from sound collateral, for tests of verifiers.
        """
        at = at or self.at
        drafts = sgx_tcb_info(self.settings, at), sgx_qe_identity(self.settings, at)
        return make_bundle(drafts, self.pki, at, **changes)


def _checked(settings: SgxSettings) -> SgxSettings:
    """Hold settings to the constraints of their types, as reading them from a file would."""
    try:
        return msgspec.convert(msgspec.to_builtins(settings), SgxSettings)
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from None
