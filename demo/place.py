# SPDX-License-Identifier: Apache-2.0
"""The site of the demo: a software TVM with two workloads, a verifier and a broker.

Everything is made by the programs' own commands, as a user would make it; what a user writes by
hand stands here as text.
"""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Any

from demo.kernel import KERNELS
from demo.kinds import Kind, Options
from demo.programs import Answer, Command, Programs, call
from demo.steps import Steps, expect, say
from troth.token.seal import AgreementKey

__all__ = [
    "AUDIENCE",
    "ISSUER",
    "LABELS",
    "SECRETS",
    "Site",
    "make_all",
    "raise_servers",
    "raise_tvm",
    "refusal",
    "write_policy",
]

AUDIENCE = "urn:demo:broker"
ISSUER = "https://verifier.example"
SECRETS = {"payments/database": b"correct horse", "reports/smtp": b"battery staple"}
LABELS = ("payments", "reports")
_BUNDLE_TYPE = "application/cmw+cbor"

_TROTHD = """\
[trothd]
run_directory = "{directory}/run"
admin_socket = "{directory}/admin/trothd.sock"
root_register = "{root}"
[tsm]
{tsm}[verifier]
url = "unix:{directory}/verifier/verifier.sock"
audience = "{audience}"
"""
_NAMESPACE = """\
[[namespace]]
label = "{label}"
cgroup = "any"
capabilities = ["evidence", "extend"]
model = "A1"
"""
_RELEASE = "version = 1\n"
_RULE = """
[[rule]]
name = "{label} only"
paths = ["{label}/*"]
verifier = "{issuer}"
label = "{label}"
origin = ["configuration"]
mode = ["fresh"]
root = ["{root}"]
platform = ["affirming"]
orchestrator = ["{tier}"]
namespace = ["affirming"]
policy = "any"
model = "appraised"
"""


