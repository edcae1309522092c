# SPDX-License-Identifier: Apache-2.0
"""A real TPM 2.0 implementation in a process of its own, and the few commands that tests need.

The commands are marshalled here by hand (TCG TPM 2.0 Library, part 3, the sections named), so that
no TSS has to be installed. The process ends when its one connection does.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from troth.evidence.tpm import PcrSelection, TpmPublic
from troth.evidence.tpm.layout import ATTRIBUTES_DUE, BANK_NUMBERS
from troth.evidence.tpm.selection import build_selections
from troth.wire.reader import Reader

__all__ = ["Tpm", "running"]

MISSING: Final = "swtpm is not installed (Debian package swtpm)"
_HEADER_BYTES: Final = 10
_NO_SESSIONS: Final = 0x8001
_SESSIONS: Final = 0x8002
_PASSWORD: Final = bytes.fromhex("00000009400000090000000000")  # TPM_RS_PW, empty
_ENDORSEMENT: Final = 0x4000000B
_CREATE_PRIMARY, _QUOTE, _FLUSH, _EXTEND, _READ = 0x131, 0x158, 0x165, 0x182, 0x17E
_RETRY: Final = 0x922  # TPM_RC_RETRY, part 2, 6.6.3
_TRIES: Final = 10
_USER_WITH_AUTH: Final = 1 << 6
_TIMEOUT_S: Final = 60.0  # a key of 2,048 bits can take a while on a busy machine


class Tpm:
    """One connection to a TPM."""

    def __init__(self, connection: socket.socket) -> None:
        """Take a connection over which commands go."""
        self._connection = connection

    def create_key(self, kind: str, hash_name: str = "sha256") -> tuple[int, TpmPublic]:
        """Make an attestation key (24.1, TPM2_CreatePrimary); return its handle and public area."""
        template = TpmPublic(
            name_algorithm="sha256",
            attributes=ATTRIBUTES_DUE | _USER_WITH_AUTH,
            policy=b"",
            hash_name=hash_name,
            kind=kind,  # type: ignore[arg-type]  # one of the three, by the caller
            bits=2048 if kind == "RSA" else 0,
            unique=b"",
        )
        nothing = bytes(2)
        parameters = b"\0\4" + nothing + nothing + template.build() + nothing + bytes(4)
        reader = self._command(_CREATE_PRIMARY, _ENDORSEMENT, parameters)
        handle = reader.big(4, "handle")
        reader.big(4, "size of the parameters")
        size = reader.big(2, "size of the public area")
        area = reader.take(size, "public area")
        return handle, TpmPublic.parse(size.to_bytes(2, "big") + area)

    def flush(self, handle: int) -> None:
        """Let a key go (28.4, TPM2_FlushContext): a TPM holds three at most."""
        self._command(_FLUSH, None, handle.to_bytes(4, "big"))

    def extend(self, index: int, digests: Mapping[str, bytes]) -> None:
        """Extend a register (22.2, TPM2_PCR_Extend)."""
        values = b"".join(
            BANK_NUMBERS[bank].to_bytes(2, "big") + digest for bank, digest in digests.items()
        )
        self._command(_EXTEND, index, len(digests).to_bytes(4, "big") + values)

    def read(self, bank: str, index: int) -> bytes:
        """Return a register's value (22.4, TPM2_PCR_Read)."""
        wanted = build_selections((PcrSelection(bank, (index,)),))
        reader = self._command(_READ, None, wanted)
        reader.take(4 + len(wanted), "counter and selection")
        assert reader.big(4, "count of digests") == 1
        return reader.take(reader.big(2, "size"), "digest")

    def quote(
        self, handle: int, challenge: bytes, selections: tuple[PcrSelection, ...]
    ) -> tuple[bytes, bytes]:
        """Return a TPMS_ATTEST and its TPMT_SIGNATURE (18.4, TPM2_Quote)."""
        parameters = len(challenge).to_bytes(2, "big") + challenge + b"\0\x10"  # the key's scheme
        reader = self._command(_QUOTE, handle, parameters + build_selections(selections))
        parameters_size = reader.big(4, "size of the parameters")
        start = reader.at
        message = reader.take(reader.big(2, "size of the quote"), "quote")
        signature = reader.take(parameters_size - (reader.at - start), "signature")
        return message, signature

    def _command(self, code: int, handle: int | None, parameters: bytes) -> Reader:
        """Send a command, again where the TPM asks for that; return its successful response."""
        body = parameters
        if handle is not None:
            body = handle.to_bytes(4, "big") + _PASSWORD + parameters
        tag = _NO_SESSIONS if handle is None else _SESSIONS
        size = _HEADER_BYTES + len(body)
        head = tag.to_bytes(2, "big") + size.to_bytes(4, "big") + code.to_bytes(4, "big")
        result = _RETRY
        for _ in range(_TRIES):
            self._connection.sendall(head + body)
            answer = self._receive(_HEADER_BYTES)
            size, result = int.from_bytes(answer[2:6], "big"), int.from_bytes(answer[6:10], "big")
            rest = self._receive(size - _HEADER_BYTES)
            if result != _RETRY:
                break
        assert result == 0, f"command {code:#x}: response {result:#x}"
        return Reader(rest)

    def _receive(self, size: int) -> bytes:
        got = b""
        while len(got) < size:
            part = self._connection.recv(size - len(got))
            assert part, "swtpm has ended"
            got += part
        return got


@contextmanager
def running(directory: Path) -> Iterator[Tpm]:
    """Run swtpm with its state in a directory, started up, for as long as the block lasts.

    Where it is not installed the test is skipped, or fails with TROTH_REQUIRE_SERVICES=1.
    """
    program = shutil.which("swtpm")
    if program is None:
        required = os.environ.get("TROTH_REQUIRE_SERVICES") == "1"
        (pytest.fail if required else pytest.skip)(MISSING)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.settimeout(_TIMEOUT_S)
        process = subprocess.Popen(
            [
                program,
                "socket",
                "--tpm2",
                "--tpmstate",
                f"dir={directory}",
                "--fd",
                str(theirs.fileno()),
                "--terminate",
                "--flags",
                "not-need-init,startup-clear",
            ],
            pass_fds=[theirs.fileno()],
        )
        try:
            theirs.close()
            yield Tpm(ours)
        finally:
            ours.close()
            try:
                process.wait(timeout=_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                raise
