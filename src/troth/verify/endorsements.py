# SPDX-License-Identifier: Apache-2.0
"""What vouches for the kinds of evidence that are not Intel's, whether alone or in a bundle."""

from __future__ import annotations

from typing import Final

import msgspec

from troth.crypto.pss_certificate import PssCertificate
from troth.crypto.pss_crl import PssCrl
from troth.endorse.amd import SnpCollateral
from troth.endorse.arm import CpakStore
from troth.endorse.riscv import CoveRoots
from troth.verify.options import ChipId, Revocation
from troth.verify.tpm import PinnedKeys

__all__ = ["NO_ENDORSEMENTS", "Endorsements"]


class Endorsements(msgspec.Struct, frozen=True, kw_only=True):
    """What vouches for the kinds that are not Intel's. Nothing vouches for anything by default.

    Attributes:
        snp: sets to judge SNP reports by.
        amd_certificates: of AMD's CAs, for Azure's evidence, which brings the VCEK itself.
        amd_crls: lists of AMD's root keys, likewise.
        revocation: whether such a list is due where no policy says so.
        chip: whether an SNP report must name its chip, likewise.
        cpaks: keys of CCA platforms.
        cove_roots: roots of trust of CoVE platforms.
        tpm_keys: attestation keys that are known; None where `anchors` certify them.
    """

    snp: tuple[SnpCollateral, ...] = ()
    amd_certificates: tuple[PssCertificate, ...] = ()
    amd_crls: tuple[PssCrl, ...] = ()
    revocation: Revocation = Revocation.REQUIRED
    chip: ChipId = ChipId.NAMED
    cpaks: CpakStore = CpakStore(())
    cove_roots: CoveRoots = CoveRoots(())
    tpm_keys: PinnedKeys | None = None


NO_ENDORSEMENTS: Final = Endorsements()
