# SPDX-License-Identifier: Apache-2.0
"""The HCL report: a hardware report, and the runtime claims that it names."""

from __future__ import annotations

from functools import cached_property
from typing import Self

import msgspec

from troth.crypto.digest import sha256
from troth.errors import MalformedError
from troth.evidence.azure import layout
from troth.evidence.azure.layout import Hardware
from troth.evidence.azure.runtime import RuntimeClaims
from troth.wire.reader import Reader

__all__ = ["HclReport"]


class HclReport(msgspec.Struct, frozen=True, dict=True, kw_only=True):
    """A parsed report. Claims, not facts: only `troth.verify.azure` turns one into the other.

    Attributes:
        version: of the header.
        request_type: as carried; it decides nothing.
        status: as carried.
        hardware: whose report it holds.
        hardware_report: an SNP report, or a TDREPORT, without the zeros behind it.
        runtime: the runtime claims' bytes.
    """

    version: int
    request_type: int
    status: int
    hardware: Hardware
    hardware_report: bytes
    runtime: bytes

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read a report, which is all of `data` but for zeros behind it.

        Raises:
            MalformedError: `wire.too-large`, `wire.truncated`; `azure.header`, `azure.hardware`,
                `azure.runtime`, `azure.trailing`; `unsupported.version`, `unsupported.tee`,
                `unsupported.algorithm`; as `RuntimeClaims.parse`.
        """
        if len(data) > layout.HCL_MAX_BYTES:
            raise MalformedError("wire.too-large", f"more than {layout.HCL_MAX_BYTES} bytes")
        reader = Reader(data)
        header = reader.take(layout.HEADER.size, "HCL header")
        magic, version, size, request_type, status, reserved = layout.HEADER.unpack(header)
        if magic != layout.MAGIC or any(reserved):
            raise MalformedError("azure.header", f"{magic.hex()}, reserved {reserved.hex()}")
        if version not in layout.VERSIONS:
            raise MalformedError("unsupported.version", f"HCL report {version}; 1 and 2 are")
        area = reader.take(layout.HARDWARE_BYTES, "hardware report")
        hardware, runtime = _runtime(reader)
        if size != reader.at:
            raise MalformedError("azure.header", f"a report of {size} bytes, {reader.at} are there")
        if any(reader.take(reader.left, "padding")):
            raise MalformedError("azure.trailing", "other than zeros behind the runtime claims")
        report = cls(
            version=version,
            request_type=request_type,
            status=status,
            hardware=hardware,
            hardware_report=_hardware_report(hardware, area),
            runtime=runtime,
        )
        _ = report.claims
        return report

    def build(self) -> bytes:
        """Return the report's bytes, without zeros behind them."""
        numbers = {name: number for number, name in layout.HARDWARE.items()}
        runtime = layout.RUNTIME.pack(
            layout.RUNTIME.size + len(self.runtime),
            layout.RUNTIME_VERSION,
            numbers[self.hardware],
            layout.HASH_SHA256,
            len(self.runtime),
        )
        body = self.hardware_report.ljust(layout.HARDWARE_BYTES, b"\0") + runtime + self.runtime
        size = layout.HEADER.size + len(body)
        fields = (layout.MAGIC, self.version, size, self.request_type, self.status, bytes(12))
        return layout.HEADER.pack(*fields) + body

    @cached_property
    def claims(self) -> RuntimeClaims:
        """What the runtime claims say.

        Raises:
            MalformedError: as `RuntimeClaims.parse`; never of a report that was parsed.
        """
        return RuntimeClaims.parse(self.runtime)

    @cached_property
    def report_data(self) -> bytes:
        """What the hardware's report data must be, 64 bytes: the claims' SHA-256, then zeros."""
        return sha256(self.runtime).ljust(layout.REPORT_DATA_BYTES, b"\0")


def _runtime(reader: Reader) -> tuple[Hardware, bytes]:
    head = reader.take(layout.RUNTIME.size, "runtime data")
    size, version, kind, hash_type, claims_size = layout.RUNTIME.unpack(head)
    if version != layout.RUNTIME_VERSION:
        raise MalformedError("unsupported.version", f"runtime data {version}; 1 is")
    hardware = layout.HARDWARE.get(kind)
    if hardware is None:
        raise MalformedError("unsupported.tee", f"hardware report of type {kind}; SNP and TDX are")
    if hash_type != layout.HASH_SHA256:
        raise MalformedError("unsupported.algorithm", f"hash type {hash_type}; 1, SHA-256, is")
    if size != layout.RUNTIME.size + claims_size:
        raise MalformedError("azure.runtime", f"{size} bytes of runtime data, {claims_size} claims")
    return hardware, reader.take(claims_size, "runtime claims")


def _hardware_report(hardware: Hardware, area: bytes) -> bytes:
    if hardware == "snp":
        return area
    if any(area[layout.TDREPORT_BYTES :]):
        raise MalformedError("azure.hardware", "other than zeros behind the TDREPORT")
    return area[: layout.TDREPORT_BYTES]
