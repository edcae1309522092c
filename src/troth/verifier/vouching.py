# SPDX-License-Identifier: Apache-2.0
"""What vouches for the evidence of each kind, from the two lists of the configuration.

    kind    roots                           collateral
    tdx     "intel", PEM                    bundles, directories of them; or only "none"
    snp     "amd", PEM                      certificates, lists, tables, bundles; or only "none"
    cca     stores of platforms' keys       only "none": tokens need nothing else
    cove    lists of roots of trust         likewise

Which kind it is, the policy says by its section; the files are read as that kind's and no other's.
SGX, TPM and Azure evidence does not come in bundles, so no verifier serves it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal, NoReturn

from troth import collect
from troth.crypto.verifying_key import VerifyingKey
from troth.endorse.intel import CollateralSet
from troth.errors import TrothError, UsageError
from troth.policy import Endorsements
from troth.verifier.settings import AMD, INTEL, NO_COLLATERAL, Configured
from troth.verify import INTEL_SGX_ROOT, Anchor, Anchors, WithoutCollateral
from troth.verify.bundle import BundleTee

__all__ = ["Vouching", "vouching_for"]

_NO_ANCHORS: Final = Anchors(())
_NOTHING: Final = Endorsements()


@dataclass(frozen=True, slots=True, kw_only=True)
class Vouching:
    """Roots, and what hangs from them; a kind has what it needs, and nothing of another's."""

    anchors: Anchors = _NO_ANCHORS
    collateral: tuple[CollateralSet, ...] | type[WithoutCollateral] = WithoutCollateral
    endorsements: Endorsements = _NOTHING


def vouching_for(tee: BundleTee, configured: Configured) -> Vouching:
    """Return what the configuration names for a kind of evidence.

    Raises:
        UsageError: `usage.configuration`, `usage.file`, `usage.root`.
    """
    named = configured.value.collateral
    if NO_COLLATERAL in named and len(named) > 1:
        raise UsageError("usage.configuration", f'collateral: "{NO_COLLATERAL}" stands alone')
    return _READERS[tee](configured)


def _tdx(configured: Configured) -> Vouching:
    roots = _anchors(configured, "tdx", {INTEL: (INTEL_SGX_ROOT,)}, collect.intel_anchors)
    paths = _collateral(configured)
    if paths is None:
        return Vouching(anchors=roots)
    try:
        return Vouching(anchors=roots, collateral=collect.collateral_sets(paths, _leave_out))
    except TrothError as error:
        raise UsageError("usage.file", str(error)) from None


def _snp(configured: Configured) -> Vouching:
    roots = _anchors(configured, "snp", {AMD: collect.AMD_ARKS}, collect.amd_anchors)
    try:
        files = collect.amd_files(_collateral(configured) or (), _leave_out)
    except TrothError as error:
        raise UsageError("usage.file", str(error)) from None
    given = Endorsements(snp=files.sets, amd_certificates=files.authorities, amd_crls=files.crls)
    return Vouching(anchors=roots, endorsements=given)


def _cca(configured: Configured) -> Vouching:
    store = collect.cpaks(_alone(configured, "cca"), _refuse_lone, what="roots")
    return Vouching(endorsements=Endorsements(cpaks=store))


def _cove(configured: Configured) -> Vouching:
    roots = collect.cove_roots(_alone(configured, "cove"), what="roots")
    return Vouching(endorsements=Endorsements(cove_roots=roots))


_READERS: Final[Mapping[BundleTee, Callable[[Configured], Vouching]]] = {
    "tdx": _tdx,
    "snp": _snp,
    "cca": _cca,
    "cove": _cove,
}


def _anchors(
    configured: Configured,
    tee: Literal["tdx", "snp"],
    vendors: Mapping[str, tuple[Anchor, ...]],
    read: Callable[[Iterable[str]], tuple[Anchor, ...]],
) -> Anchors:
    """Return the anchors of words and PEM files, in their order."""
    found: list[Anchor] = []
    for name in configured.value.roots:
        if name in vendors:
            found += vendors[name]
        else:
            _demand_file(name, tee)
            found += read([str(configured.path(name))])
    return Anchors(found)


def _alone(configured: Configured, tee: Literal["cca", "cove"]) -> list[str]:
    """Return the files of roots of a kind that has no collateral."""
    if configured.value.collateral != (NO_COLLATERAL,):
        raise UsageError(
            "usage.configuration", f'collateral: ["{NO_COLLATERAL}"] is due, {tee} has none'
        )
    for name in configured.value.roots:
        _demand_file(name, tee)
    return [str(configured.path(name)) for name in configured.value.roots]


def _collateral(configured: Configured) -> list[str] | None:
    """Return the files and directories of collateral; None where it is not asked for by name."""
    named = configured.value.collateral
    return None if NO_COLLATERAL in named else [str(configured.path(name)) for name in named]


def _demand_file(name: str, tee: BundleTee) -> None:
    if name in (INTEL, AMD):
        raise UsageError("usage.root", f'roots: "{name}" vouches for no {tee} evidence')


def _refuse_lone(path: str, _: VerifyingKey) -> NoReturn:
    raise UsageError("usage.root", f"{path}: a key alone does not say whose it is; a store is due")


def _leave_out(_: str) -> None:
    """A directory may hold other files beside its collateral."""
