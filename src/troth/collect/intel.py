# SPDX-License-Identifier: Apache-2.0
"""Intel's collateral: bundle files, and every bundle in directories."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

from troth.collect.naming import named
from troth.collect.sorts import INTEL_BUNDLE, NO_JSON, UNKNOWN, sort_of
from troth.endorse.intel import CollateralSet, is_bundle, parse_bundle
from troth.endorse.intel.bundle import BUNDLE_MAX_BYTES
from troth.errors import UsageError, printable
from troth.infra.files import files_in, read_bounded

__all__ = ["collateral_sets"]

_DUE: Final = "a collateral bundle for TDX and SGX is due"


def collateral_sets(
    paths: Iterable[str], left_out: Callable[[str], None]
) -> tuple[CollateralSet, ...]:
    """Return the sets of bundle files, and of every bundle in directories.

    Args:
        paths: of files and directories.
        left_out: is told which JSON file of a directory is no bundle.

    Raises:
        UsageError: `usage.file`, also for a file that was named and is of another sort.
        MalformedError, UntrustedError: as `parse_bundle`, the file's name in front.
    """
    return tuple(one for path in paths for one in _sets(path, left_out))


def _sets(path: str, left_out: Callable[[str], None]) -> list[CollateralSet]:
    if path == "-" or not Path(path).is_dir():
        data = read_bounded(path, BUNDLE_MAX_BYTES)
        sort = sort_of(data)
        if sort not in (INTEL_BUNDLE, NO_JSON, UNKNOWN):
            raise UsageError("usage.file", f"{path}: {_DUE}, and this is {sort}")
        return [_bundle(path, data)]
    sets = []
    for file in files_in(path, (".json",)):
        data = read_bounded(file, BUNDLE_MAX_BYTES)
        with named(file):
            wanted = is_bundle(data)
        if wanted:
            sets.append(_bundle(file, data))
        else:
            left_out(file)
    return sets


def _bundle(path: str, data: bytes) -> CollateralSet:
    with named(path):
        return parse_bundle(data, printable(path))
