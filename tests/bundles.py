# SPDX-License-Identifier: Apache-2.0
"""A small orchestrator in-process: bundles over a software TDX, each with at most one fault."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, ClassVar, Final

from troth.crypto.cose_key import AGREEMENT, CoseKey
from troth.crypto.p256 import PrivateKey
from troth.crypto.x509 import certificates_from_pem
from troth.endorse.intel import parse_bundle
from troth.evidence.binding import (
    Bundle,
    Delegated,
    Epoch,
    LogHead,
    LogPart,
    ModelClaims,
    Namespace,
    Origin,
    Phase,
    Proof,
    ProvenStatement,
    RootStatement,
    SignedEpoch,
    Statement,
    TsmReport,
)
from troth.evidence.tdx import TdReportBody, TdxQuote
from troth.policy import Policy, parse_policy
from troth.tsm.emulated.tdx import Settings, SoftwareTdx
from troth.verify import Anchor, Anchors
from troth.verify.endorsements import NO_ENDORSEMENTS, Endorsements
from troth.wire.merkle import Tree, leaf_hash

AT: Final = datetime(2026, 11, 1, 12, tzinfo=UTC)
AUDIENCE: Final = "urn:example:broker"
CONFIGURATION: Final = bytes(range(32))
STATE: Final = bytes([7]) * 32
HEIGHT: Final = 3
IMAGE_NAMES: Final = ("mr_td", "rtmr0", "rtmr1", "rtmr2")


def agreement_key() -> CoseKey:
    """Return a caller's key that secrets can be sealed to."""
    raw = PrivateKey.generate().public.raw
    return CoseKey(algorithm=AGREEMENT, curve=1, x=raw[:32], y=raw[32:])


def model(**changes: Any) -> ModelClaims:
    """Return the claims of a sealed model in the wanted state."""
    values: dict[str, Any] = {
        "profile": "A1",
        "phase": Phase.SEALED,
        "points": 2,
        "forensic": 0,
        "state": STATE,
        "measurement": bytes([9]) * 32,
    }
    return ModelClaims(**(values | changes))


def namespace(label: str = "payments", **changes: Any) -> Namespace:
    """Return a namespace in the wanted state."""
    identifier = changes.pop("id", None) or secrets.token_bytes(16)
    values: dict[str, Any] = {
        "id": identifier,
        "label": label,
        "origin": Origin.CONFIGURATION,
        "log": LogHead.empty(identifier),
        "model": model(),
    }
    return Namespace(**(values | changes))


