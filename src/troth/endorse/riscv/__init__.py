# SPDX-License-Identifier: Apache-2.0
"""RISC-V CoVE endorsements: the roots of trust whose platform tokens count."""

from troth.endorse.riscv.roots import CoveRoot, CoveRoots, build_roots, parse_roots

__all__ = ["CoveRoot", "CoveRoots", "build_roots", "parse_roots"]
