# SPDX-License-Identifier: Apache-2.0
"""A software TDX and what it made, as files for the program to be given."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from tests.tdx import AT, REPORT_DATA
from troth.evidence.tdx import TdxQuote
from troth.policy import policy_template
from troth.tsm.emulated.tdx import SoftwareTdx
from troth.wire.text import format_instant

WHEN: Final = format_instant(AT)


@dataclass(frozen=True)
class Files:
    """Where the files are, and the TEE that made them."""

    folder: Path
    tee: SoftwareTdx

    @property
    def quote(self) -> Path:
        """A sound quote for `REPORT_DATA`."""
        return self.folder / "quote.bin"

    @property
    def bundle(self) -> Path:
        """Collateral, in a folder of its own."""
        return self.folder / "collateral" / "bundle.json"

    @property
    def root(self) -> Path:
        """The anchor."""
        return self.folder / "root.pem"

    @property
    def policy(self) -> Path:
        """A policy that accepts the quote."""
        return self.folder / "td.toml"

    @property
    def sound(self) -> tuple[str, ...]:
        """Arguments with which the quote is genuine."""
        files = ("--collateral", str(self.bundle), "--root", str(self.root))
        return ("verify", str(self.quote), *files, "--at", WHEN)


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    made = Files(tmp_path_factory.mktemp("td"), SoftwareTdx.create(at=AT))
    quote = made.tee.quote(REPORT_DATA)
    made.bundle.parent.mkdir()
    made.quote.write_bytes(quote)
    made.bundle.write_bytes(made.tee.bundle())
    made.root.write_bytes(made.tee.root_pem)
    made.policy.write_text(policy_template(TdxQuote.parse(quote), "quote.bin"), encoding="utf-8")
    return made
