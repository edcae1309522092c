# SPDX-License-Identifier: Apache-2.0
"""What differs between the kinds of TVM that the demo is played on, as values."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from troth.evidence.binding import RootRegister

__all__ = ["Forgery", "Kind", "Options", "Other", "Real"]

Options = tuple[str | Path, ...]


@dataclass(frozen=True, kw_only=True)
class Forgery:
    """Evidence that is sound but for one thing.

    Attributes:
        title: what is wrong with it.
        evidence: its bytes.
        code: how it must be refused, as untrusted.
        trust: options of `troth verify` that say by what it is judged, if not the usual ones.
    """

    title: str
    evidence: bytes
    code: str
    trust: Options | None = None


@dataclass(frozen=True, kw_only=True)
class Other:
    """Genuine evidence of a TVM in another state, which the policy of the first must deny.

    Attributes:
        title: what happened to the TVM.
        change: arguments of the command that extends a register of it.
        evidence: makes evidence of another TVM on the same machine, for report data, where no
            command can change the first.
    """

    title: str
    change: Options = ()
    evidence: Callable[[Path, bytes], bytes] | None = None


@dataclass(frozen=True, kw_only=True)
class Real:
    """Evidence of somebody's hardware or firmware, among the vectors, and how it must be judged.

    Attributes:
        file: below the vectors.
        options: of `troth verify`; paths below the vectors are made whole.
        verdict: genuine, or how it is refused.
        anchor: what it hangs from, if it does.
        status: of its TCB, if there is one.
        code: of the refusal.
    """

    file: str
    options: Options
    verdict: Literal["genuine", "untrusted", "stale"]
    anchor: str | None = None
    status: str | None = None
    code: str | None = None


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One kind of TVM.

    Attributes:
        tee: its word in commands and configurations.
        name: for people.
        word: what its evidence is called, and the command that makes it.
        anchor: options by which `troth verify` trusts the software TEE of a directory.
        endorsed: what else `troth verify` is given.
        served: the same as options of `troth-verifier init`.
        stranger: the code where the anchor is not named.
        status: of the TCB in a judgement, where the vendor publishes one.
        root: the register that holds the root statement, where the driver can extend it.
        measured: finds bytes in a report that its signature covers: a measurement.
        signature: the code where one of them is changed.
        other: a TVM in another state.
        forgeries: made of the software TEE of a directory for report data.
        real: what the vectors have of others.
        real_title: what these are.
        register_file: the root register below /sys, where a kernel shows it.
    """

    tee: Literal["tdx", "snp", "cca", "cove"]
    name: str
    word: str
    anchor: Callable[[Path], Options]
    endorsed: Callable[[Path], Options]
    served: Callable[[Path], Options]
    stranger: str
    status: str | None
    root: RootRegister
    measured: Callable[[bytes], bytes]
    signature: str
    other: Other
    forgeries: Callable[[Path, bytes], Iterable[Forgery]]
    real: tuple[Real, ...]
    real_title: str
    register_file: str | None = None
