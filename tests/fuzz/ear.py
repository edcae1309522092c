# SPDX-License-Identifier: Apache-2.0
"""Ways for our own results: JWTs, status lists and keys, as strangers send them and as signed."""

from __future__ import annotations

from typing import Any, Final

from tests.fuzz.door import Way
from tests.fuzz.judged import AT
from troth.crypto.cose_key import AGREEMENT, CoseKey
from troth.crypto.p256 import PrivateKey
from troth.token import (
    Expected,
    KeySet,
    SigningKey,
    issue_status_list,
    jwk_of,
    jwks_json,
    open_token,
    parse_jwks,
    read_status_list,
)
from troth.token.jws import sign_jws
from troth.wire import base64url, json

__all__ = ["WAYS"]

ISSUER: Final = "https://verifier.example"
URI: Final = "https://verifier.example/v1/status/a-0"
EXPECTED: Final = Expected(issuer=ISSUER, audience="urn:example:broker")
KEY: Final = SigningKey(PrivateKey.generate())
KEYS: Final = KeySet([KEY.key.public])
RAW: Final = PrivateKey.generate().public.raw
CNF: Final = CoseKey(algorithm=AGREEMENT, curve=1, x=RAW[:32], y=RAW[32:])
NOW: Final = int(AT.timestamp())
SUBMOD: Final = {
    "ear.status": "affirming",
    "ear.trustworthiness-vector": {"hardware": 2, "executables": 3},
    "ear.appraisal-policy-id": "p.toml",
}
CLAIMS: Final[dict[str, Any]] = {
    "eat_profile": "tag:github.com,2023:veraison/ear",
    "iss": ISSUER,
    "aud": EXPECTED.audience,
    "iat": NOW,
    "exp": NOW + 300,
    "jti": "a",
    "eat_nonce": base64url.encode(bytes(32)),
    "cnf": {"jwk": jwk_of(CNF)},
    "status": {"status_list": {"idx": 5, "uri": URI}},
    "ear.verifier-id": {"developer": "troth", "build": "1"},
    "submods": dict.fromkeys(("platform", "orchestrator", "namespace"), SUBMOD),
    "troth": {
        "namespace_id": "00" * 16,
        "label": "payments",
        "origin": "configuration",
        "count": 0,
        "head": "00" * 32,
        "statement": "00" * 32,
        "mode": "fresh",
        "tee": "tdx",
        "root": "rtmr3",
        "trace": "00" * 32,
    },
}
EAR: Final = json.encode(CLAIMS)
LIST: Final = issue_status_list([3, 9], KEY, issuer=ISSUER, uri=URI, at=AT)
LIST_CLAIMS: Final = base64url.decode(LIST.split(".")[1])
JWKS: Final = jwks_json([KEY.key.public])


def opened(data: bytes) -> Any:
    """Read a token whose characters are the bytes."""
    return open_token(data.decode("latin-1"), keys=KEYS, expected=EXPECTED, at=AT)


def listed(data: bytes) -> Any:
    """Read a status list whose characters are the bytes."""
    text = data.decode("latin-1")
    return read_status_list(text, KEYS, issuer=ISSUER, uri=URI, at=AT)


def signed_token(payload: bytes) -> Any:
    return opened(sign_jws(payload, KEY, typ="jwt").encode())


def signed_list(payload: bytes) -> Any:
    return listed(sign_jws(payload, KEY, typ="statuslist+jwt").encode())


def names_its_list(token: Any, _: bytes) -> bool:
    return 0 < len(token.status_uri) <= 255


def answers(found: Any, _: bytes) -> bool:
    return found.uri == URI and found.revoked(0) in {True, False}


WAYS: Final = (
    Way(
        name="EAR",
        parse=opened,
        seeds=(sign_jws(EAR, KEY, typ="jwt").encode(),),
        holds=names_its_list,
    ),
    Way(name="EAR, signed", parse=signed_token, seeds=(EAR,), holds=names_its_list),
    Way(name="status list", parse=listed, seeds=(LIST.encode(),), holds=answers),
    Way(name="status list, signed", parse=signed_list, seeds=(LIST_CLAIMS,), holds=answers),
    Way(
        name="JWKS",
        parse=parse_jwks,
        seeds=(JWKS,),
        holds=lambda keys, _: all(keys.find(kid).raw for kid in keys.kids),
    ),
)
