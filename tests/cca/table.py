# SPDX-License-Identifier: Apache-2.0
"""What the tables on Arm CCA share: sound platforms, ways to make one fault, and what is due.

Every fault is signed over again by the keys of the software TEE, so that nothing but the named
thing is wrong; `test_sound.py` shows that the originals are accepted.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import cbor2
from msgspec.structs import replace

from tests.tdx import AT, REPORT_DATA
from troth.endorse.arm import CpakStore, parse_cpak_store
from troth.errors import CODES, TrothError
from troth.evidence.cca import CcaToken
from troth.policy.cca import CONVERTERS, CcaPolicy, appraise_cca
from troth.policy.cca_template import policy_template_cca
from troth.tsm.emulated.cca import Settings, SoftwareCca
from troth.tsm.emulated.cca.settings import Platform, Realm
from troth.verify import AnyValue, Trace
from troth.verify.cca import CcaFacts, verify_cca

Change = Any  # the keyword arguments of TokenChanges or of settings, by a case's choice

CHALLENGE: Final = REPORT_DATA
LEGACY: Final = Settings(platform=Platform(profile="legacy"), realm=Realm(profile="legacy"))
SOUND: Final = Settings()
TEE: Final = SoftwareCca.create(SOUND, at=AT)
OTHER: Final = SoftwareCca.create(SOUND, at=AT)
OLD: Final = SoftwareCca.create(LEGACY, at=AT)
TOKEN: Final = TEE.token(CHALLENGE)
STORE: Final = parse_cpak_store(TEE.store())


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """Everything that a judgement depends on; sound unless a case says otherwise."""

    token: bytes = TOKEN
    store: CpakStore = STORE
    challenge: bytes | type[AnyValue] = CHALLENGE
    policy: str | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """A refusal: its code and the name of its class."""

    code: str
    kind: str


@dataclass(frozen=True, slots=True)
class Accepted:
    """What a case that is accepted must come out as."""

    lifecycle: str = "secured"
    platform: str = "2023"
    realm: str = "2023"
    unknown: int = 0  # claims that nobody here knows


Due = str | Accepted
Case = tuple[Callable[[], Given], Due]
Table = Mapping[str, Case]


def outcome(given: Given) -> Refused | Accepted:
    """Judge by the public path. Anything but a TrothError escapes: it would be our bug."""
    try:
        verified = verify_cca(
            given.token, anchors=given.store, at=AT, challenge=given.challenge, trace=Trace()
        )
        if given.policy is not None:
            appraise_cca(verified, section(given.policy), name="p.toml", trace=Trace())
        return _accepted(verified.value)
    except TrothError as error:
        return Refused(error.code, type(error).__name__)


def settle(case: Case) -> None:
    """Demand that a case comes out as its row says: the very code and class, or the outcome."""
    make, due = case
    got = outcome(make())
    assert got == expected(due), f"{got}, and {expected(due)} is due"


def expected(due: Due) -> Refused | Accepted:
    """Return what `outcome` gives for what a row says."""
    return Refused(due, CODES[due][0]) if isinstance(due, str) else due


def _accepted(facts: CcaFacts) -> Accepted:
    platform, realm = facts.platform, facts.realm
    return Accepted(
        lifecycle=platform.lifecycle_state,
        platform="2023" if platform.profile.startswith("tag:") else "legacy",
        realm="legacy" if realm.profile is None else "2023",
        unknown=len(platform.others) + len(realm.others),
    )


# --- policies -------------------------------------------------------------------------------------


def section(text: str) -> CcaPolicy:
    """Read the section [cca] of a policy; a misspelt or missing key is an error."""
    raw = tomllib.loads(text)["cca"]
    assert raw.keys() == set(CcaPolicy.__struct_fields__)
    return CcaPolicy(**{key: CONVERTERS[key](value) for key, value in raw.items()})


def template(token: bytes = TOKEN) -> str:
    return policy_template_cca(CcaToken.parse(token), "a token")


def with_keys(text: str, **keys: str) -> str:
    """Return a policy in which some keys have other values; components are replaced as a whole."""
    head, _, tables = text.partition("[[cca.components]]")
    tables = "" if "components" in keys else f"[[cca.components]]{tables}"
    lines = [one for one in head.splitlines() if one.partition(" = ")[0] not in keys]
    return "\n".join([*lines, *(f"{key} = {value}" for key, value in keys.items()), tables])


def under(given: Given, **keys: str) -> Given:
    """Judge by the policy made from the token, with other values for some keys."""
    return Given(
        token=given.token,
        store=given.store,
        challenge=given.challenge,
        policy=with_keys(template(given.token), **keys),
    )


# --- tokens ---------------------------------------------------------------------------------------


def attested(tee: SoftwareCca = TEE, **changes: Change) -> Given:
    """Return a platform with another token; see `SoftwareCca.token`."""
    return Given(token=tee.token(CHALLENGE, **changes), store=parse_cpak_store(tee.store()))


def on(platform: Mapping[str, Change] | None = None, **realm: Change) -> Given:
    """Return a sound platform of its own kind and its token."""
    settings = Settings(
        platform=replace(SOUND.platform, **(platform or {})),
        realm=replace(SOUND.realm, **realm),
    )
    return attested(SoftwareCca.create(settings, at=AT))


def claims(half: str, change: Callable[[dict[int, Any]], object], tee: SoftwareCca = TEE) -> Given:
    """Change the claims of the `platform` or the `realm`, and sign them again."""
    return attested(tee, **{f"{half}_claims": change})


def put(half: str, label: int, value: Any, tee: SoftwareCca = TEE) -> Given:
    """Give one claim another value."""
    return claims(half, lambda one: one.update({label: value}), tee)


def without(half: str, label: int, tee: SoftwareCca = TEE) -> Given:
    """Leave one claim out."""
    return claims(half, lambda one: one.pop(label), tee)


def payload(half: str, change: Callable[[bytes], bytes]) -> Given:
    """Change the encoded claims, and sign them again."""
    return attested(TEE, **{f"{half}_payload": change})


def header(half: str, protected: Any, unprotected: Any = None) -> Given:
    """Sign with another protected header (a value, or bytes as they are), and add another one."""
    raw = protected if isinstance(protected, bytes) else cbor2.dumps(protected)

    def array(tag: cbor2.CBORTag) -> object:
        protected_, _, content, signature = tag.value
        return cbor2.CBORTag(tag.tag, [protected_, unprotected or {}, content, signature])

    return attested(TEE, **{f"{half}_protected": raw, f"{half}_token": array})


def sign1(half: str, change: Callable[[cbor2.CBORTag], object]) -> Given:
    """Change one COSE_Sign1 after it was signed, and sign nothing again."""
    return attested(TEE, **{f"{half}_token": change})


def collected(change: Callable[[bytes, bytes], object]) -> Given:
    """Put the two sound tokens together in another way."""

    def put_together(platform: bytes, realm: bytes) -> bytes:
        made = change(platform, realm)
        return made if isinstance(made, bytes) else cbor2.dumps(made)

    return attested(collection=put_together)
