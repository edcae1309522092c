# SPDX-License-Identifier: Apache-2.0
"""The firmware's part: it fills a report in and signs it, in the layout of the asked version."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypedDict

from msgspec.structs import replace

from troth.crypto.signing_key import SigningKey
from troth.errors import DriverError
from troth.evidence.snp import Product, SnpReport
from troth.evidence.snp.layout import (
    ALGORITHM_P384,
    FLAG_AUTHOR_KEY,
    FLAG_CHIP_KEY_MASKED,
    SIGNED,
    SIGNING_KEY_SHIFT,
)
from troth.tsm.emulated.snp.settings import Settings

__all__ = ["REPORT_DATA_BYTES", "ReportChanges", "filled", "signed"]

REPORT_DATA_BYTES: Final = 64
_CPUIDS: Final = {
    Product.MILAN: bytes((0x19, 0x01, 0x01)),
    Product.GENOA: bytes((0x19, 0x11, 0x01)),
    Product.TURIN: bytes((0x1A, 0x02, 0x01)),
}
_NO_AGENT: Final = b"\xff" * 32
_SIGNING_KEYS: Final = {"VCEK": 0, "VLEK": 1}
_CPUID_SINCE: Final = 3
_MITIGATIONS_SINCE: Final = 5
_CHIP_ID_BYTES: Final = 64
_SCALARS: Final = bytes(96)


class ReportChanges(TypedDict, total=False):
    """What is to be different from a sound report, for tests of verifiers."""

    change: Callable[[SnpReport], SnpReport]  # of fields, before it is signed
    raw: Callable[[bytes], bytes]  # of its bytes, before it is signed
    signed_by: SigningKey  # another P-384 key


def filled(settings: Settings, report_data: bytes, *, vmpl: int, version: int) -> SnpReport:
    """Return an unsigned report.

    Raises:
        DriverError: `tsm.report-data`, not 64 bytes.
    """
    if len(report_data) != REPORT_DATA_BYTES:
        raise DriverError("tsm.report-data", f"{len(report_data)} bytes, 64 are due")
    guest, platform, tcbs = settings.guest, settings.platform, settings.tcbs
    product = settings.product
    mitigations = version >= _MITIGATIONS_SINCE
    author = guest.author_key_digest
    chip_id = b"" if _is_unnamed(settings) else bytes.fromhex(platform.chip_id or "")
    return SnpReport(
        version=version,
        guest_svn=guest.guest_svn,
        policy=guest.policy,
        family_id=bytes.fromhex(guest.family_id),
        image_id=bytes.fromhex(guest.image_id),
        vmpl=vmpl,
        algorithm=ALGORITHM_P384,
        current_tcb=tcbs.current.word(product),
        platform_info=platform.platform_info,
        flags=_flags(settings),
        report_data=report_data,
        measurement=bytes.fromhex(guest.measurement),
        host_data=bytes.fromhex(guest.host_data),
        id_key_digest=bytes.fromhex(guest.id_key_digest),
        author_key_digest=bytes(48) if author is None else bytes.fromhex(author),
        report_id=bytes.fromhex(guest.report_id),
        report_id_ma=_NO_AGENT,
        reported_tcb=tcbs.reported.word(product),
        cpuid=_CPUIDS[product] if version >= _CPUID_SINCE else bytes(3),
        chip_id=chip_id.ljust(_CHIP_ID_BYTES, b"\0"),
        committed_tcb=tcbs.committed.word(product),
        current_firmware=bytes(platform.firmware),
        committed_firmware=bytes(platform.firmware),
        launch_tcb=tcbs.launch.word(product),
        launch_mitigations=platform.launch_mitigations if mitigations else 0,
        current_mitigations=platform.current_mitigations if mitigations else 0,
        signature=_SCALARS,
    )


def signed(
    report: SnpReport, key: SigningKey, raw: Callable[[bytes], bytes] | None = None
) -> bytes:
    """Return a report with its signature.

    Args:
        report: what is said.
        key: a P-384 key.
        raw: makes other bytes out of the report's, before they are signed.
    """
    body = report.build()[SIGNED]
    body = body if raw is None else raw(body)
    with_signature = replace(report, signature=key.sign(body)).build()
    return body + with_signature[SIGNED.stop :]


def _is_unnamed(settings: Settings) -> bool:
    """A masked chip has no name, nor has one that signs with its provider's key."""
    return settings.platform.masked or settings.signing_key == "VLEK"


def _flags(settings: Settings) -> int:
    author = FLAG_AUTHOR_KEY if settings.guest.author_key_digest is not None else 0
    masked = FLAG_CHIP_KEY_MASKED if settings.platform.masked else 0
    return author | masked | _SIGNING_KEYS[settings.signing_key] << SIGNING_KEY_SHIFT