class Site:
    """Where everything is, and how to speak to it."""

    def __init__(self, programs: Programs, directory: Path, kind: Kind, driver: str) -> None:
        """Make nothing yet.

        Args:
            programs: what is started.
            directory: where everything will be.
            kind: of the TVM.
            driver: one of `KERNELS`.
        """
        self.programs = programs
        self.directory = directory
        self.kind = kind
        self.tvm = directory / "tvm"
        self.kernel = KERNELS[driver](programs, kind, self.tvm)
        self.admin = directory / "admin" / "trothd.sock"
        self.verifier = directory / "verifier" / "verifier.sock"
        self.broker = directory / "broker" / "broker.sock"
        self.broker_config = directory / "broker" / "broker.toml"
        self.policy = directory / "verifier" / "policy.toml"
        self.cnf = directory / "cnf.jwk"
        self._files = 0

    @property
    def is_rooted(self) -> bool:
        """Whether a register holds the root statement of this TVM."""
        return self.kernel.root != "none"

    @property
    def tier(self) -> str:
        """What a verifier says of trothd at best: it warns of one without a root register."""
        return "affirming" if self.is_rooted else "warning"

    @property
    def trust(self) -> Options:
        """Options of `troth verify` by which this TVM is judged."""
        return (*self.kind.anchor(self.tvm), *self.kind.endorsed(self.tvm))

    def configuration(self, root: str) -> str:
        """Return trothd's configuration, with a word for the root register."""
        text = _TROTHD.format(
            directory=self.directory, root=root, tsm=self.kernel.section, audience=AUDIENCE
        )
        return text + "".join(_NAMESPACE.format(label=one) for one in LABELS)

    def socket(self, label: str) -> Path:
        """Return the socket of a namespace."""
        return self.directory / "run" / "ns" / label / "troth.sock"

    def environment(self, label: str) -> dict[str, str]:
        """Return what a workload of a namespace finds in its environment."""
        return {
            "TROTH_SOCKET": str(self.socket(label)),
            "TROTH_VERIFIER": f"unix:{self.verifier}",
            "TROTH_BROKER": f"unix:{self.broker}",
            "TROTH_BROKER_KEY": str(self.directory / "broker" / "broker-keys.json"),
        }

    def workload(self, label: str, *arguments: str | Path, due: int = 0) -> Command:
        """Return a command as a workload of a namespace runs it."""
        return Command("troth", arguments, due=due, environment=self.environment(label), who=label)

    def json(self, label: str, *arguments: str | Path, due: int = 0) -> dict[str, Any]:
        """Return what a workload's command prints with --json."""
        command = self.workload(label, *arguments, "--json", due=due)
        found: dict[str, Any] = json.loads(self.programs.run(command))
        return found

    def attest(self, label: str, nonce: bytes, audience: str = AUDIENCE) -> bytes:
        """Return a bundle of a namespace, bound to the key of the demo."""
        self._files += 1
        path = self.directory / f"{label}-{self._files}.cmw"
        asked = ("--nonce", nonce.hex(), "--audience", audience, "--cnf", self.cnf)
        self.json(label, "attest", *asked, "--output", path)
        return path.read_bytes()

    def challenge(self) -> bytes:
        """Return a nonce of the verifier."""
        answer = call(self.verifier, "POST", "/v1/challenge", b"{}", "application/json")
        expect("status of a challenge", answer.status, due=HTTPStatus.OK)
        text: str = answer.json["nonce"]
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))

    def appraise(self, bundle: bytes) -> Answer:
        """Hand a bundle to the verifier."""
        return call(self.verifier, "POST", "/v1/appraise", bundle, _BUNDLE_TYPE)

    def ask_broker(self, path: str, token: str) -> Answer:
        """Show a token to the broker and ask for a secret."""
        nonce = base64.urlsafe_b64encode(secrets.token_bytes(24)).decode()
        body = json.dumps({"token": token, "nonce": nonce}).encode()
        return call(self.broker, "POST", f"/v1/secret/{path}", body, "application/json")

    def status(self) -> dict[str, Any]:
        """Return what trothd tells its administrator."""
        return call(self.admin, "GET", "/v1/status").json

    def reports(self, result: str = "good") -> int:
        """Return how many reports trothd had of the TSM, by its own count."""
        text = call(self.admin, "GET", "/metrics").body.decode()
        wanted = f'troth_reports_total{{result="{result}"}} '
        return sum(int(float(one[len(wanted) :])) for one in text.splitlines() if wanted in one)


def refusal(answer: Answer) -> str:
    """Return what an answer of the verifier says, for people: its step, code and detail."""
    if answer.status == HTTPStatus.OK:
        return "200 accepted"
    told = answer.json
    return f"{answer.status} step {told.get('step')} {told['code']}: {told['detail']}"[:110]


def make_all(site: Site, steps: Steps, servers: Sequence[str]) -> None:
    """Make the TVM and the servers that are wanted, each by its own command."""
    directory, kind = site.directory, site.kind
    named = ("--issuer", ISSUER, "--status-url", f"{ISSUER}/v1/status")
    keyed = ("--audience", AUDIENCE, "--issuer", ISSUER, "--verifier", f"unix:{site.verifier}")
    inits = {
        "troth-verifier": ("init", directory / "verifier", *named, *kind.served(site.tvm)),
        "troth-broker": ("init", directory / "broker", *keyed),
    }
    with steps.step(f"made by their own commands: a software {kind.name}, a verifier, a broker"):
        commands = [Command(name, inits[name]) for name in servers]
        make = Command("troth", ("emulate", kind.tee, "init", site.tvm))
        site.programs.run_all(make, *commands)


