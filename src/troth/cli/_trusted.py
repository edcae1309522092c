# SPDX-License-Identifier: Apache-2.0
"""Whom a judgement may trust, by the options of `troth verify`: roots, platforms' keys, AKs."""

from __future__ import annotations

from collections.abc import Iterable

from troth import collect
from troth.cli._arguments import hex_bytes
from troth.crypto.verifying_key import VerifyingKey
from troth.endorse.arm import Cpak, CpakStore
from troth.endorse.riscv import CoveRoots
from troth.errors import UsageError
from troth.evidence.cca.layout import IMPLEMENTATION_ID_BYTES, INSTANCE_ID_BYTES
from troth.evidence.detect import Tee
from troth.verify import INTEL_SGX_ROOT, Anchors

__all__ = ["anchors", "cove_roots", "cpaks"]


def anchors(tee: Tee, roots: tuple[str, ...]) -> Anchors:
    """Return the keys that evidence of a kind may hang from.

    Without files these are the vendors'. TPMs have many vendors and no common root, so that there
    are none; CCA and CoVE know no certificates.

    Raises:
        UsageError: `usage.file` or `usage.root`.
    """
    if tee == "snp":
        return Anchors(collect.amd_anchors(roots) or collect.AMD_ARKS)
    if tee == "azure":
        return Anchors(collect.any_anchors(roots) or (INTEL_SGX_ROOT, *collect.AMD_ARKS))
    if tee == "tpm":
        return Anchors(collect.any_anchors(roots))
    if tee in ("cca", "cove"):
        return Anchors(())
    return Anchors(collect.intel_anchors(roots) or (INTEL_SGX_ROOT,))


def cove_roots(paths: Iterable[str]) -> CoveRoots:
    """Return the roots of trust of `--root`; see `troth.collect`."""
    return collect.cove_roots(paths, what="--root")


def cpaks(
    paths: Iterable[str], implementation_id: str | None, instance_id: str | None
) -> CpakStore:
    """Return the keys of CCA platforms of `--cpak`.

    Args:
        paths: of the files.
        implementation_id: of the platform of a lone key, in hex.
        instance_id: likewise.

    Raises:
        UsageError: `usage.arguments`, a lone key without both ids, or ids without a lone key;
            `usage.file`, `usage.hex`, `usage.root`.
    """
    first = _id(implementation_id, "--implementation-id", IMPLEMENTATION_ID_BYTES)
    second = _id(instance_id, "--instance-id", INSTANCE_ID_BYTES)
    lonely: list[str] = []

    def lone(path: str, key: VerifyingKey) -> Cpak:
        if first is None or second is None:
            raise UsageError(
                "usage.arguments",
                f"{path}: a lone --cpak needs --implementation-id and --instance-id",
            )
        lonely.append(path)
        return Cpak(implementation_id=first, instance_id=second, key=key)

    found = collect.cpaks(paths, lone, what="--cpak")
    if not lonely and (first is not None or second is not None):
        raise UsageError(
            "usage.arguments",
            "--implementation-id and --instance-id are for a lone key; the array in --cpak names "
            "its platforms",
        )
    return found


def _id(text: str | None, option: str, size: int) -> bytes | None:
    return None if text is None else hex_bytes(text, option, size, least=size)
