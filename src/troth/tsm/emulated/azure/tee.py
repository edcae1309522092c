# SPDX-License-Identifier: Apache-2.0
"""A software Azure VM: hardware of ours, a paravisor that reports on it once, and its vTPM.

    vm = SoftwareAzure(Settings(), SoftwareTdx.create(at=now), SoftwareTpm.create(…, at=now))
    evidence = vm.evidence(challenge)     # sound, under the root of the hardware

The vTPM's authority plays no part: the hardware's report names the attestation key.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypedDict, Unpack

import msgspec

from troth.crypto.digest import sha256
from troth.evidence.azure import AzureDocument, HclReport, QuoteText
from troth.evidence.azure.layout import HCL_MAX_BYTES, Hardware
from troth.evidence.azure.runtime import ATTESTATION_KEY
from troth.evidence.tpm import PcrSelection
from troth.evidence.tpm.layout import PCR_COUNT
from troth.tsm.emulated.azure.settings import Settings
from troth.tsm.emulated.snp import SoftwareSnp
from troth.tsm.emulated.tdx import SoftwareTdx
from troth.tsm.emulated.tpm import QuoteChanges, SoftwareTpm
from troth.wire import base64url, json

__all__ = ["AzureChanges", "SoftwareAzure"]

_INDEX_BYTES: Final = 2600  # of the vTPM's index that holds the report
_REQUEST_TYPE: Final = 2
_EXPONENT: Final = "AQAB"


class AzureChanges(TypedDict, total=False):
    """What is to be different from sound evidence, in the order in which it takes effect.

    Attributes:
        claims: changes the runtime claims in place.
        runtime: makes other bytes of them.
        report_data: what the hardware is asked to report on.
        tdreport: makes another TDREPORT; the quote stays what it is.
        td_quote: makes another TD quote.
        privlevel: the level at which the SNP report is asked for.
        snp_report: makes another SNP report, after it is signed.
        hcl: makes other bytes of the HCL report.
        quote: changes of the vTPM's quote.
        document: changes the JSON's members in place.
    """

    claims: Callable[[dict[str, Any]], object]
    runtime: Callable[[bytes], bytes]
    report_data: bytes
    tdreport: Callable[[bytes], bytes]
    td_quote: Callable[[bytes], bytes]
    privlevel: int
    snp_report: Callable[[bytes], bytes]
    hcl: Callable[[bytes], bytes]
    quote: QuoteChanges
    document: Callable[[dict[str, Any]], object]


class SoftwareAzure:
    """A confidential VM under a paravisor. Not safe for use by several threads at once."""

    def __init__(
        self, settings: Settings, hardware: SoftwareTdx | SoftwareSnp, tpm: SoftwareTpm
    ) -> None:
        """Put a VM together.

        Args:
            settings: what the paravisor says.
            hardware: what it runs on.
            tpm: its vTPM: RSA and SHA-256, with the SHA-256 bank.

        Raises:
            ValueError: a vTPM of another kind.
        """
        own = tpm.settings
        if (own.key, own.hash_name) != ("RSA", "sha256") or "sha256" not in own.banks:
            raise ValueError("Azure's vTPM signs with RSA and SHA-256, and has that bank")
        self.settings = settings
        self.hardware = hardware
        self.tpm = tpm

    @property
    def kind(self) -> Hardware:
        """What it runs on."""
        return "tdx" if isinstance(self.hardware, SoftwareTdx) else "snp"

    @property
    def root_pem(self) -> bytes:
        """The root certificate under which the hardware's reports are genuine."""
        return self.hardware.root_pem

    def evidence(
        self,
        challenge: bytes,
        registers: tuple[int, ...] = tuple(range(PCR_COUNT)),
        **changes: Unpack[AzureChanges],
    ) -> bytes:
        """Return evidence as JSON.

        Args:
            challenge: the quote's extra data, at most 66 bytes.
            registers: which ones of the SHA-256 bank are quoted.
            changes: what is to be different from sound evidence, for tests of verifiers.

        Raises:
            DriverError: `tsm.report-data`.
        """
        hcl, endorsements = self._hcl(changes)
        selection = (PcrSelection("sha256", registers),)
        message, signature, _ = self.tpm.quote(challenge, selection, **changes.get("quote", {}))
        document = AzureDocument(
            version=1,
            hcl_report=base64url.encode(hcl),
            tpm_quote=QuoteText(
                message=message.hex(),
                signature=signature.value.hex(),
                pcrs=[one.hex() for one in self.tpm.registers()["sha256"]],
            ),
            **endorsements,
        )
        members = msgspec.to_builtins(document)
        if "document" in changes:
            changes["document"](members)
        return json.encode(members)

    def _hcl(self, changes: AzureChanges) -> tuple[bytes, dict[str, str]]:
        """Return the HCL report, and what goes with its hardware's report."""
        runtime = json.encode(self._claims(changes))
        if "runtime" in changes:
            runtime = changes["runtime"](runtime)
        report_data = changes.get("report_data", sha256(runtime).ljust(64, b"\0"))
        if isinstance(self.hardware, SoftwareTdx):
            report = self.hardware.tdreport(report_data)
            quote = self.hardware.quote_of(report)
            report = changes.get("tdreport", bytes)(report)
            quote = changes.get("td_quote", bytes)(quote)
            endorsements = {"td_quote": base64url.encode(quote)}
        else:
            report = changes.get("snp_report", bytes)(
                self.hardware.report(report_data, privlevel=changes.get("privlevel"))
            )
            endorsements = {"vcek": base64url.encode(self.hardware.pki.certificates["vcek"])}
        built = HclReport(
            version=self.settings.hcl_version,
            request_type=_REQUEST_TYPE,
            status=0,
            hardware=self.kind,
            hardware_report=report,
            runtime=runtime,
        ).build()
        index = built.ljust(_INDEX_BYTES, b"\0")[:HCL_MAX_BYTES]
        return changes.get("hcl", bytes)(index), endorsements

    def _claims(self, changes: AzureChanges) -> dict[str, Any]:
        own = self.settings
        key = {
            "kid": ATTESTATION_KEY,
            "key_ops": ["sign"],
            "kty": "RSA",
            "e": _EXPONENT,
            "n": base64url.encode(self.tpm.key.public.raw),
        }
        claims: dict[str, Any] = {
            "keys": [key],
            "vm-configuration": {
                "console-enabled": own.console_enabled,
                "secure-boot": own.secure_boot,
                "tpm-enabled": own.tpm_enabled,
                "tpm-persisted": own.tpm_persisted,
                "vmUniqueId": own.vm_unique_id,
            },
            "user-data": own.user_data.upper(),
        }
        if "claims" in changes:
            changes["claims"](claims)
        return claims
