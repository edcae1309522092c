# SPDX-License-Identifier: Apache-2.0
"""Where evidence comes from: the TSM of the machine, or one that is emulated in software."""

__all__: list[str] = []
