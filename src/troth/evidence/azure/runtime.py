# SPDX-License-Identifier: Apache-2.0
"""Runtime claims: what the paravisor says of the VM, and the keys of the vTPM that it runs.

The hardware report holds the digest of their bytes, so nothing here is encoded again. Members that
are not known are left alone: they are covered all the same.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from troth.crypto.tpm_key import TpmKey
from troth.errors import MalformedError
from troth.evidence.azure.layout import CLAIMS_MAX_BYTES, REPORT_DATA_BYTES
from troth.wire import base64url, json
from troth.wire.text import parse_hex

__all__ = ["ATTESTATION_KEY", "RuntimeClaims", "RuntimeKey", "VmConfiguration"]

VmId = Annotated[str, Meta(pattern=r"^[0-9A-Fa-f-]{36}\Z")]
Thumbprint = Annotated[str, Meta(pattern=r"^[0-9A-Za-z_-]{0,128}\Z")]

ATTESTATION_KEY: Final = "HCLAkPub"
_EXPONENT_MAX_BYTES: Final = 4


class RuntimeKey(msgspec.Struct, frozen=True):
    """A public key as a JWK (RFC 7517, RFC 7518 §6.3.1); `n` and `e` as they stand there."""

    kid: str
    kty: Literal["RSA"]
    n: str
    e: str
    key_ops: tuple[str, ...] = ()


class VmConfiguration(msgspec.Struct, frozen=True):
    """How the VM is configured; None where the paravisor does not say."""

    console_enabled: bool | None = msgspec.field(default=None, name="console-enabled")
    secure_boot: bool | None = msgspec.field(default=None, name="secure-boot")
    tpm_enabled: bool | None = msgspec.field(default=None, name="tpm-enabled")
    tpm_persisted: bool | None = msgspec.field(default=None, name="tpm-persisted")
    root_cert_thumbprint: Thumbprint | None = msgspec.field(
        default=None, name="root-cert-thumbprint"
    )
    vm_unique_id: VmId | None = msgspec.field(default=None, name="vmUniqueId")


class RuntimeClaims(msgspec.Struct, frozen=True):
    """The claims, by name."""

    keys: tuple[RuntimeKey, ...]
    vm_configuration: VmConfiguration = msgspec.field(name="vm-configuration")
    user_data: str = msgspec.field(name="user-data")

    @classmethod
    def parse(cls, data: bytes) -> RuntimeClaims:
        """Read the claims.

        Raises:
            MalformedError: `json.*`; `wire.hex`, the user data is not 64 bytes; `azure.ak`, not
                one attestation key of the form that is due.
        """
        claims = json.decode(data, cls, max_bytes=CLAIMS_MAX_BYTES, max_depth=6)
        parse_hex(claims.user_data, REPORT_DATA_BYTES)
        _ = claims.attestation_key
        return claims

    @property
    def attestation_key(self) -> TpmKey:
        """The key that signs the vTPM's quotes.

        Raises:
            MalformedError: `azure.ak`, none or several of its name, or for another use;
                `wire.base64url`; `tpm.key`.
        """
        found = [one for one in self.keys if one.kid == ATTESTATION_KEY]
        if len(found) != 1:
            raise MalformedError("azure.ak", f"{len(found)} keys called {ATTESTATION_KEY}")
        (key,) = found
        if "sign" not in key.key_ops:
            raise MalformedError("azure.ak", "the attestation key is not one that signs")
        exponent = base64url.decode(key.e)
        if len(exponent) > _EXPONENT_MAX_BYTES:
            raise MalformedError("azure.ak", f"an exponent of {len(exponent)} bytes")
        return TpmKey.from_rsa(base64url.decode(key.n), int.from_bytes(exponent, "big"))
