# SPDX-License-Identifier: Apache-2.0
"""What an appraisal rests on besides the bundle, read from files: policy, anchors, collateral."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from troth.crypto.x509 import certificates_from_pem
from troth.endorse.intel import CollateralSet, is_bundle, parse_bundle
from troth.endorse.intel.bundle import BUNDLE_MAX_BYTES
from troth.errors import DeniedError, TrothError, UsageError
from troth.infra.files import read_bounded
from troth.policy import Policy, parse_policy
from troth.policy.document import POLICY_MAX_BYTES
from troth.verifier.settings import INTEL, NO_COLLATERAL, Configured
from troth.verify import INTEL_SGX_ROOT, Anchor, Anchors, WithoutCollateral
from troth.verify.bundle import Wanted

__all__ = ["Sources", "load_sources"]

_PEM_MAX_BYTES: Final = 64 * 1024
_PEM_MOST: Final = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """One consistent set of them."""

    policy: Policy
    wanted: Wanted
    anchors: Anchors
    collateral: tuple[CollateralSet, ...] | type[WithoutCollateral]


def load_sources(configured: Configured) -> Sources:
    """Return what the configuration names.

    Raises:
        UsageError: `usage.file`, `usage.policy` or `usage.root`.
    """
    policy = _policy(configured)
    anchors = [one for name in configured.value.roots for one in _anchors(configured, name)]
    named = configured.value.collateral
    if NO_COLLATERAL in named and len(named) > 1:
        raise UsageError("usage.configuration", f'collateral: "{NO_COLLATERAL}" stands alone')
    collateral: tuple[CollateralSet, ...] | type[WithoutCollateral] = WithoutCollateral
    if NO_COLLATERAL not in named:
        collateral = tuple(one for name in named for one in _sets(configured.path(name)))
    return Sources(
        policy=policy,
        wanted=policy.for_bundles(),
        anchors=Anchors(anchors),
        collateral=collateral,
    )


def _policy(configured: Configured) -> Policy:
    """Return a policy by which tokens can be issued."""
    name = configured.value.policy
    policy = parse_policy(read_bounded(str(configured.path(name)), POLICY_MAX_BYTES), name)
    try:
        wanted = policy.for_bundles()
    except DeniedError as error:
        raise UsageError("usage.policy", f"{error.detail}; tokens need it") from None
    if isinstance(wanted.boot.images, type):
        raise UsageError("usage.policy", f"{name}: boot.images: tokens need reference values")
    if wanted.claims.cnf != "required":
        raise UsageError("usage.policy", f"{name}: claims.cnf: a token needs a key of the caller")
    if wanted.claims.channel != "any":
        # Python's ssl has no exporter (RFC 8446 §7.5), so nothing could be compared here.
        raise UsageError("usage.policy", f"{name}: claims.channel: this server cannot compare it")
    return policy


def _anchors(configured: Configured, name: str) -> list[Anchor]:
    if name == INTEL:
        return [INTEL_SGX_ROOT]
    path = str(configured.path(name))
    try:
        found = certificates_from_pem(read_bounded(path, _PEM_MAX_BYTES), most=_PEM_MOST)
        anchors = [Anchor.of(one) for one in found]
    except TrothError as error:
        raise UsageError("usage.root", f"{name}: {error}") from None
    if not anchors:
        raise UsageError("usage.root", f"{name}: no PEM certificate in it")
    return anchors


def _sets(path: Path) -> list[CollateralSet]:
    """Return the sets of a bundle file, or of every bundle in a directory."""
    files = sorted(path.glob("*.json")) if path.is_dir() else [path]
    sets = []
    for file in files:
        data = read_bounded(str(file), BUNDLE_MAX_BYTES)
        try:
            if file == path or is_bundle(data):
                sets.append(parse_bundle(data, file.name))
        except TrothError as error:
            raise UsageError("usage.file", f"{file.name}: {error}") from None
    return sets
