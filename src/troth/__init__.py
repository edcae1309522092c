# SPDX-License-Identifier: Apache-2.0
"""troth: a trust orchestrator for confidential VMs.

The library is usable alone and does no I/O on its own account: `troth.verify` judges evidence,
`troth.policy` says whether what was judged is what you want, and the instant at which both do so
is an argument. The command line (`troth.cli`) adds files, a clock and a printer.
"""

from importlib import import_module as _import_module

__all__ = ["__version__"]

__version__: str


def __getattr__(name: str) -> str:
    """Look the version up when it is asked for: few do, and it costs more than most imports."""
    if name != "__version__":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = version = str(_import_module("importlib.metadata").version("troth"))
    return version
