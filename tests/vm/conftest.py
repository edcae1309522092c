# SPDX-License-Identifier: Apache-2.0
"""The machine of these tests: built where needed, booted once, its results read by many tests."""

from __future__ import annotations

import os
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.vm.artefacts import keep
from tests.vm.debian import Kernel
from tests.vm.debian import kernel as unpack_kernel
from tests.vm.image import module, root_image
from tests.vm.machine import Boot, firmware, missing, run
from tests.vm.payload import our_program, our_tests, write_payload
from tests.vm.places import HERE
from tests.vm.tpm import tpm
from troth.tsm.emulated.tdx import SoftwareTdx, create_in

FIRST_BOOT_S = 600
SECOND_BOOT_S = 600
REQUIRE = "TROTH_REQUIRE_VM"


@pytest.fixture(scope="session")
def kernel() -> Kernel:
    """Debian's kernel, unpacked; without what a machine needs the tests skip, or fail in CI."""
    reason = missing()
    if reason is not None and os.environ.get(REQUIRE) == "1":
        pytest.fail(f"{REQUIRE} is set, but {reason}")
    if reason is not None:
        pytest.skip(reason)
    return unpack_kernel()


@pytest.fixture(scope="session")
def root_disk(kernel: Kernel) -> Path:
    return root_image(kernel)


@pytest.fixture(scope="session")
def tee(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A software TDX, which goes into the guest and whose root is known outside."""
    directory = tmp_path_factory.mktemp("tee") / "tee"
    create_in(directory, SoftwareTdx.create(at=datetime.now(UTC)))
    return directory


@pytest.fixture(scope="session")
def first_boot(
    kernel: Kernel, root_disk: Path, tee: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The results of the boot behind the kernel's own configfs-tsm."""
    scratch = tmp_path_factory.mktemp("kernel")
    ours = (our_program(scratch), *our_tests(), HERE / "guest/trothd.toml")
    payload = write_payload(scratch, "kernel.sh", module(kernel), tee, *ours)
    boot = Boot(kernel=kernel.image, root=root_disk, payload=payload)
    return run(boot, scratch, deadline_s=FIRST_BOOT_S)


@pytest.fixture(scope="session")
def second_boot(kernel: Kernel, root_disk: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The results of the boot that firmware, a TPM and IMA measured."""
    scratch = tmp_path_factory.mktemp("measured")
    certificates = tmp_path_factory.mktemp("certificates")
    payload = write_payload(scratch, "measured.sh")
    with tpm(scratch, certificates) as devices:
        boot = Boot(
            kernel=kernel.image,
            root=root_disk,
            payload=payload,
            words="ima_policy=tcb",
            devices=(*firmware(scratch), *devices),
        )
        results = run(boot, scratch, deadline_s=SECOND_BOOT_S)
    for certificate in certificates.iterdir():
        shutil.copy(certificate, results)
    return results


@pytest.fixture(scope="session")
def artefacts(second_boot: Path) -> Path:
    """What was taken out of the second boot, in the place where it stays."""
    return keep(second_boot)
