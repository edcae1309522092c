# SPDX-License-Identifier: Apache-2.0
"""The steps that TDX and SGX quotes share: PCK chain, collateral, quoting enclave, TCB levels."""
