# SPDX-License-Identifier: Apache-2.0
"""Arm CCA endorsements: the keys of platforms (CPAK), by platform."""

from troth.endorse.arm.cpak import Cpak, CpakStore, parse_cpak_key, parse_cpak_store

__all__ = ["Cpak", "CpakStore", "parse_cpak_key", "parse_cpak_store"]
