# SPDX-License-Identifier: Apache-2.0
"""troth: a trust orchestrator for confidential VMs.

The library is usable alone and does no I/O on its own account: `troth.verify` judges evidence,
`troth.policy` says whether what was judged is what you want, and the instant at which both do so
is an argument. The command line (`troth.cli`) adds files, a clock and a printer.
"""

from importlib.metadata import version as _version

__all__ = ["__version__"]

__version__ = _version("troth")
