# SPDX-License-Identifier: Apache-2.0
"""What a software CoVE platform, its TSM and its TVM are like, all adjustable.

`Settings()` is a secured platform with an ordinary TVM. Byte strings are lower-case hex, spelt as
in the facts of a verified token.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from troth.crypto.digest import digest_by_name, sha384
from troth.crypto.signing_key import CurveName

__all__ = ["Component", "Curves", "Digest", "HashWord", "Platform", "Settings", "Tsm", "Tvm"]

HashWord = Literal["sha-384", "sha-512", "sha3-384", "sha3-512"]
StateWord = Literal["not-configured", "secured", "debug", "recovery"]
Digest = Annotated[str, Meta(pattern=r"^([0-9a-f]{96}|[0-9a-f]{128})\Z")]
Hex64 = Annotated[str, Meta(pattern=r"^[0-9a-f]{128}\Z")]
ShortText = Annotated[str, Meta(pattern=r"^[ -~]{1,64}\Z")]
Initial = Annotated[tuple[Digest, ...], Meta(min_length=1, max_length=8)]
Runtime = Annotated[tuple[Digest, ...], Meta(max_length=18)]

_ROOT_NAME: Final = "emulated CoVE root of trust"


class Frozen(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of settings: they are made anew rather than changed, and a misspelt one is refused."""


class Component(Frozen, frozen=True):
    """One piece of firmware; all digests are of `algorithm`."""

    type: ShortText
    measurement: Digest
    svn: ShortText
    signer: Digest
    algorithm: HashWord
    manifest: Digest | None = None


def _component(name: str, *, manifest: bool = False) -> Component:
    return Component(
        type=name,
        measurement=sha384(f"troth emulated {name}".encode()).hex(),
        svn="1",
        signer=sha384(b"troth emulated CoVE firmware signer").hex(),
        algorithm="sha-384",
        manifest=sha384(f"troth emulated {name} manifest".encode()).hex() if manifest else None,
    )


class Curves(Frozen, frozen=True):
    """Which curve each key is on. The draft recommends Ed25519."""

    root: CurveName = "Ed25519"
    platform: CurveName = "Ed25519"
    tsm: CurveName = "Ed25519"
    tvm: CurveName = "P-256"  # the TVM's own key, of its own choice


class Platform(Frozen, frozen=True):
    """The machine, as its root of trust describes it."""

    manufacturer_id: Hex64 = digest_by_name("sha-512", b"troth emulated manufacturer").hex()
    state: StateWord = "secured"
    components: tuple[Component, ...] = (
        _component("ROM"),
        _component("M-mode firmware", manifest=True),
    )
    root_name: ShortText = _ROOT_NAME


class Tsm(Frozen, frozen=True):
    """The TSM, as the platform describes it: TSM driver and TSM."""

    components: Annotated[tuple[Component, ...], Meta(min_length=2, max_length=2)] = (
        _component("TSM driver"),
        _component("TSM"),
    )


class Tvm(Frozen, frozen=True):
    """A TVM as it was built, and the values its runtime registers start with.

    Registers are numbered from 0 in each of the two lists. Where `initial` or `runtime` is None, it
    is two digests, or four registers of zeros.
    """

    algorithm: HashWord = "sha-384"
    initial: Initial | None = None
    runtime: Runtime | None = None
    identity: Hex64 | None = None


class Settings(Frozen, frozen=True):
    """Everything that distinguishes one software CoVE from another, except its keys."""

    curves: Curves = Curves()
    platform: Platform = Platform()
    tsm: Tsm = Tsm()
    tvm: Tvm = Tvm()
