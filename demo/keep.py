# SPDX-License-Identifier: Apache-2.0
"""What the demo leaves running, and what to try with it."""

from __future__ import annotations

import shutil
import signal
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from demo.place import AUDIENCE, Site

__all__ = ["keep"]

# Exit statuses of every command of troth.
_UNTRUSTED = 4
_DENIED = 6


@dataclass(frozen=True)
class Try:
    """A line for a shell, what it shows, and the exit status that it ends with."""

    line: str
    about: str
    due: int = 0


def keep(site: Site) -> None:
    """Say what to try, and return at Enter or Ctrl-C; without any input, at a signal."""
    exports = {"PATH": f"{Path(sys.executable).parent}:$PATH"} | site.environment("payments")
    print("\nAll of it runs. In another terminal:\n")
    print("\n".join(f'  export {name}="{value}"' for name, value in exports.items()))
    for one in _tries(site):
        status = f" (exit status {one.due})" if one.due else ""
        print(f"\n  # {one.about}{status}:\n  {one.line}")
    print("\nEnter or Ctrl-C stops it; so does SIGTERM.", flush=True)
    with suppress(KeyboardInterrupt):
        if not sys.stdin.readline():  # nobody can press Enter: /dev/null, or its end
            signal.pause()


def _tries(site: Site) -> Iterator[Try]:
    secret = f"troth secret get payments/database --audience {AUDIENCE}"
    yield Try("troth doctor", "what this workload can reach")
    yield Try("troth namespace", "who it is, and in which state")
    yield Try(secret, "its secret, sealed to a key of this one call")
    yield Try(
        secret.replace("payments/database", "reports/smtp"),
        "the secret of its neighbour is not for it",
        _DENIED,
    )
    yield Try(f"troth-broker log --config {site.broker_config}", "what the broker has written down")
    if shutil.which("curl"):
        curl = f"curl --fail --silent --show-error --unix-socket {site.admin} http://trothd"
        yield Try(f"{curl}/v1/status", "what trothd tells its administrator")
        yield Try(f"{curl}/metrics", "and its monitoring")
    yield Try("troth event app run shell", "an event outside the model of payments")
    yield Try(secret, "and its secret is gone", _DENIED)
    if not site.is_rooted:
        return  # there is no register that a foreign writer could extend
    yield Try(
        f"troth emulate {site.kind.tee} extend {site.tvm} --index 3 --digest {'ab' * 48}",
        "a foreign writer of the root register",
    )
    reports = f"TROTH_SOCKET={site.socket('reports')}"
    yield Try(
        f"{reports} troth secret get reports/smtp --audience {AUDIENCE}",
        "and the whole TVM is not believed any more, reports included",
        _UNTRUSTED,
    )
