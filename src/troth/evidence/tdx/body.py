# SPDX-License-Identifier: Apache-2.0
"""The TD report body: what the TDX module says of a TD."""

from __future__ import annotations

from typing import Self

import msgspec

from troth.evidence.tdx.attributes import TdAttributes
from troth.evidence.tdx.layout import BODY_1_0, BODY_1_0_BYTES, BODY_1_5

__all__ = ["TdReportBody"]


class TdReportBody(msgspec.Struct, frozen=True):
    """A TD report body 1.0 (584 bytes) or 1.5 (648), fields in the order of the layout."""

    tee_tcb_svn: bytes
    mr_seam: bytes
    mr_signer_seam: bytes
    seam_attributes: bytes
    td_attributes: bytes
    xfam: bytes
    mr_td: bytes
    mr_config_id: bytes
    mr_owner: bytes
    mr_owner_config: bytes
    rtmr0: bytes
    rtmr1: bytes
    rtmr2: bytes
    rtmr3: bytes
    report_data: bytes
    tee_tcb_svn2: bytes | None = None
    mr_service_td: bytes | None = None

    @classmethod
    def parse(cls, body: bytes) -> Self:
        """Take the fields of a body whose size the caller has checked; any bits are a body."""
        layout = BODY_1_0 if len(body) == BODY_1_0_BYTES else BODY_1_5
        return cls(*layout.unpack(body))

    def build(self) -> bytes:
        """Return the bytes of this body, 648 if it has the fields of 1.5, else 584."""
        fields = msgspec.structs.astuple(self)
        if self.tee_tcb_svn2 is None:
            return BODY_1_0.pack(*fields[:15])
        return BODY_1_5.pack(*fields)

    @property
    def attributes(self) -> TdAttributes:
        """TDATTRIBUTES by name."""
        return TdAttributes(self.td_attributes)

    @property
    def rtmrs(self) -> tuple[bytes, bytes, bytes, bytes]:
        """The four runtime measurement registers, 48 bytes each."""
        return self.rtmr0, self.rtmr1, self.rtmr2, self.rtmr3
