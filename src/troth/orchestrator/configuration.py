# SPDX-License-Identifier: Apache-2.0
"""trothd's configuration file: what it is, checked once, at the start.

`[trothd]` and `[tsm]` are required. There is one `[[namespace]]` for each workload, with one
`[[namespace.token]]` for each token that is kept warm. The file's digest stands in the root
statement, so a relying party can tell which configuration it talks to.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec

from troth.errors import MalformedError, UsageError
from troth.evidence.binding import ImageDigest, RootRegister
from troth.evidence.binding.request import key_of_jwk
from troth.infra.settings import Loaded, read_settings
from troth.orchestrator.endpoints import Endpoint, endpoint_problem
from troth.orchestrator.tsm import TsmSettings, tsm_problems
from troth.wire.text import parse_hex

__all__ = [
    "ANY_CGROUP",
    "ROOT_LABEL",
    "ROOT_LIMITS",
    "Configuration",
    "Limits",
    "NamespaceSettings",
    "TokenSettings",
    "issuer_of",
    "load_configuration",
    "namespace_problems",
    "parse_image",
    "pushed_to",
]

ANY_CGROUP: Final = "any"
ROOT_LABEL: Final = "root"

Label = Annotated[str, msgspec.Meta(min_length=1, max_length=64, pattern=r"^[a-z0-9][a-z0-9._-]*$")]
"""A label is also the name of a directory, so it is narrower here than in a statement."""
Seconds = Annotated[int, msgspec.Meta(ge=1, le=86_400)]
Count = Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]

_PLAIN_CAPABILITIES: Final = frozenset({"evidence", "delegated", "extend", "log.read"})
_FOR_AUDIENCE: Final = "token:"
_OF_THE_BROKER: Final = "secret:"
_IMAGE_ALGORITHMS: Final = {"sha256": -16, "sha384": -43, "sha512": -44}
_CODE: Final = "usage.configuration"
_CGROUP: Final = re.compile(r"/|(/(?!\.\.?(/|$))[^/\0]+)+")  # an absolute path that goes down only


class Strict(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """A section: no unknown key, no change afterwards; written again, it is no longer."""


class Limits(Strict, frozen=True, kw_only=True):
    """What one namespace may take of trothd."""

    waiting: Count = 64  # requests in the queue for an epoch
    connections: Count = 256
    log_entries: Count = 100_000
    log_bytes: Annotated[int, msgspec.Meta(ge=1024, le=1 << 30)] = 4 * 1024 * 1024
    leaves: Count = 1024  # in one epoch


ROOT_LIMITS: Final = Limits(log_entries=10_000, log_bytes=1024 * 1024)
"""Those of the root namespace, in whose log trothd writes a line now and then."""


class TokenSettings(Strict, frozen=True, kw_only=True):
    """A token that is kept warm: for whom, by which verifier, bound to which key."""

    audience: Annotated[str, msgspec.Meta(min_length=1, max_length=255)]
    verifier: str | None = None  # the one of [verifier] if None
    ca: str | None = None  # PEM file, for `verifier`; the system's CAs if None
    cnf: dict[str, str] | None = None  # a public JWK; without one the token binds nobody


class NamespaceSettings(Strict, frozen=True, kw_only=True):
    """A namespace that exists from the start."""

    label: Label
    cgroup: Annotated[str, msgspec.Meta(min_length=1)]  # path below the mount, or "any"
    capabilities: list[str]
    image_digest: str | None = None
    model: Literal["A1"] | None = None
    group: Annotated[str, msgspec.Meta(pattern=r"^[^\x00-\x1f/:]+$")] | None = None  # of the socket
    limits: Limits = Limits()
    token: list[TokenSettings] = []


class DaemonSettings(Strict, frozen=True, kw_only=True):
    """[trothd]."""

    run_directory: str  # on a memory file system: the host owns every disk
    admin_socket: str
    root_register: RootRegister  # that of the TSM, or none
    height: Annotated[int, msgspec.Meta(ge=0, le=16)] = 10
    statement_key_s: Seconds = 300
    maximum_delegation_s: Seconds = 900
    deadline_s: Seconds = 30  # for an epoch's report, repeats included
    maximum_connections: Count = 16_384
    caller_uid: bool = False  # whether statements carry the caller's uid, a hint


class VerifierSettings(Strict, frozen=True, kw_only=True):
    """[verifier]: who is told at once when a namespace leaves its model."""

    url: str
    audience: Annotated[str, msgspec.Meta(min_length=1, max_length=255)]
    ca: str | None = None  # PEM file of the only CAs that are trusted; the system's if None


class FaultSettings(Strict, frozen=True, kw_only=True):
    """[test]: only where this section stands does trothd heed TROTH_CRASH_AT."""

    crash: bool = False


class Configuration(Strict, frozen=True, kw_only=True):
    """The whole file."""

    trothd: DaemonSettings
    tsm: TsmSettings
    verifier: VerifierSettings | None = None
    namespace: list[NamespaceSettings] = []
    test: FaultSettings | None = None


def load_configuration(path: str) -> Loaded[Configuration]:
    """Return the configuration in a file, wholly checked.

    Raises:
        UsageError: `usage.file`, `usage.configuration`.
    """
    loaded = read_settings(path, Configuration)
    for where, what in _problems(loaded.value):
        raise UsageError(_CODE, f"{loaded.where(*where)}: {what}")
    return loaded


def parse_image(text: str) -> ImageDigest:
    """Return the digest of an OCI text such as `sha256:…`.

    Raises:
        MalformedError: `wire.hex`, `binding.range`.
    """
    name, _, digits = text.partition(":")
    return ImageDigest(algorithm=_IMAGE_ALGORITHMS.get(name, 0), digest=parse_hex(digits))


def check_capability(name: str) -> str:
    """Say what is wrong with the name of a capability; nothing, if it is one."""
    if name in _PLAIN_CAPABILITIES or (name.startswith(_FOR_AUDIENCE) and name != _FOR_AUDIENCE):
        return ""
    if name.startswith(_OF_THE_BROKER):
        return f"{name!r} is decided by the broker's policy: trothd does not stand in between"
    known = ", ".join([*sorted(_PLAIN_CAPABILITIES), f"{_FOR_AUDIENCE}…"])
    return f"{name!r} is no capability; {known} are"


def pushed_to(verifier: VerifierSettings) -> Endpoint:
    """Return where the verifier of `[verifier]` is."""
    return Endpoint(verifier.url, verifier.ca)


def issuer_of(token: TokenSettings, verifier: VerifierSettings | None) -> Endpoint:
    """Return where the verifier is that issues a token: its own, or that of `[verifier]`."""
    if token.verifier is not None or verifier is None:
        return Endpoint(token.verifier or "", token.ca)
    return pushed_to(verifier)


def _problems(value: Configuration) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Yield what types alone cannot say, with the path of the key."""
    if Path(value.trothd.admin_socket).is_relative_to(Path(value.trothd.run_directory) / "ns"):
        yield ("trothd", "admin_socket"), "lies among the namespaces' sockets"
    if value.verifier and (problem := endpoint_problem(pushed_to(value.verifier))):
        yield ("verifier", "url"), problem
    yield from tsm_problems(value.tsm)
    seen = {ROOT_LABEL}
    for index, one in enumerate(value.namespace):
        at = ("namespace", index)
        if one.label in seen:
            yield (*at, "label"), f"{one.label!r} is taken"
        seen.add(one.label)
        yield from namespace_problems(value, one, at)


