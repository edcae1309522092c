# SPDX-License-Identifier: Apache-2.0
"""A software TPM as a manufacturer hands it out: with certified endorsement keys."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.vm.places import checked

__all__ = ["ISSUER", "ROOT_CA", "TOOLS", "tpm"]

SWTPM: Final = "swtpm"
TOOLS: Final = (SWTPM, "swtpm_setup", "swtpm_localca", "certtool")
BANKS: Final = "sha1,sha256"
ISSUER: Final = "issuercert.pem"
ROOT_CA: Final = "swtpm-localca-rootca-cert.pem"


@contextmanager
def tpm(scratch: Path, certificates: Path) -> Iterator[Sequence[str]]:
    """Run a new TPM while the block lasts; yield QEMU's arguments for it.

    Args:
        scratch: a folder for its state.
        certificates: a folder that gets the certificates of its manufacturer: `ISSUER`, `ROOT_CA`.
    """
    state, socket = scratch / "tpm", scratch / "tpm.sock"
    _manufacture(scratch, state, certificates)
    process = subprocess.Popen(
        [
            SWTPM,
            "socket",
            "--tpm2",
            "--tpmstate",
            f"dir={state}",
            "--ctrl",
            f"type=unixio,path={socket}",
            "--flags",
            "not-need-init,startup-clear",
        ],
        stdin=subprocess.DEVNULL,
    )
    try:
        yield (
            "-chardev",
            f"socket,id=tpm,path={socket}",
            "-tpmdev",
            "emulator,id=tpm0,chardev=tpm",
            "-device",
            "tpm-crb,tpmdev=tpm0",
        )
    finally:
        process.terminate()
        process.wait()


def _manufacture(scratch: Path, state: Path, certificates: Path) -> None:
    """Make the TPM's state, with a certificate authority that ends with the scratch folder."""
    authority = scratch / "authority"
    for folder in (state, authority):
        folder.mkdir()
    options, local, setup = (scratch / f"{name}.conf" for name in ("options", "local", "setup"))
    options.write_text(
        "--platform-manufacturer troth\n--platform-version 1\n--platform-model test\n"
    )
    local.write_text(
        f"statedir = {authority}\nsigningkey = {authority}/signkey.pem\n"
        f"issuercert = {authority / ISSUER}\ncertserial = {authority}/certserial\n"
    )
    setup.write_text(
        f"create_certs_tool = {shutil.which('swtpm_localca')}\n"
        f"create_certs_tool_config = {local}\ncreate_certs_tool_options = {options}\n"
    )
    checked(
        [
            "swtpm_setup",
            "--tpm2",
            "--tpmstate",
            state,
            "--create-ek-cert",
            "--pcr-banks",
            BANKS,
            "--config",
            setup,
            "--runas",
            "root",
        ]
    )
    for name in (ISSUER, ROOT_CA):
        shutil.copy(authority / name, certificates)
