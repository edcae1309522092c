# SPDX-License-Identifier: Apache-2.0
"""Try what runs inside a guest with what a guest installs: no database, no server of the verifier.

Run by the Python of an environment that holds the core dependencies alone. A software TVM is
started, a workload attests, and the evidence is judged offline.
"""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

BIN = Path(sys.executable).parent
NOT_HERE = ("sqlalchemy", "alembic", "dcap_qvl", "pytest")
NONCE = "5a" * 32
CONFIG = """\
[trothd]
run_directory = "{0}/run"
admin_socket = "{0}/admin/trothd.sock"
root_register = "rtmr3"
[tsm]
driver = "emulated"
directory = "{0}/td"
[[namespace]]
label = "payments"
cgroup = "any"
capabilities = ["evidence"]
"""
CNF = {
    "kty": "OKP",
    "crv": "X25519",
    "alg": "ECDH-ES+A256KW",
    "x": "hSDwCYkwp1R0i33ctD73Wg2_Og0mOBr066SpjqqbTmo",  # RFC 7748, section 6.1, Alice's
}


def run(*arguments: object, due: int = 0) -> bytes:
    """Run a program of this environment; end with its complaint if its status is not `due`."""
    program, *rest = map(str, arguments)
    done = subprocess.run([BIN / program, *rest], capture_output=True, check=False)
    if done.returncode != due:
        said = (done.stderr + done.stdout).decode()
        sys.exit(f"{program}: exit status {done.returncode}, {due} is due\n{said}")
    return done.stdout


def judged(folder: Path, *more: object) -> dict[str, Any]:
    """Return the judgement of the evidence, which must be accepted."""
    given = ("--root", folder / "td/root.pem", "--collateral", folder / "td/collateral.json")
    out = run("troth", "verify", folder / "evidence.cmw", *given, *more, "--json")
    found: dict[str, Any] = json.loads(out)
    return found


def main() -> int:
    """Try the core; return the exit status."""
    here = [name for name in NOT_HERE if importlib.util.find_spec(name)]
    if here:
        sys.exit(f"this is not the core alone: {', '.join(here)}")
    with tempfile.TemporaryDirectory(prefix="core-") as directory:
        folder = Path(directory)
        config = folder / "trothd.toml"
        config.write_text(CONFIG.format(folder))
        run("troth", "emulate", "tdx", "init", folder / "td")
        command = [str(BIN / "trothd"), "root", "--config", str(config)]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as trothd:
            try:
                if trothd.stdout is None or trothd.stdout.readline() != b"READY\n":
                    sys.exit("trothd does not start with the core alone")
                attest(folder)
            finally:
                trothd.terminate()
    print("core: trothd, troth attest and troth verify run with the guest's dependencies alone")
    return 0


def attest(folder: Path) -> None:
    """Ask trothd for evidence, write a policy from it, and judge it by that."""
    socket = folder / "run/ns/payments/troth.sock"
    evidence, policy = folder / "evidence.cmw", folder / "policy.toml"
    cnf = folder / "cnf.jwk"
    cnf.write_text(json.dumps(CNF))
    asked = ("--nonce", NONCE, "--audience", "urn:example:core", "--cnf", cnf, "--output", evidence)
    run("troth", "attest", "--socket", socket, *asked)
    text = run("troth", "policy", "init", "--from", evidence).decode()
    policy.write_text(text.replace('emulated = "deny"', 'emulated = "accept"'))
    verdict = judged(folder, "--policy", policy, "--nonce", NONCE)["verdict"]
    if verdict != "accepted":
        sys.exit(f"the evidence is {verdict}")


if __name__ == "__main__":
    sys.exit(main())
