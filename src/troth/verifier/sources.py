# SPDX-License-Identifier: Apache-2.0
"""What an appraisal rests on besides the bundle, read from files: policy, anchors, collateral."""

from __future__ import annotations

from dataclasses import dataclass

from troth.errors import DeniedError, UsageError
from troth.infra.files import read_bounded
from troth.policy import Policy, parse_policy
from troth.policy.document import POLICY_MAX_BYTES
from troth.verifier.settings import Configured
from troth.verifier.vouching import Vouching, vouching_for
from troth.verify import Cache
from troth.verify.bundle import Wanted

__all__ = ["Sources", "load_sources"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """One consistent set of them, and what was found to hold under it.

    Whenever they are read anew the cache is a new one, so that it never outlives its anchors and
    its collateral.
    """

    policy: Policy
    wanted: Wanted
    vouching: Vouching
    cache: Cache


def load_sources(configured: Configured) -> Sources:
    """Return what the configuration names.

    Raises:
        UsageError: `usage.file`, `usage.policy`, `usage.root` or `usage.configuration`.
    """
    policy = _policy(configured)
    wanted = policy.for_bundles()
    return Sources(
        policy=policy,
        wanted=wanted,
        vouching=vouching_for(policy.bundle_tee, configured),
        cache=Cache(most=configured.value.remembered),
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
