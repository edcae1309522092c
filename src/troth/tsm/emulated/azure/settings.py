# SPDX-License-Identifier: Apache-2.0
"""What a software paravisor says of its VM."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from troth.tsm.emulated.tdx.fields import Frozen

__all__ = ["Settings"]

Hex64 = Annotated[str, Meta(pattern=r"^[0-9a-f]{128}\Z")]
VmId = Annotated[str, Meta(pattern=r"^[0-9A-F-]{36}\Z")]


class Settings(Frozen, frozen=True):
    """The paravisor's claims beside the keys, and the version of its report."""

    hcl_version: Literal[1, 2] = 2
    secure_boot: bool = True
    console_enabled: bool = False
    tpm_enabled: bool = True
    tpm_persisted: bool = False
    vm_unique_id: VmId = "00000000-0000-4000-8000-000000000000"
    user_data: Hex64 = "00" * 64
