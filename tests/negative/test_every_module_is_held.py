# SPDX-License-Identifier: Apache-2.0
"""Every module that decides is tried against its tests: no check stands outside of the tables.

Each kind's `test_each_check_counts` leaves out the checks of its modules in turn, in every run;
`make mutants` does it for the rest. A module with a check that neither knows fails here.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Final

import pytest

from tests.negative.mutants import mutants
from tests.negative.survivors import CHECKS, MODULES
from tools.house import ROOT

PACKAGES: Final = ("crypto", "endorse", "evidence", "policy", "token", "verify", "wire")
TABLES: Final = ("negative", "sgx", "snp", "cca", "cove", "tpm", "azure")
# Folders of a kind, of which each check must be missed by the kind's own cases, in every run.
OF_A_KIND: Final = {
    "negative": ("verify.intel", "verify.tdx", "endorse.intel"),
    "sgx": ("verify.sgx", "verify.intel"),
    "snp": ("verify.snp", "endorse.amd"),
    "cca": ("verify.cca",),
    "cove": ("verify.cove", "endorse.riscv"),
    "tpm": ("verify.tpm",),
    "azure": ("verify.azure",),
}
POLICY_OF_A_KIND: Final = ("tdx", "sgx", "snp", "cca", "cove", "tpm", "azure")
# Of the folders above: what a kind's cases do not go through, with the reason.
ELSEWHERE: Final = {
    ("sgx", "verify.intel.seen"): "the cache's windows are those of TDX; see its table",
}


@cache
def modules_of(package: str) -> list[str]:
    """Return the modules of a package in which there is a check, by their names below `troth`."""
    source = ROOT / "src" / "troth"
    names = [
        ".".join(path.relative_to(source).with_suffix("").parts)
        for path in sorted((source / package.replace(".", "/")).rglob("*.py"))
        if path.name != "__init__.py"
    ]
    return [one for one in names if mutants(f"troth.{one}")]


def tried_by(kind: str) -> set[str]:
    """Return the modules whose checks a kind's table leaves out in turn."""
    return set(import_module(f"tests.{kind}.test_each_check_counts").MODULES)


@pytest.mark.parametrize("package", PACKAGES)
def test_every_module_with_a_check_is_tried(package: str) -> None:
    tried = set(MODULES).union(CHECKS, *map(tried_by, TABLES))
    found = modules_of(package)
    assert found
    assert [one for one in found if one not in tried] == []


@pytest.mark.parametrize("kind", OF_A_KIND)
def test_every_module_of_a_kind_is_in_its_table(kind: str) -> None:
    found = [one for package in OF_A_KIND[kind] for one in modules_of(package)]
    assert found
    left = [one for one in found if one not in tried_by(kind)]
    assert left == [one for other, one in ELSEWHERE if other == kind]


@pytest.mark.parametrize("kind", POLICY_OF_A_KIND)
def test_the_policy_of_a_kind_is_in_its_table(kind: str) -> None:
    assert f"policy.{kind}" in tried_by("negative" if kind == "tdx" else kind)
