# SPDX-License-Identifier: Apache-2.0
"""From the files that a user names to what a judgement rests on: collateral, policy."""

from __future__ import annotations

from collections.abc import Iterable

import click

from troth import collect
from troth.collect import AmdFiles
from troth.endorse.intel import CollateralSet
from troth.errors import printable
from troth.infra.files import read_bounded
from troth.policy import Policy, parse_policy
from troth.policy.document import POLICY_MAX_BYTES

__all__ = ["amd_files", "collateral_sets", "load_policy"]


def collateral_sets(paths: Iterable[str]) -> tuple[CollateralSet, ...]:
    """Return Intel's sets of files and directories; what is left out of these is said.

    Raises:
        UsageError: `usage.file`.
        MalformedError, UntrustedError: as `parse_bundle`, the file's name in front.
    """
    return collect.collateral_sets(paths, lambda path: _left_out(path, "a collateral bundle"))


def amd_files(paths: Iterable[str]) -> AmdFiles:
    """Return AMD's endorsements of files and directories; what is left out of these is said.

    Raises:
        UsageError, MalformedError, UntrustedError, StaleError: as `troth.collect.amd_files`.
    """
    what = "a certificate, revocation list, certificate table or bundle for SNP"
    return collect.amd_files(paths, lambda path: _left_out(path, what))


def load_policy(path: str | None) -> Policy | None:
    """Return the policy of a file, or None if there is none.

    Raises:
        UsageError: `usage.file` or `usage.policy`.
    """
    if path is None:
        return None
    return parse_policy(read_bounded(path, POLICY_MAX_BYTES), printable(path))


def _left_out(path: str, what: str) -> None:
    click.echo(f"troth: {printable(path)}: not {what}, left out", err=True)
