# SPDX-License-Identifier: Apache-2.0
"""`troth emulate sgx`, `snp`, `cca` and `cove`, the commands: software TEEs made and asked."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final, Literal

import click
from msgspec.structs import replace

from troth.cli._software import AT, Software, attest_command, extend_command, make
from troth.endorse.intel.fields import PLATFORM_STATUSES
from troth.errors import UsageError
from troth.tsm.emulated import cca as cca_tee
from troth.tsm.emulated import cove as cove_tee
from troth.tsm.emulated import sgx as sgx_tee
from troth.tsm.emulated import snp as snp_tee

__all__ = [
    "cca_extend",
    "cca_init",
    "cca_token",
    "cove_extend",
    "cove_init",
    "cove_token",
    "sgx_init",
    "sgx_quote",
    "snp_init",
    "snp_report",
]

_STATUSES: Final = sorted(PLATFORM_STATUSES)
_VERSIONS: Final[Mapping[str, Literal[2, 3, 4, 5]]] = {"2": 2, "3": 3, "4": 4, "5": 5}
_DIRECTORY: Final = click.argument("directory")

SGX: Final = Software("sgx", "SGX", "root.pem", sgx_tee.load)
SNP: Final = Software("snp", "SNP", "root.pem", snp_tee.load)
CCA: Final = Software("cca", "CCA", "cpak.json", cca_tee.load)
COVE: Final = Software("cove", "CoVE", "roots.json", cove_tee.load)


@click.command("init")
@_DIRECTORY
@AT
@click.option(
    "--status",
    type=click.Choice(_STATUSES),
    metavar="STATUS",
    default="UpToDate",
    show_default=True,
    help=f"What the collateral says of the platform's newest TCB level: {', '.join(_STATUSES)}.",
)
def sgx_init(directory: str, at: str | None, status: str) -> None:
    """Make a software SGX in DIRECTORY, which must be new or empty.

    The directory then holds root.pem (the anchor to name with --root), collateral.json (the bundle
    to give with --collateral), tee.json (its settings) and private keys of mode 0600.
    """
    settings = sgx_tee.SgxSettings().with_status(platform=status)

    def create(when: datetime) -> sgx_tee.SoftwareSgx:
        return sgx_tee.SoftwareSgx.create(settings, at=when)

    make(SGX, directory, at, create, sgx_tee.create_in)


@click.command("init")
@_DIRECTORY
@AT
@click.option(
    "--product",
    type=click.Choice(["Milan", "Genoa", "Turin"]),
    default="Milan",
    show_default=True,
    help="Which processor the chip is.",
)
@click.option(
    "--signing-key",
    type=click.Choice(["VCEK", "VLEK"]),
    default="VCEK",
    show_default=True,
    help="Whose key signs the reports: the chip's, or the cloud provider's.",
)
@click.option(
    "--svsm",
    is_flag=True,
    help="Put an SVSM with a vTPM below the guest, which then runs at privilege level 2.",
)
@click.option(
    "--report-version",
    type=click.Choice(["2", "3", "4", "5"]),
    default="5",
    show_default=True,
    help="Of the reports; those of version 2 are older than Turin, and do not name their product.",
)
def snp_init(
    directory: str,
    at: str | None,
    product: Literal["Milan", "Genoa", "Turin"],
    signing_key: Literal["VCEK", "VLEK"],
    svsm: bool,
    report_version: Literal["2", "3", "4", "5"],
) -> None:
    """Make a software SNP in DIRECTORY, which must be new or empty. It takes some seconds.

    The directory then holds root.pem (the ARK, to name with --root), collateral.json (the bundle to
    give with --collateral), crl.der (the ARK's revocation list), certificates, tee.json (its
    settings) and private keys of mode 0600.
    """
    if report_version == "2" and product == "Turin":
        raise UsageError("usage.arguments", "--report-version 2 is not of Turin")
    settings = snp_tee.Settings.under_svsm() if svsm else snp_tee.Settings()
    settings = replace(
        settings,
        platform=replace(settings.platform, product=product),
        signing_key=signing_key,
        report_version=_VERSIONS[report_version],
    )

    def create(when: datetime) -> snp_tee.SoftwareSnp:
        return snp_tee.SoftwareSnp.create(settings, at=when)

    make(SNP, directory, at, create, snp_tee.create_in)


@click.command("init")
@_DIRECTORY
@AT
@click.option(
    "--profile",
    type=click.Choice(["2023", "legacy"]),
    default="2023",
    show_default=True,
    help="Of the platform's token and the realm's: that of 2023, or what was there before it.",
)
def cca_init(directory: str, at: str | None, profile: Literal["2023", "legacy"]) -> None:
    """Make a software CCA in DIRECTORY, which must be new or empty.

    The directory then holds cpak.json (the platform's key, to give with --cpak), tee.json (settings
    and registers) and private keys of mode 0600.
    """
    usual = cca_tee.Settings()
    settings = replace(
        usual,
        platform=replace(usual.platform, profile=profile),
        realm=replace(usual.realm, profile=profile),
    )

    def create(when: datetime) -> cca_tee.SoftwareCca:
        return cca_tee.SoftwareCca.create(settings, at=when)

    make(CCA, directory, at, create, cca_tee.create_in)


@click.command("init")
@_DIRECTORY
@AT
def cove_init(directory: str, at: str | None) -> None:
    """Make a software CoVE in DIRECTORY, which must be new or empty.

    The directory then holds roots.json (the root of trust, to give with --root), tee.json (settings
    and registers) and private keys of mode 0600.
    """

    def create(when: datetime) -> cove_tee.SoftwareCove:
        return cove_tee.SoftwareCove.create(at=when)

    make(COVE, directory, at, create, cove_tee.create_in)


def _report(tee: snp_tee.SoftwareSnp, data: bytes) -> bytes:
    return tee.report(data, privlevel=tee.settings.guest.floor)


sgx_quote: Final = attest_command(SGX, "quote", lambda tee, data: tee.quote(data))
snp_report: Final = attest_command(SNP, "report", _report)
cca_token: Final = attest_command(CCA, "token", lambda tee, data: tee.token(data))
cove_token: Final = attest_command(COVE, "token", lambda tee, data: tee.token(data))
cca_extend: Final = extend_command(CCA, "REM", cca_tee.opened)
cove_extend: Final = extend_command(
    COVE, "runtime register", cove_tee.opened, sizes="48 or 64 bytes, by its hash algorithm"
)