def raise_tvm(site: Site, steps: Steps) -> None:
    """Start trothd in the TVM, let the workloads learn, and seal them."""
    directory, programs = site.directory, site.programs
    how = "takes root in" if site.is_rooted else "starts, unrooted, in"
    with steps.step(f"trothd {how} the TVM, with the namespaces payments and reports"):
        config = directory / "trothd.toml"
        site.kernel.start()
        config.write_text(site.configuration(site.kernel.root))
        site.cnf.write_text(json.dumps(dict(AgreementKey().jwk)))
        serve = programs.spelled("trothd", "serve", "--config", config)
        programs.serve(Command("trothd", ("root", "--config", config, "--", *serve)))
        expect("rooted", site.status()["rooted"], due=site.is_rooted)
    with steps.step("both learn what is normal, and are sealed"):
        event = ("event", "app", "start", "main", "--json")
        programs.run_all(*(site.workload(label, *event) for label in LABELS))
        for label in LABELS:
            answer = call(site.admin, "POST", f"/v1/namespaces/{label}/seal")
            expect("status of the seal", answer.status, due=HTTPStatus.OK)
            model = answer.json["model"]
            say(f"{label}: {model['phase']}, {model['points']} point, state {model['state'][:16]}…")


def write_policy(site: Site, steps: Steps) -> None:
    """Write the verifier's policy from what the TVM shows, and judge that by it, offline."""
    nonce = secrets.token_bytes(32)
    with steps.step("another writer puts its data into the first report: trothd asks again"):
        with site.kernel.disturb():
            bundle = site.attest("payments", nonce)
        say(f"reports by trothd's count: {site.reports('failed')} refused, {site.reports()} good")
        expect("refused reports", site.reports("failed"), due=1)
    with steps.step("a policy is written from this evidence, and accepts it offline"):
        site.attest("reports", secrets.token_bytes(32))
        shown = [site.directory / f"{label}-{at}.cmw" for at, label in enumerate(LABELS, 1)]
        first, second = site.programs.run_all(
            *(Command("troth", ("policy", "init", "--from", one)) for one in shown)
        )
        # By hand: this root of trust is software and we know it, and one namespace more.
        text = first.decode().replace('emulated = "deny"', 'emulated = "accept"')
        if site.kernel.root != site.kind.root:  # the TEE has a register, and its kernel no file
            text = text.replace(f'register = "{site.kind.root}"', 'register = "none"')
        added = second.decode().partition("\n[[namespace]]")
        policy = site.directory / "policy.toml"
        policy.write_text(text + "\n" + "".join(added[1:]))
        asked = ("--policy", policy, "--nonce", nonce.hex(), "--json")
        command = Command("troth", ("verify", shown[0], *site.trust, *asked))
        judgement: dict[str, Any] = json.loads(site.programs.run(command))
        expect("verdict", judgement["verdict"], due="accepted")
        expect("root register", judgement["bundle"]["root"], due=site.kernel.root)
        say(f"accepted: {len(judgement['trace'])} rules, {len(bundle)} bytes of evidence")


def raise_servers(site: Site, steps: Steps, servers: Sequence[str]) -> None:
    """Give verifier and broker what they are to go by, and start those that are wanted."""
    config = ("--config", site.broker_config)
    serving = {
        "troth-verifier": ("--config", site.directory / "verifier" / "verifier.toml"),
        "troth-broker": config,
    }
    with steps.step("verifier and broker get policies and secrets, and are started"):
        site.policy.write_bytes((site.directory / "policy.toml").read_bytes())
        if "troth-broker" in servers:
            release = site.directory / "broker" / "release.toml"
            root, tier = site.kernel.root, site.tier
            rules = (_RULE.format(label=one, issuer=ISSUER, root=root, tier=tier) for one in LABELS)
            release.write_text(_RELEASE + "".join(rules))
            put = Command("troth-broker", ("policy", "put", release, *config))
            stored = (
                Command("troth-broker", ("secret", "put", path, *config), stdin=value)
                for path, value in SECRETS.items()
            )
            site.programs.run_all(put, *stored)
        site.programs.serve(*(Command(one, ("serve", *serving[one])) for one in servers))
