# SPDX-License-Identifier: Apache-2.0
"""go-tdx-guest and go-sev-guest as contenders: programs built for the run, on files of the run.

Versions are pinned in `peers/go`; each program says which it was built from. Go gets one processor,
as ours has one thread. Without a Go toolchain they are left out, and that is said.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final

from troth.endorse.amd import SnpCollateral

__all__ = ["GoPeer", "GoPeers", "build_peers", "snp_files", "tdx_files"]

SOURCES: Final = Path(__file__).resolve().parent / "peers" / "go"
_BUILD_S: Final = 600
_RUN_S: Final = 120


@dataclass(frozen=True, slots=True)
class GoPeer:
    """One program on one directory of evidence."""

    command: tuple[str, ...]
    versions: dict[str, str]

    def rate(self, seconds: float) -> float:
        """Return how often it verifies in a second of processor time."""
        done = subprocess.run(
            [*self.command, str(seconds)],
            capture_output=True,
            check=False,
            text=True,
            timeout=_RUN_S,
            env={**os.environ, "GOMAXPROCS": "1"},
        )
        if done.returncode:
            raise SystemExit(f"{Path(self.command[0]).name}: {done.stderr.strip()}")
        found = json.loads(done.stdout)
        self.versions[found["module"].rpartition("/")[2]] = found["version"]
        return float(found["done"]) / float(found["seconds"])


@dataclass(frozen=True, slots=True)
class GoPeers:
    """The built programs, and where their evidence is put."""

    directory: Path
    versions: dict[str, str] = field(default_factory=dict)

    def peer(self, program: str, name: str, files: Mapping[str, bytes], at: datetime) -> GoPeer:
        """Return a program's run over `files`.

        Args:
            program: `tdx` or `snp`.
            name: the case's.
            files: by their paths in the directory that the program reads.
            at: the instant of the judgements.
        """
        evidence = self.directory / name
        for path, content in files.items():
            (evidence / path).parent.mkdir(parents=True, exist_ok=True)
            (evidence / path).write_bytes(content)
        program_path = str(self.directory / "bin" / program)
        return GoPeer((program_path, str(evidence), str(int(at.timestamp()))), self.versions)


def build_peers(directory: Path) -> GoPeers | None:
    """Build the programs in `directory`; None where no Go is on PATH."""
    go = shutil.which("go")
    if go is None:
        return None
    target = directory / "bin"
    target.mkdir()
    command = [go, "build", "-mod=readonly", "-trimpath", "-o", f"{target}/", "./tdx", "./snp"]
    done = subprocess.run(
        command, cwd=SOURCES, capture_output=True, check=False, text=True, timeout=_BUILD_S
    )
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}:\n{done.stderr}")
    return GoPeers(directory)


def numbered(folder: str, contents: Sequence[bytes]) -> dict[str, bytes]:
    """Return files of one folder that keep the order of their contents."""
    return {f"{folder}/{n:04}": content for n, content in enumerate(contents)}


def tdx_files(quotes: Sequence[bytes], root_pem: bytes, bundle: bytes) -> dict[str, bytes]:
    """Return what `tdx` reads: quotes, root, and collateral as Intel's service answers it."""
    given = json.loads(bundle)
    return {
        **numbered("quotes", quotes),
        "root.pem": root_pem,
        "tcb": _signed("tcbInfo", given["tcb_info"], given["tcb_info_signature"]),
        "tcb.chain": given["tcb_info_issuer_chain"].encode(),
        "identity": _signed(
            "enclaveIdentity", given["qe_identity"], given["qe_identity_signature"]
        ),
        "identity.chain": given["qe_identity_issuer_chain"].encode(),
        "pckcrl": bytes.fromhex(given["pck_crl"]),
        "pckcrl.chain": given["pck_crl_issuer_chain"].encode(),
        "root": bytes.fromhex(given["root_ca_crl"]),
    }


def snp_files(report: bytes, collateral: SnpCollateral, vceks: Sequence[bytes]) -> dict[str, bytes]:
    """Return what `snp` reads.

    Args:
        report: one report.
        collateral: of which CAs and list count.
        vceks: certificates to verify it under, in turn.
    """
    if collateral.crl is None:
        raise SystemExit("go-sev-guest is to look at a revocation list, as troth does")
    return {
        **numbered("vceks", vceks),
        "report": report,
        "product": collateral.leaf.product.value.encode(),
        "ask": collateral.intermediate.der,
        "ark": collateral.root.der,
        "crl": collateral.crl.der,
    }


def _signed(name: str, body: str, signature: str) -> bytes:
    """Return an answer's body; the signed bytes stand in it as they are."""
    return f'{{"{name}":{body},"signature":"{signature}"}}'.encode()
