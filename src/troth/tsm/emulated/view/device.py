# SPDX-License-Identifier: Apache-2.0
"""What stands behind every provider of a software TEE: it is slow, or fails, on request.

The TEE's directory is opened anew for each report: what others do to it meanwhile is seen at once.
"""

from __future__ import annotations

import errno
import time
from collections.abc import Callable
from dataclasses import dataclass

from troth.errors import DriverError
from troth.tsm.emulated.view.answers import refusal
from troth.tsm.emulated.view.provider import Blobs

__all__ = ["Device"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """How the reports of a software TEE go.

    Attributes:
        latency_s: how long one takes, at least, in seconds.
        fails_with: the errno with which every report fails, if they are to fail.
        broken: what the kernel's driver answers where the TEE cannot be used.
    """

    latency_s: float = 0.0
    fails_with: int | None = None
    broken: int = errno.EIO

    def ask(self, make: Callable[[], Blobs]) -> Blobs:
        """Return what `make` makes.

        Raises:
            OSError: EINVAL, the TEE has no such level or service; `broken`, it cannot be used; the
                errno of `fails_with`.
        """
        end = time.monotonic() + self.latency_s
        try:
            if self.fails_with is not None:
                raise refusal(self.fails_with)
            return make()
        except DriverError as error:
            code = errno.EINVAL if error.code == "tsm.argument" else self.broken
            raise refusal(code) from None
        except OSError as error:
            raise refusal(error.errno or self.broken) from None
        finally:
            time.sleep(max(0.0, end - time.monotonic()))
