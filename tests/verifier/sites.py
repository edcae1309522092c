# SPDX-License-Identifier: Apache-2.0
"""A trothd over a software TEE of any kind, and a verifier's directory with what vouches for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from msgspec.structs import replace

from tests.orchestrator.running import Trothd, b64, call
from tests.orchestrator.tees import TEES
from tests.snp import world
from tests.verifiers import ISSUER, STATUS_URL, Answer, Server
from troth.endorse.amd import snp_bundle
from troth.evidence.binding import Bundle
from troth.policy.bundle_template import bundle_policy_template
from troth.token.seal import AgreementKey
from troth.tsm.emulated.cca import SoftwareCca
from troth.tsm.emulated.cove import SoftwareCove
from troth.tsm.emulated.snp import Settings, SnpKeys, SoftwareSnp
from troth.tsm.emulated.snp.settings import Service
from troth.tsm.emulated.tdx import SoftwareTdx
from troth.verifier.initial import create_verifier

AUDIENCE: Final = "urn:example:broker"
NOW: Final = datetime.now(UTC)
NAMESPACE: Final = """
[[namespace]]
label = "payments"
cgroup = "any"
capabilities = ["evidence", "delegated", "extend"]
model = "A1"
"""


@dataclass(frozen=True)
class Kind:
    """What a test needs to know of a kind.

    Attributes:
        make: a software TEE of the instant.
        settings: the name of it in tests.orchestrator.tees, for its register and module.
        roots: the file of roots, and its bytes for a TEE.
        collateral: files of collateral; none for kinds without any.
        stranger: the code under other roots.
        tsm: what trothd's [tsm] has besides.
    """

    make: Callable[[], Any]
    settings: str
    roots: Callable[[Any], bytes]
    collateral: Callable[[Any], Mapping[str, bytes]]
    stranger: str
    tsm: str = ""


def snp(settings: Settings | None = None, keys: SnpKeys | None = None) -> SoftwareSnp:
    chosen = settings or world.settings_of()
    return SoftwareSnp.create(chosen, at=NOW, keys=keys or world.keys())


def stranger_snp() -> SoftwareSnp:
    """Return a chip under another ARK, without making keys, which takes seconds."""
    own = world.keys().authorities
    swapped = {"ark": own["asvk"], "ask": own["ask"], "asvk": own["ark"]}
    return snp(keys=SnpKeys(swapped, world.keys().leaves))  # type: ignore[arg-type]  # literals


def amd_files(tee: SoftwareSnp) -> Mapping[str, bytes]:
    """Return what AMD gives out, a file each: the chip's certificate and chain, and the list."""
    alone = replace(tee.collateral(), crl=None)
    return {"chip.json": snp_bundle(alone), "ark.crl": tee.crl}


def none(_: object) -> Mapping[str, bytes]:
    return {}


KINDS: Final = {
    "tdx": Kind(
        make=lambda: SoftwareTdx.create(at=NOW),
        settings="tdx",
        roots=lambda tee: tee.root_pem,
        collateral=lambda tee: {"c.json": tee.bundle()},
        stranger="chain.root",
    ),
    "snp": Kind(
        make=snp,
        settings="snp",
        roots=lambda tee: tee.root_pem,
        collateral=amd_files,
        stranger="chain.root",
    ),
    "svsm": Kind(
        make=lambda: snp(replace(world.settings_of(), services=(Service(),))),
        settings="snp",
        roots=lambda tee: tee.root_pem,
        collateral=amd_files,
        stranger="chain.root",
        tsm="[tsm.service]\n",
    ),
    "cca": Kind(
        make=lambda: SoftwareCca.create(at=NOW),
        settings="cca",
        roots=lambda tee: tee.store(),
        collateral=none,
        stranger="cpak.unknown",
    ),
    "cove": Kind(
        make=lambda: SoftwareCove.create(at=NOW),
        settings="cove",
        roots=lambda tee: tee.roots(),
        collateral=none,
        stranger="cove.root",
    ),
}


class Site:
    """A TVM of a kind with one sealed namespace, and a verifier with a policy for it."""

    def __init__(self, directory: Path, name: str) -> None:
        self.name = name
        self.kind = KINDS[name]
        self.register = TEES[self.kind.settings].register
        self.tee = self.kind.make()
        self.trothd = self._trothd(directory / "t")
        self.directory = directory / "v"
        self.configuration = create_verifier(
            self.directory,
            issuer=ISSUER,
            status_url=STATUS_URL,
            roots=("roots",),
            collateral=("collateral",) if self.kind.collateral(self.tee) else ("none",),
        )
        (self.directory / "collateral").mkdir()
        self.vouch(self.tee)
        self.policy = self.directory / "policy.toml"

    def _trothd(self, directory: Path) -> Trothd:
        directory.mkdir(parents=True)
        TEES[self.kind.settings].module.create_in(directory / "tee", self.tee)
        settings = self.kind.settings
        return Trothd(directory, NAMESPACE, kind=settings, tsm=self.kind.tsm)

    def vouch(self, tee: Any) -> None:
        """Let the verifier trust a TEE."""
        (self.directory / "roots").write_bytes(self.kind.roots(tee))
        for name, data in self.kind.collateral(tee).items():
            (self.directory / "collateral" / name).write_bytes(data)

    def learn(self) -> None:
        """Seal the namespace as it is, and write the policy from what it shows."""
        assert self.trothd.event("payments").status == 200
        assert call(self.trothd.admin, "POST", "/v1/namespaces/payments/seal").status == 200
        text = bundle_policy_template(Bundle.parse(self.bundle(bytes(32))), "test")
        assert f'register = "{self.register}"' in text
        text = text.replace('emulated = "deny"', 'emulated = "accept"')
        self.policy.write_text(text.replace('modes = ["fresh"]', 'modes = ["fresh", "delegated"]'))

    def bundle(self, nonce: bytes, mode: str = "fresh") -> bytes:
        cnf = dict(AgreementKey().jwk)
        asked = {"nonce": b64(nonce), "audience": AUDIENCE, "cnf": cnf, "mode": mode}
        answer = call(self.trothd.socket("payments"), "POST", "/v1/evidence", asked)
        assert answer.status == 200, answer.body
        return answer.body

    def appraise(self, server: Server, mode: str = "fresh") -> Answer:
        return server.appraise(self.bundle(server.nonce(), mode))


STRANGERS: Final[Mapping[str, Callable[[], Any]]] = {
    "tdx": KINDS["tdx"].make,
    "snp": stranger_snp,
    "svsm": stranger_snp,
    "cca": KINDS["cca"].make,
    "cove": KINDS["cove"].make,
}