@dataclass
class Machine:
    """One boot of a TVM with its orchestrator."""

    tee: SoftwareTdx
    boot_key: PrivateKey = field(default_factory=PrivateKey.generate)
    statement_key: PrivateKey = field(default_factory=PrivateKey.generate)
    root: RootStatement = field(init=False)
    cnf: CoseKey = field(default_factory=agreement_key)
    doors: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        self.root = self.root_statement()
        self.root_step()

    def root_step(self) -> None:
        """Put the root statement in the root register."""
        self.tee.extend(3, self.root.digest)

    @classmethod
    def boot(
        cls, settings: Settings | None = None, at: datetime = AT, doors: tuple[int, ...] = ()
    ) -> Machine:
        return cls(SoftwareTdx.create(settings or Settings(), at=at), doors=doors)

    def root_statement(self, **changes: Any) -> RootStatement:
        values: dict[str, Any] = {
            "boot_key": CoseKey.from_p256(self.boot_key.public),
            "configuration": CONFIGURATION,
            "software": "trothd 0.1.0",
            "doors": self.doors,
        }
        return RootStatement(**(values | changes))

    def statement(self, nonce: bytes, of: Namespace | None = None, **changes: Any) -> Statement:
        values: dict[str, Any] = {
            "audience": AUDIENCE,
            "issued_at": int(AT.timestamp()),
            "nonce": nonce,
            "namespace": of or namespace(),
            "cnf": self.cnf,
        }
        return Statement(**(values | changes))

    def epoch(self, *statements: Statement, **changes: Any) -> tuple[Epoch, list[Proof]]:
        """Return an epoch over statements at random positions, and their proofs."""
        leaves = [secrets.token_bytes(32) for _ in range(1 << HEIGHT)]
        places = secrets.SystemRandom().sample(range(1 << HEIGHT), len(statements))
        salts = [secrets.token_bytes(32) for _ in statements]
        for place, salt, statement in zip(places, salts, statements, strict=True):
            leaves[place] = leaf_hash(salt, statement.digest)
        tree = Tree(leaves)
        values: dict[str, Any] = {
            "tree_root": tree.root,
            "height": HEIGHT,
            "root_digest": self.root.digest,
            "statement_key": CoseKey.from_p256(self.statement_key.public),
        }
        epoch = Epoch(**(values | changes))
        return epoch, [Proof.of_leaf(tree, at, s) for at, s in zip(places, salts, strict=True)]

    def report(self, epoch: Epoch, **changes: Any) -> TsmReport:
        outblob = self.tee.quote(changes.pop("report_data", epoch.report_data))
        return TsmReport(**({"provider": "tdx_guest", "outblob": outblob} | changes))

    def fresh(self, nonce: bytes, of: Namespace | None = None, **changes: Any) -> Bundle:
        """Return a fresh bundle; `changes` are the statement's."""
        return self.over(self.statement(nonce, of, **changes))

    def over(self, statement: Statement, log: LogPart | None = None) -> Bundle:
        """Return a fresh bundle of one statement."""
        epoch, (proof,) = self.epoch(statement)
        return Bundle(
            report=self.report(epoch),
            root=self.root,
            epoch=epoch.sign(self.boot_key),
            claim=ProvenStatement(statement=statement, proof=proof),
            log=log,
        )

    def delegated(
        self, anchor: Bundle, nonce: bytes, of: Namespace | None = None, /, **changes: Any
    ) -> Bundle:
        """Return a delegated bundle that rests on a fresh one."""
        if isinstance(anchor.claim, Delegated):
            raise TypeError(anchor)
        first = anchor.claim.statement
        values = {"anchor": anchor.epoch.epoch.report_data, "audience": first.audience}
        statement = self.statement(nonce, of or first.namespace, **(values | changes))
        signed = statement.sign(self.statement_key)
        return with_(anchor, claim=Delegated(signed=signed, anchor=anchor.claim))

    @property
    def anchors(self) -> Anchors:
        return Anchors(Anchor.of(one) for one in certificates_from_pem(self.tee.root_pem, most=1))

    @property
    def collateral(self) -> tuple[Any, ...]:
        return (parse_bundle(self.tee.bundle(), "emulated"),)

    @property
    def endorsements(self) -> Endorsements:
        """What vouches for the kinds that are not Intel's."""
        return NO_ENDORSEMENTS

    def policy(self, labels: tuple[str, ...] = ("payments",), /, **replaced: str) -> Policy:
        return parse_policy(self.policy_text(labels, **replaced).encode(), "p.toml")

    def policy_text(self, labels: tuple[str, ...] = ("payments",), /, **replaced: str) -> str:
        """Return a policy for this machine.

        Args:
            labels: one [[namespace]] for each.
            replaced: another value, as TOML, for a key.
        """
        namespaces = "".join(_NAMESPACE.format(label=label, state=STATE.hex()) for label in labels)
        text = self.section() + _BUNDLES.format(
            image=self.image(),
            register=self.register,
            before=self.before,
            configuration=CONFIGURATION.hex(),
            audience=AUDIENCE,
        )
        lines = (text + namespaces).splitlines()
        for key, value in replaced.items():
            found = [at for at, line in enumerate(lines) if line.startswith(f"{key} = ")]
            assert found, key
            for at in found:
                lines[at] = f"{key} = {value}"
        return "\n".join(lines) + "\n"

    register: ClassVar[str] = "rtmr3"
    before: ClassVar[str] = f'"{"00" * 48}"'

    def section(self) -> str:
        """Return what stands in front of [boot]."""
        return _TDX

    def image(self) -> str:
        """Return the boot as an inline table."""
        body = self.tee_body()
        return image_of({name: getattr(body, name) for name in IMAGE_NAMES})

    def tee_body(self) -> TdReportBody:
        return TdxQuote.parse(self.tee.quote(bytes(64))).body


def image_of(values: Mapping[str, bytes]) -> str:
    """Return an image called `test` as an inline table."""
    told = "".join(f', {name} = "{value.hex()}"' for name, value in values.items())
    return f'{{name = "test"{told}}}'


def with_(bundle: Bundle, **changes: Any) -> Bundle:
    """Return a bundle with other members."""
    return replace(bundle, **changes)


def resigned(bundle: Bundle, s_for: int) -> SignedEpoch:
    """Return the signed epoch with `n - s` in the place of `s`."""
    signature = bundle.epoch.signature
    other = s_for - int.from_bytes(signature[32:], "big")
    return SignedEpoch(
        epoch=bundle.epoch.epoch, signature=signature[:32] + other.to_bytes(32, "big")
    )


_TDX: Final = """\
version = 1

[tdx]
status = ["UpToDate"]
advisories_allowed = "any"
advisories_denied = []
minimum_evaluation_number = "any"
debug = "forbid"
attributes_required = ["SEPT_VE_DISABLE"]
attributes_allowed = []
xfam = "any"
mr_td = "any"
mr_config_id = "any"
mr_owner = "any"
mr_owner_config = "any"
mr_seam = "any"
rtmr0 = "any"
rtmr1 = "any"
rtmr2 = "any"
rtmr3 = "any"
mr_service_td = "any"
report_data = "any"
"""

_BUNDLES: Final = """
[boot]
images = [{image}]
emulated = "accept"
svsm = "none"

[root]
register = "{register}"
before = [{before}]

[orchestrator]
configuration = ["{configuration}"]
doors = []
modes = ["fresh", "delegated"]
alarms = 0

[delegation]
maximum_age_s = 300

[claims]
audiences = ["{audience}"]
cnf = "required"
channel = "any"
"""

_NAMESPACE: Final = """
[[namespace]]
label = ["{label}"]
origin = ["configuration"]
image_digest = "any"
profile = ["A1"]
sealed = "required"
state = ["{state}"]
base = ["absent"]
forensic_points = 0
gaps = 0
"""
