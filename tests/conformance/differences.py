# SPDX-License-Identifier: Apache-2.0
"""In what the FUSE view cannot be as the kernel is: rows and operations, each with the reason.

The conformance table and its tests are made of this; an operation that is not listed must give
what the kernel gave, and one that is listed must not.
"""

from __future__ import annotations

from typing import Final

__all__ = ["DIFFERENCES", "KERNEL_ONLY"]

_EMPTY: Final = "the kernel answers a write or read of no bytes itself, and never asks the daemon"
_LSEEK: Final = "an open file that refuses to seek would refuse pread too, which configfs allows"
_FLUSH: Final = "each close of a duplicate asks for a flush; none says that it is the last"
_SPLICE: Final = "the kernel's FUSE client splices by reading"

DIFFERENCES: Final[dict[tuple[str, str], str]] = {
    ("a duplicate of the descriptor delays the commit", "generation after the first close"): _FLUSH,
    (
        "a child that inherited the descriptor delays the commit",
        "generation while the child has it",
    ): _FLUSH,
    ("a zero-byte write", "write 0 to inblob"): _EMPTY,
    ("a zero-byte write", "generation"): _EMPTY,
    ("a zero-byte write", "outblob"): _EMPTY,
    ("a read of no bytes", "read 0 of outblob"): _EMPTY,
    ("a read of no bytes", "read 0 of generation"): _EMPTY,
    ("a write of no bytes to an option", "privlevel"): _EMPTY,
    ("a write of no bytes to an option", "service_provider"): _EMPTY,
    ("a write of no bytes to an option", "service_guid"): _EMPTY,
    ("a write of no bytes to an option", "service_manifest_version"): _EMPTY,
    ("other calls on inblob", "lseek to 0"): _LSEEK,
    ("other calls on inblob", "lseek to the end"): _LSEEK,
    ("other calls on outblob", "lseek"): _LSEEK,
    ("other calls on outblob", "lseek to the end"): _LSEEK,
    ("other calls on outblob", "sendfile"): _SPLICE,
    ("other calls on outblob", "splice"): _SPLICE,
    ("other calls on outblob", "epoll"): "every file of FUSE can be polled",
}

KERNEL_ONLY: Final[dict[str, str]] = {
    "a second mount is the same tree, and items outlive a mount": "it mounts configfs itself",
    "configfs cannot be mounted in a user namespace": "it mounts configfs itself",
}
"""Rows that are not run on the view, because they are not about a tree that is there."""
