# SPDX-License-Identifier: Apache-2.0
"""The orchestrator inside the TVM: one place through which every workload makes its statement."""

__all__: list[str] = []
