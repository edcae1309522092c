# SPDX-License-Identifier: Apache-2.0
"""An SNP attestation report: the guest's and the platform's claims, with the bytes that are signed.

Source: AMD 56860, SEV-SNP Firmware ABI, ATTESTATION_REPORT.
"""

from __future__ import annotations

from enum import Enum
from typing import Final, Self

import msgspec

from troth.errors import MalformedError
from troth.evidence.snp import layout
from troth.evidence.snp.policy import GuestPolicy, PlatformInfo
from troth.evidence.snp.product import Product, Tcb

__all__ = ["SigningKey", "SnpReport"]


class SigningKey(Enum):
    """Whose key signed a report."""

    VCEK = 0  # the chip's
    VLEK = 1  # the cloud provider's, loaded into the chip
    NONE = 7


class SnpReport(msgspec.Struct, frozen=True, kw_only=True):
    """A parsed report, fields in the order of the layout. Claims, not facts: nothing is verified.

    The firmware versions are (build, minor, major). `cpuid` is family, model and stepping, zero in
    version 2, where `product` is None and only the certificate says which it is. The signature is
    r ‖ s, big-endian, 48 bytes each.
    """

    version: int
    guest_svn: int
    policy: int
    family_id: bytes
    image_id: bytes
    vmpl: int
    algorithm: int
    current_tcb: Tcb
    platform_info: int
    flags: int
    report_data: bytes
    measurement: bytes
    host_data: bytes
    id_key_digest: bytes
    author_key_digest: bytes
    report_id: bytes
    report_id_ma: bytes
    reported_tcb: Tcb
    cpuid: bytes
    chip_id: bytes
    committed_tcb: Tcb
    current_firmware: bytes
    committed_firmware: bytes
    launch_tcb: Tcb
    launch_mitigations: int
    current_mitigations: int
    signature: bytes

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read one report.

        Args:
            data: 1184 bytes; nothing may stand behind a report.

        Raises:
            MalformedError: `snp.size`, `snp.reserved`, `snp.algorithm`, `snp.vmpl`, `snp.policy`,
                `snp.signing-key`, `snp.signature-form`, `unsupported.version`,
                `unsupported.product`.
        """
        if len(data) != layout.REPORT_BYTES:
            raise MalformedError("snp.size", f"{len(data)} bytes, {layout.REPORT_BYTES} are due")
        values = dict(zip(_NAMES, layout.REPORT.unpack(data[layout.SIGNED]), strict=True))
        version = values["version"]
        if version not in layout.VERSIONS:
            raise MalformedError("unsupported.version", f"report version {version}; 2 to 5 are")
        _check_reserved(data, version)
        product = _product(version, values["cpuid"])
        for name in _TCB_NAMES:
            values[name] = Tcb.parse(values[name], product, name)
        report = cls(**values, signature=_signature(data))
        report._check(product)
        return report

    def build(self) -> bytes:
        """Return the 1184 bytes of this report."""
        values = (getattr(self, name) for name in _NAMES)
        fields = (one.build() if isinstance(one, Tcb) else one for one in values)
        r, s = self.signature[: layout.SCALAR_BYTES], self.signature[layout.SCALAR_BYTES :]
        return layout.REPORT.pack(*fields) + layout.SIGNATURE.pack(r[::-1], s[::-1])

    @property
    def signed(self) -> bytes:
        """What the signature is over."""
        return self.build()[layout.SIGNED]

    @property
    def product(self) -> Product | None:
        """Which processor the report says made it; None in version 2, which does not say."""
        return _product(self.version, self.cpuid)

    @property
    def signing_key(self) -> SigningKey:
        """Whose key signed this report, as it says itself."""
        return SigningKey(self.flags >> layout.SIGNING_KEY_SHIFT)

    @property
    def is_chip_key_masked(self) -> bool:
        """Whether the host keeps the chip's identity back."""
        return bool(self.flags & layout.FLAG_CHIP_KEY_MASKED)

    @property
    def has_author_key(self) -> bool:
        """Whether the digest of an author key is there."""
        return bool(self.flags & layout.FLAG_AUTHOR_KEY)

    @property
    def is_of_host(self) -> bool:
        """Whether the host asked for this report, so that its report data is not the guest's."""
        return self.vmpl == layout.VMPL_HOST

    @property
    def guest_policy(self) -> GuestPolicy:
        """The guest policy by name."""
        return GuestPolicy(self.policy)

    @property
    def platform(self) -> PlatformInfo:
        """The platform info by name."""
        return PlatformInfo(self.platform_info)

    def _check(self, product: Product | None) -> None:
        """Check what a field may hold, whatever the others do."""
        if self.algorithm != layout.ALGORITHM_P384:
            raise MalformedError("snp.algorithm", f"{self.algorithm}; 1, P-384 with SHA-384, is")
        if self.vmpl > _VMPL_HIGHEST and not self.is_of_host:
            raise MalformedError("snp.vmpl", f"VMPL {self.vmpl:#x}")
        if not self.guest_policy.is_well_formed:
            raise MalformedError("snp.policy", f"guest policy {self.policy:#x}: bit 17 is clear")
        if self.flags & ~layout.FLAGS_KNOWN:
            raise MalformedError("snp.reserved", f"flags {self.flags:#x}")
        if self.flags >> layout.SIGNING_KEY_SHIFT not in _SIGNING_KEYS:
            raise MalformedError("snp.signing-key", f"flags {self.flags:#x}")
        if product is Product.TURIN and not _is_zero(self.chip_id[layout.TURIN_CHIP_ID_BYTES :]):
            raise MalformedError("snp.reserved", "the chip id of Turin has 8 bytes")


_VMPL_HIGHEST: Final = 3
_SIGNING_KEYS: Final = frozenset(one.value for one in SigningKey)
_CPUID_SINCE: Final = 3
_NAMES: Final = SnpReport.__struct_fields__[:-1]  # as `layout.REPORT` has them
_TCB_NAMES: Final = ("current_tcb", "reported_tcb", "committed_tcb", "launch_tcb")


def _product(version: int, cpuid: bytes) -> Product | None:
    return None if version < _CPUID_SINCE else Product.of_cpuid(cpuid[0], cpuid[1])


def _check_reserved(data: bytes, version: int) -> None:
    early = (where for since, where in layout.RESERVED_BEFORE if version < since)
    for where in (*layout.RESERVED, *early):
        if not _is_zero(data[where]):
            raise MalformedError("snp.reserved", f"bytes {where.start:#x} to {where.stop - 1:#x}")


def _signature(data: bytes) -> bytes:
    """Return r ‖ s, big-endian."""
    r, s = layout.SIGNATURE.unpack(data[layout.SIGNED.stop :])
    size = layout.SCALAR_BYTES
    if not (_is_zero(r[size:]) and _is_zero(s[size:]) and _is_zero(data[layout.SIGNATURE_TAIL])):
        raise MalformedError("snp.signature-form", "bytes behind r, s or both are not zero")
    scalars: bytes = r[size - 1 :: -1] + s[size - 1 :: -1]
    return scalars


def _is_zero(data: bytes) -> bool:
    return data == bytes(len(data))
