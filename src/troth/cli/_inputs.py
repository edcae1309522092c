# SPDX-License-Identifier: Apache-2.0
"""From the files that a user names to what a judgement rests on: anchors, collateral, policy."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import click

from troth.crypto.x509 import certificates_from_pem
from troth.endorse.intel import CollateralSet, is_bundle, parse_bundle
from troth.endorse.intel.bundle import BUNDLE_MAX_BYTES
from troth.errors import TrothError, UsageError, printable
from troth.infra.files import read_bounded
from troth.policy import Policy, parse_policy
from troth.policy.document import POLICY_MAX_BYTES
from troth.verify import INTEL_SGX_ROOT, Anchor, Anchors

__all__ = ["anchors", "collateral_sets", "load_policy"]

_PEM_MAX_BYTES: Final = 64 * 1024
_PEM_MOST: Final = 16


def anchors(roots: Iterable[str]) -> Anchors:
    """Return the anchors of the PEM files given by `--root`, or Intel's if there are none.

    Raises:
        UsageError: `usage.file` or `usage.root`.
    """
    found: list[Anchor] = []
    for path in roots:
        try:
            certificates = certificates_from_pem(read_bounded(path, _PEM_MAX_BYTES), most=_PEM_MOST)
            found.extend(Anchor.of(one) for one in certificates)
        except TrothError as error:
            raise UsageError("usage.root", f"{path}: {error}") from None
        if not certificates:
            raise UsageError("usage.root", f"{path}: no PEM certificate in it")
    return Anchors(found or [INTEL_SGX_ROOT])


def collateral_sets(paths: Iterable[str]) -> tuple[CollateralSet, ...]:
    """Return the sets of bundle files, and of every bundle in directories.

    Raises:
        UsageError: `usage.file`.
        MalformedError, UntrustedError: as `parse_bundle`, the file's name in front.
    """
    return tuple(one for path in paths for one in _sets(path))


def load_policy(path: str | None) -> Policy | None:
    """Return the policy of a file, or None if there is none.

    Raises:
        UsageError: `usage.file` or `usage.policy`.
    """
    if path is None:
        return None
    return parse_policy(read_bounded(path, POLICY_MAX_BYTES), printable(path))


def _sets(path: str) -> list[CollateralSet]:
    if path == "-" or not Path(path).is_dir():
        return [_bundle(path, read_bounded(path, BUNDLE_MAX_BYTES))]
    sets = []
    for file in _files(path):
        data = read_bounded(file, BUNDLE_MAX_BYTES)
        with _named(file):
            wanted = is_bundle(data)
        if wanted:
            sets.append(_bundle(file, data))
        else:
            left_out = printable(file)
            click.echo(f"troth: {left_out}: not a collateral bundle, left out", err=True)
    return sets


def _files(directory: str) -> list[str]:
    """Return the regular files of a directory that may be bundles; a pipe would make us wait."""
    try:
        with os.scandir(directory) as entries:
            return sorted(
                one.path for one in entries if one.name.endswith(".json") and one.is_file()
            )
    except OSError as error:
        raise UsageError("usage.file", f"{directory}: {error.strerror}") from None


def _bundle(path: str, data: bytes) -> CollateralSet:
    with _named(path):
        return parse_bundle(data, printable(path))


@contextmanager
def _named(path: str | Path) -> Iterator[None]:
    """Put the file's name in front of what is wrong with it."""
    try:
        yield
    except TrothError as error:
        raise type(error)(error.code, f"{path}: {error.detail}") from None
