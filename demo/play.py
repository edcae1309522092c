# SPDX-License-Identifier: Apache-2.0
"""See troth work: a workload gets its secret, and nobody gets it by a forgery.

Real processes over real sockets: trothd on a software TEE, troth-verifier, troth-broker, and the
`troth` command. Every step holds what they print or answer to what it must be; the first step that
does not hold ends the demo with status 1 and the step's name.
"""

from __future__ import annotations

import argparse
import shlex
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Final, NoReturn

from demo import forgeries, place, quotes, register, workloads
from demo.cca import CCA
from demo.cove import COVE
from demo.keep import keep
from demo.kernel import KERNELS
from demo.place import Site
from demo.programs import Programs
from demo.snp import SNP
from demo.steps import StepFailedError, Steps
from demo.tdx import TDX

__all__ = ["main"]

_PROGRAMS = ("troth", "trothd", "troth-verifier", "troth-broker")
_ACTS = ("tvm", "callers", "secrets", "model", "forgeries", "register", "quotes")
KINDS: Final = {one.tee: one for one in (TDX, SNP, CCA, COVE)}
"""What `--tee` names."""
_NEEDS_BROKER = frozenset({"secrets", "model"})
_PATIENCE_S = 10.0  # the broker may keep a status list for two
_DIRECTORY_MOST = 60  # characters; a unix socket's path has at most 107


def main() -> int:
    """Play the chosen acts; return the exit status."""
    options = _options()
    commands = {name: shlex.split(getattr(options, name.replace("-", "_"))) for name in _PROGRAMS}
    signal.signal(signal.SIGTERM, _leave)
    signal.signal(signal.SIGHUP, _leave)
    started = time.perf_counter()
    steps = Steps()
    with (
        tempfile.TemporaryDirectory(prefix="troth-", dir=_short_directory()) as name,
        Programs(commands, Path(name)) as programs,
    ):
        site = Site(programs, Path(name), KINDS[options.tee], options.driver)
        try:
            _play(site, steps, options.acts, patience=options.patience, is_kept=options.keep)
        except StepFailedError as error:
            print(f"\nDEMO FAILED at {error}", file=sys.stderr)
            return 1
        except KeyboardInterrupt:
            print("\ninterrupted", file=sys.stderr)
            return 130
        print(f"\nAll {steps.number} steps held, in {time.perf_counter() - started:.1f} s.")
        if options.keep:
            keep(site)
    return 0


def _play(
    site: Site, steps: Steps, acts: frozenset[str], *, patience: float, is_kept: bool
) -> None:
    servers = [
        *(["troth-verifier"] if acts - {"quotes", "tvm"} or is_kept else []),
        *(["troth-broker"] if acts & _NEEDS_BROKER or is_kept else []),
    ]
    if acts - {"quotes"}:
        place.make_all(site, steps, servers)
        place.raise_tvm(site, steps)
        place.write_policy(site, steps)
    if servers:
        place.raise_servers(site, steps, servers)
    if "callers" in acts:
        workloads.ask_at_once(site, steps)
    if "secrets" in acts:
        workloads.get_secrets(site, steps)
    if "model" in acts:
        workloads.leave_model(site, steps, patience)
    if "forgeries" in acts:
        forgeries.refuse_forgeries(site, steps)
    if "register" in acts and not is_kept:  # it ends the TVM for good
        register.extend_behind(site, steps)
    if "quotes" in acts:
        told = quotes.Quotes(site.programs, steps, site.directory, site.kind)
        quotes.judge_software(told)
        quotes.refuse_forged(told)
        quotes.judge_real(told)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="demo", description=__doc__)
    for name in _PROGRAMS:
        default = shlex.quote(str(Path(sys.executable).with_name(name)))
        option = name.removeprefix("troth-") if name != "troth" else name
        parser.add_argument(
            f"--{option}",
            dest=name.replace("-", "_"),
            default=default,
            metavar="COMMAND",
            help=f"what to start for {name} [%(default)s]",
        )
    parser.add_argument(
        "--driver",
        choices=sorted(KERNELS),
        default="emulated",
        help="what trothd's TSM is: a software TEE in its process, or the files of a kernel with "
        "one, shown by FUSE, which takes root [%(default)s]",
    )
    parser.add_argument(
        "--tee",
        choices=sorted(KINDS),
        default="tdx",
        help="what kind of TVM it is [%(default)s]",
    )
    parser.add_argument(
        "--acts",
        type=_acts,
        default=frozenset(_ACTS),
        metavar="ACT[,ACT]",
        help=f"play only these, with what they need: {', '.join(_ACTS)} [all]",
    )
    parser.add_argument(
        "--patience",
        type=float,
        default=_PATIENCE_S,
        metavar="SECONDS",
        help="how long a revocation may take to reach the broker [%(default)g]",
    )
    parser.add_argument(
        "--keep",
        action="store_true",
        help="leave all of it running until Enter, Ctrl-C or SIGTERM, and say what to try",
    )
    found = parser.parse_args()
    if found.keep and found.acts <= {"quotes"}:
        parser.error("--keep needs an act with a TVM")
    return found


def _acts(text: str) -> frozenset[str]:
    names = frozenset(text.split(","))
    if not names <= set(_ACTS):
        message = f"{', '.join(sorted(names - set(_ACTS)))}: no act"
        raise argparse.ArgumentTypeError(message)
    return names


def _short_directory() -> str | None:
    """Return where the demo's directory goes: the usual place, unless its name is too long."""
    is_short = len(tempfile.gettempdir()) <= _DIRECTORY_MOST
    return None if is_short else "/tmp"  # noqa: S108 - the directory made there is private


def _leave(number: int, _frame: object) -> NoReturn:
    """End by a signal, through every block that cleans up."""
    sys.exit(128 + number)
