# SPDX-License-Identifier: Apache-2.0
"""What stands behind configfs-tsm: the provider that makes reports, and the kernel around it.

Source: `include/linux/tsm.h`, `struct tsm_report_ops` and `struct tsm_report`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol

__all__ = ["KERNELS", "Blobs", "Kernel", "Provider", "Request"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kernel:
    """In what kernels differ.

    Attributes:
        blob_max_bytes: the largest outblob, auxblob and manifestblob.
        has_registers: whether it shows measurement registers (since 6.16).
        has_cca: whether it has `arm_cca_guest` (6.12 has not).
        hides_failed_quotes: whether its TDX driver answers with an empty report where the host
            failed to make a quote, and not with an error (before 7.1).
    """

    blob_max_bytes: int
    has_registers: bool
    has_cca: bool
    hides_failed_quotes: bool


KERNELS: Final = {
    "6.12": Kernel(
        blob_max_bytes=32 * 1024, has_registers=False, has_cca=False, hides_failed_quotes=True
    ),
    "7.3": Kernel(
        blob_max_bytes=16 * 1024 * 1024,
        has_registers=True,
        has_cca=True,
        hides_failed_quotes=False,
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What an entry asks its provider for.

    Attributes:
        inblob: 1 to 64 bytes.
        privlevel: 0 until another is written.
        service_provider: None until one is written, which may be empty.
        service_guid: 16 bytes; zeros ask for all services.
        service_manifest_version: 0 until another is written.
    """

    inblob: bytes
    privlevel: int = 0
    service_provider: bytes | None = None
    service_guid: bytes = bytes(16)
    service_manifest_version: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Blobs:
    """What a provider answers. Without an outblob nothing is kept, and the next read asks again."""

    outblob: bytes | None
    auxblob: bytes | None = None
    manifestblob: bytes | None = None


class Provider(Protocol):
    """One provider. It is asked by one caller at a time."""

    @property
    def name(self) -> str:
        """What `provider` shows."""
        ...

    @property
    def attributes(self) -> frozenset[str]:
        """The attributes that an entry shows."""
        ...

    @property
    def floor(self) -> int:
        """The lowest privilege level that may be asked for."""
        ...

    def report(self, request: Request) -> Blobs:
        """Make a report.

        Raises:
            OSError: its errno is the answer to the read that asked.
        """
        ...
