# SPDX-License-Identifier: Apache-2.0
"""A workload's commands against real programs: trothd on a software TDX, verifier and broker."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests import verifiers
from tests.bundles import Machine
from tests.orchestrator.running import Trothd, call, until
from troth.broker.initial import make_broker
from troth.crypto.p256 import PrivateKey
from troth.token import jwks_json
from troth.tsm.emulated.tdx import SoftwareTdx, create_in
from troth.wire import json

TROTH = Path(sys.executable).with_name("troth")
BROKER = Path(sys.executable).with_name("troth-broker")
AUDIENCE = "urn:example:broker"
NAMESPACES = """
[[namespace]]
label = "payments"
cgroup = "any"
capabilities = ["evidence", "delegated", "extend", "log.read", "token:urn:example:broker"]
model = "A1"
[[namespace.token]]
audience = "urn:example:broker"
[namespace.token.cnf]
kty = "OKP"
crv = "X25519"
alg = "ECDH-ES+A256KW"
x = "hSDwCYkwp1R0i33ctD73Wg2_Og0mOBr066SpjqqbTmo"
[[namespace]]
label = "reports"
cgroup = "any"
capabilities = ["evidence", "extend"]
model = "A1"
"""
RULE = """\
version = 1

[[rule]]
name = "payments only"
paths = ["payments/*"]
verifier = "https://verifier.example"
label = "payments"
origin = ["configuration"]
mode = ["fresh"]
root = ["rtmr3"]
platform = "any"
orchestrator = "any"
namespace = "any"
policy = "any"
model = "any"
"""


@dataclass
class Site:
    """Three programs, and what a workload has to know of them."""

    trothd: Trothd
    verifier: verifiers.Server
    broker: Path

    def troth(self, *arguments: str, label: str = "payments") -> subprocess.CompletedProcess[bytes]:
        environment = {
            "TROTH_SOCKET": str(self.trothd.socket(label)),
            "TROTH_VERIFIER": f"unix:{self.verifier.socket}",
            "TROTH_BROKER": f"unix:{self.broker / 'broker.sock'}",
            "TROTH_BROKER_KEY": str(self.broker / "broker-keys.json"),
        }
        return subprocess.run(
            [TROTH, *arguments], capture_output=True, check=False, env=os.environ | environment
        )

    def json(self, *arguments: str, label: str = "payments", status: int = 0) -> dict[str, Any]:
        done = self.troth(*arguments, "--json", label=label)
        assert done.returncode == status, done.stdout + done.stderr
        return json.decode(done.stdout, dict[str, Any], max_bytes=1 << 20)


def start_verifier(stack: ExitStack, base: Path, trothd: Trothd) -> verifiers.Server:
    machine = Machine.__new__(Machine)  # its policy only: this boot is trothd's own
    machine.tee = trothd.software()
    for label in ("payments", "reports"):
        call(trothd.admin, "POST", f"/v1/namespaces/{label}/seal")
    state = call(trothd.socket("payments"), "GET", "/v1/namespace").json["model"]["state"]
    digest = hashlib.sha256(trothd.config.read_bytes()).hexdigest()
    text = machine.policy_text(
        ("payments", "reports"), configuration=f'["{digest}"]', state=f'["{state}"]'
    )
    config = verifiers.make_directory(base / "v", machine, text)
    return stack.enter_context(verifiers.running(config))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    base = tmp_path_factory.mktemp("s")
    with ExitStack() as stack:
        (base / "t").mkdir()
        create_in(base / "t" / "tee", SoftwareTdx.create(at=datetime.now(UTC)))
        tail = f'[verifier]\nurl = "unix:{base}/v/verifier.sock"\naudience = "{AUDIENCE}"\n'
        trothd = Trothd(base / "t", NAMESPACES, tail=tail).start()
        stack.callback(trothd.kill)
        verifier = start_verifier(stack, base, trothd)
        broker = base / "b"
        make_broker(
            broker, audience=AUDIENCE, issuer=verifiers.ISSUER, url=f"unix:{verifier.socket}"
        )
        (base / "rule.toml").write_text(RULE)
        config = ("--config", str(broker / "broker.toml"))
        subprocess.run([BROKER, "policy", "put", str(base / "rule.toml"), *config], check=True)
        subprocess.run(
            [BROKER, "secret", "put", "payments/database", *config], input=b"hunter2\0", check=True
        )
        process = stack.enter_context(
            subprocess.Popen([BROKER, "serve", *config], stdout=subprocess.PIPE)
        )
        stack.callback(process.terminate)
        assert process.stdout is not None
        assert process.stdout.readline() == b"READY\n"
        yield Site(trothd, verifier, broker)


def get(*more: str) -> tuple[str, ...]:
    return ("secret", "get", "payments/database", "--audience", AUDIENCE, *more)


def test_secret_arrives_byte_for_byte(site: Site, tmp_path: Path) -> None:
    done = site.troth(*get())
    assert (done.returncode, done.stdout) == (0, b"hunter2\0"), done.stderr
    assert site.json(*get())["secret"] == "aHVudGVyMgA"
    path = tmp_path / "out"
    assert site.json(*get("--output", str(path)))["output"] == str(path)
    assert path.read_bytes() == b"hunter2\0"
    assert path.stat().st_mode & 0o777 == 0o600


def test_other_namespace_is_refused(site: Site) -> None:
    assert site.json(*get(), label="reports", status=6)["code"] == "secret.denied"


def test_delegated_statement_is_refused_by_the_rule(site: Site) -> None:
    assert site.troth(*get()).returncode == 0
    assert site.json(*get("--delegated"), status=6)["code"] == "secret.denied"


def test_answer_of_another_broker_is_refused(site: Site, tmp_path: Path) -> None:
    other = tmp_path / "keys.json"
    other.write_bytes(jwks_json([PrivateKey.generate().public]))
    assert site.json(*get("--broker-key", str(other)), status=4)["code"] == "token.key"
    other.write_bytes(b"{}")
    assert site.json(*get("--broker-key", str(other)), status=2)["code"] == "usage.broker-key"


def test_attest_and_look_at_the_token(site: Site, tmp_path: Path) -> None:
    key = tmp_path / "cnf.jwk"
    key.write_bytes(
        b'{"kty":"OKP","crv":"X25519","alg":"ECDH-ES+A256KW",'
        b'"x":"hSDwCYkwp1R0i33ctD73Wg2_Og0mOBr066SpjqqbTmo"}'
    )
    nonce = site.verifier.nonce().hex()
    out = tmp_path / "evidence.cmw"
    asked = ("--nonce", nonce, "--audience", AUDIENCE, "--cnf", str(key), "--output", str(out))
    assert site.troth("attest", *asked).returncode == 0
    token = site.verifier.appraise(out.read_bytes()).json["token"]
    file = tmp_path / "token"
    file.write_text(token)
    more = ("--issuer", verifiers.ISSUER, "--audience", AUDIENCE)
    told = site.json("token", "verify", str(file), *more)
    assert told["claims"]["troth"]["label"] == "payments"
    assert site.troth("token", "verify", str(file), *more).returncode == 0
    assert (
        site.json("token", "verify", str(file), "--issuer", "x", "--audience", AUDIENCE, status=4)[
            "code"
        ]
        == "token.issuer"
    )
    gone = ("--verifier", "unix:/nobody")
    found = site.json("token", "verify", str(file), *more, *gone, status=5)
    assert found["code"] == "token.keys-missing"


def test_attest_prints_json(site: Site) -> None:
    told = site.json("attest", "--nonce", "new", "--audience", "a", "--user-data", "00ff")
    assert told["bytes"] > 1000
    assert (
        site.json("attest", "--nonce", "00", "--audience", "a", status=2)["code"] == "usage.nonce"
    )


def test_namespace(site: Site) -> None:
    assert site.json("namespace")["label"] == "payments"
    assert b"payments" in site.troth("namespace").stdout
    listed = call(site.trothd.admin, "GET", "/v1/status").json["namespaces"]
    (own,) = [one for one in listed if one["label"] == "payments"]
    assert own["phase"] == site.json("namespace")["model"]["phase"] == "sealed"  # one spelling


def test_doctor(site: Site) -> None:
    findings = {one["about"]: one for one in site.json("doctor")["findings"]}
    assert {
        findings[name]["verdict"] for name in ("trothd", "verifier", "broker", "broker key")
    } == {"ok"}
    found = site.json("doctor", "--broker", "unix:/nobody", status=7)["findings"]
    assert {one["about"] for one in found if one["verdict"] == "failed"} == {"broker"}
    assert b"takes us for payments" in site.troth("doctor").stdout


def test_token_that_nobody_keeps_warm(site: Site) -> None:
    assert site.troth("token", "get", "--audience", "x").returncode == 6


def test_queries_are_read_strictly_by_every_program(site: Site) -> None:
    payments, broker = site.trothd.socket("payments"), site.broker
    asked = {
        payments: ["/v1/token?audience=a&audience=b&junk=1", "/v1/token?audience=a&junk=1"],
        site.trothd.admin: ["/v1/status?x=1", "/metrics?x"],
        Path(site.verifier.socket): ["/v1/jwks?x=1", "/v1/health?x=1", "/v1/status/0?x=1"],
        broker / "broker.sock": ["/v1/health?x=1"],
        broker / "admin.sock": ["/v1/log/entries?start=0&start=1", "/v1/log/head?start=0"],
    }
    for path, targets in asked.items():
        for target in targets:
            found = call(path, "GET", target)
            assert (found.status, found.json["code"]) == (400, "http.query"), target
    found = call(payments, "POST", "/v1/evidence?x=1", {})
    assert (found.status, found.json["code"]) == (400, "http.query")


def test_zz_event_outside_the_model_ends_it(site: Site, tmp_path: Path) -> None:
    until(lambda: site.troth("token", "get", "--audience", AUDIENCE).returncode == 0)
    token = tmp_path / "token"
    token.write_bytes(site.troth("token", "get", "--audience", AUDIENCE).stdout)
    check = ("token", "verify", str(token), "--issuer", verifiers.ISSUER, "--audience", AUDIENCE)
    assert site.json(*check)["claims"]["troth"]["label"] == "payments"
    done = site.troth("event", "app", "run", "other", "--in-model", label="payments")
    assert done.returncode == 6, done.stdout + done.stderr
    assert b"forensic 1" in done.stdout
    assert site.troth(*get()).returncode == 6
    until(lambda: site.troth(*check).returncode == 6)
    assert site.json(*check, status=6)["code"] == "token.revoked"
    assert site.json("event", "app", "run", "other")["count"] == 2
