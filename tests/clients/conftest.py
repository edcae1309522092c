# SPDX-License-Identifier: Apache-2.0
"""The built programs, and one software TDX for all of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.clients import toolchains
from tests.clients.service import write_answers
from tests.program import Outcome, troth
from troth.infra.clock import now
from troth.tsm.emulated.tdx import Settings, SoftwareTdx, create_in


@dataclass(frozen=True)
class Machine:
    """A software TDX, and where its collateral lies in the form of Intel's answers."""

    directory: Path
    answers: Path

    @property
    def root(self) -> Path:
        """Its anchor."""
        return self.directory / "root.pem"

    def run(self, *command: object) -> Outcome:
        """Run a command where the kernel's paths show this machine."""
        return troth("emulate", "tdx", "--tee", self.directory, "--", *command)


@pytest.fixture(scope="session")
def go(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return toolchains.go_programs(tmp_path_factory.mktemp("go"))


@pytest.fixture(scope="session")
def rust(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return toolchains.rust_program(tmp_path_factory.mktemp("rust"))


@pytest.fixture(scope="session")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Machine:
    """A machine whose FMSPC has no letters.

    go-tdx-guest 0.3.1 compares the PCK certificate's in lower case with the text of the TCB info,
    where Intel writes capitals.
    """
    settings = Settings()
    settings = replace(settings, platform=replace(settings.platform, fmspc="900000000000"))
    directory = tmp_path_factory.mktemp("tdx")
    create_in(directory, SoftwareTdx.create(settings, at=now()))
    answers = tmp_path_factory.mktemp("answers")
    write_answers(directory / "collateral.json", answers)
    return Machine(directory, answers)
