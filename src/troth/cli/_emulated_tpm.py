# SPDX-License-Identifier: Apache-2.0
"""`troth emulate tpm` and `azure`, the commands: make one, ask it for evidence, extend a PCR."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, Literal

import click

from troth.cli._software import AT, Software, attest_command, extend_command, make
from troth.evidence.tpm.layout import PCR_COUNT
from troth.tsm.emulated import azure as azure_vm
from troth.tsm.emulated import snp, tdx
from troth.tsm.emulated import tpm as tpm_tee

__all__ = ["azure_evidence", "azure_extend", "azure_init", "tpm_evidence", "tpm_extend", "tpm_init"]

TPM: Final = Software("tpm", "TPM", "root.pem", tpm_tee.load)
AZURE: Final = Software("azure", "Azure VM", "hardware/root.pem", azure_vm.load)

_BANK: Final = "sha256"
_SIZES: Final = "32 bytes, a SHA-256 digest"
_DIRECTORY: Final = click.argument("directory")


@dataclass(frozen=True, slots=True)
class _Pcrs:
    """The PCRs of one bank, extended as registers are."""

    tpm: tpm_tee.SoftwareTpm

    def registers(self) -> tuple[bytes, ...]:
        return self.tpm.registers()[_BANK]

    def extend(self, index: int, digest: bytes) -> None:
        self.tpm.extend(index, {_BANK: digest})


@click.command("init")
@_DIRECTORY
@AT
@click.option(
    "--key",
    type=click.Choice(["P-256", "P-384", "RSA"]),
    default="P-256",
    show_default=True,
    help="The kind of the attestation key.",
)
def tpm_init(directory: str, at: str | None, key: Literal["P-256", "P-384", "RSA"]) -> None:
    """Make a software TPM in DIRECTORY, which must be new or empty.

    The directory then holds root.pem (the anchor to name with --root), certificates, tee.json
    (settings and registers, those of the SHA-256 bank) and private keys of mode 0600.
    """
    settings = tpm_tee.Settings(key=key)

    def create(when: datetime) -> tpm_tee.SoftwareTpm:
        return tpm_tee.SoftwareTpm.create(settings, at=when)

    make(TPM, directory, at, create, tpm_tee.create_in)


@click.command("init")
@_DIRECTORY
@AT
@click.option(
    "--hardware",
    type=click.Choice(["tdx", "snp"]),
    default="tdx",
    show_default=True,
    help="What the VM runs on. To make an SNP takes some seconds.",
)
def azure_init(directory: str, at: str | None, hardware: Literal["tdx", "snp"]) -> None:
    """Make a software Azure VM in DIRECTORY, which must be new or empty.

    The directory then holds the hardware and the vTPM as their own init makes them, in hardware
    and tpm, and tee.json, what the paravisor says. Evidence is trusted by hardware/root.pem, with
    hardware/collateral.json.
    """

    def create(when: datetime) -> azure_vm.SoftwareAzure:
        under: tdx.SoftwareTdx | snp.SoftwareSnp
        if hardware == "tdx":
            under = tdx.SoftwareTdx.create(at=when)
        else:
            under = snp.SoftwareSnp.create(at=when)
        vtpm = tpm_tee.SoftwareTpm.create(tpm_tee.Settings(key="RSA"), at=when)
        return azure_vm.SoftwareAzure(azure_vm.Settings(), under, vtpm)

    make(AZURE, directory, at, create, azure_vm.create_in)


@contextmanager
def _tpm_opened(directory: Path) -> Iterator[_Pcrs]:
    with tpm_tee.opened(directory) as tpm:
        yield _Pcrs(tpm)


@contextmanager
def _azure_opened(directory: Path) -> Iterator[_Pcrs]:
    with azure_vm.opened(directory) as vm:
        yield _Pcrs(vm.tpm)


def _evidence(tee: tpm_tee.SoftwareTpm | azure_vm.SoftwareAzure, data: bytes) -> bytes:
    return tee.evidence(data)


tpm_evidence: Final = attest_command(TPM, "evidence", _evidence, is_json=True)
azure_evidence: Final = attest_command(AZURE, "evidence", _evidence, is_json=True)
tpm_extend: Final = extend_command(TPM, "PCR", _tpm_opened, highest=PCR_COUNT - 1, sizes=_SIZES)
azure_extend: Final = extend_command(
    AZURE, "PCR", _azure_opened, highest=PCR_COUNT - 1, sizes=_SIZES
)