def namespace_problems(
    value: Configuration, one: NamespaceSettings, at: tuple[str | int, ...]
) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Yield what is wrong with a namespace's settings, with the path of the key.

    Args:
        value: the whole configuration.
        one: settings, of the configuration or an administrator's.
        at: where they stand in the configuration.
    """
    for name in one.capabilities:
        if problem := check_capability(name):
            yield (*at, "capabilities"), problem
    if one.cgroup != ANY_CGROUP and not _CGROUP.fullmatch(one.cgroup):
        yield (*at, "cgroup"), 'neither a path from the root of the hierarchy nor "any"'
    if one.image_digest is not None:
        try:
            parse_image(one.image_digest)
        except MalformedError as error:
            yield (*at, "image_digest"), str(error)
    yield from _token_problems(value, one, at)


def _token_problems(
    value: Configuration, one: NamespaceSettings, at: tuple[str | int, ...]
) -> Iterator[tuple[tuple[str | int, ...], str]]:
    audiences: set[str] = set()
    for number, token in enumerate(one.token):
        here = (*at, "token", number)
        if token.audience in audiences:
            yield (*here, "audience"), f"{token.audience!r} is taken"
        audiences.add(token.audience)
        if f"token:{token.audience}" not in one.capabilities:
            yield (*here, "audience"), f"needs the capability 'token:{token.audience}'"
        if token.verifier is None and value.verifier is None:
            yield (*here, "verifier"), "there is no [verifier] to take its place"
        elif token.verifier is None and token.ca is not None:
            yield (*here, "ca"), "belongs to a verifier of the token's own"
        elif problem := endpoint_problem(issuer_of(token, value.verifier)):
            yield (*here, "verifier"), problem
        if token.cnf is not None:
            try:
                key_of_jwk(dict(token.cnf))
            except MalformedError as error:
                yield (*here, "cnf"), str(error)
