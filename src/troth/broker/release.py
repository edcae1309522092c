# SPDX-License-Identifier: Apache-2.0
"""One request for a secret, from the bytes that came to the signed answer.

1. The request is well-formed.                                          else `secret.request`
2. The token is of a configured verifier, for us, in its time, not revoked.     else `token.*`
3. The token's key is one for key agreement.                            else `secret.key`
4. A rule of the release policy grants the path to this namespace.      else `secret.denied`
5. The secret exists.                                                   else `secret.denied`
6. It is sealed to the token's key, for the statement and the path, and the answer is signed.
7. The release is in the log, on the disk. Only then does the answer leave.

A refusal from step 2 on is logged as well before it is answered: with namespace, label and digest
of the statement where a verifier signed the token, and with the token's own digest and nothing that
it says where none did. The answer to 4 and 5 is the same to the byte, so that nobody learns which
paths exist; the log has the rule and the reason.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Annotated, Final, TypeVar

import msgspec
from msgspec import Meta

from troth.broker.journal import Journal
from troth.broker.log import Entry
from troth.broker.policy import Decision
from troth.broker.store import Store
from troth.broker.trust import Trust
from troth.crypto.digest import sha256
from troth.crypto.secret import Secret
from troth.errors import DeniedError, MalformedError, StaleError, TrothError
from troth.infra import clock
from troth.token import Ear
from troth.token.answer import Answer, sign_answer
from troth.token.keys import SigningKey
from troth.token.seal import check_agreement, seal
from troth.wire import base64url, json
from troth.wire.text import format_instant

__all__ = ["REQUEST_MAX_BYTES", "Releaser"]

T = TypeVar("T")

REQUEST_MAX_BYTES: Final = 80 * 1024  # a token of 64 KiB and a nonce, in JSON
_NONCE_BYTES: Final = range(16, 65)  # BINDING 4.4, nonce


class SecretRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    token: Annotated[str, Meta(min_length=1)]
    nonce: Annotated[str, Meta(min_length=1, max_length=88)]


class Releaser:
    """What the broker does with a request; HTTP is somebody else's."""

    def __init__(
        self, *, trust: Trust, store: Store, journal: Journal, key: SigningKey, thread: Executor
    ) -> None:
        """Take the parts.

        Args:
            trust: whose tokens are taken.
            store: secrets and policy.
            journal: where releases and refusals go.
            key: signs the answers.
            thread: the one on which the store is used.
        """
        self._trust = trust
        self._store = store
        self._journal = journal
        self._key = key
        self._thread = thread

    async def release(self, path: str, body: bytes) -> str:
        """Return the signed answer to a request.

        Raises:
            MalformedError: `secret.request`.
            TrothError: as the module's text says, by step.
            DriverError: the store or the log failed; nothing is released then.
        """
        request = parse_request(body)
        at = clock.now()
        entry = Entry(
            at=format_instant(at),
            event="refused",
            path=path,
            token=sha256(request.token.encode()).hex(),
        )
        try:
            signed = await self._trust.signed(request.token)
        except TrothError as error:
            # What a forgery says is no news of anybody; that a verifier does not answer is.
            await self._refuse(entry, error, error.detail if isinstance(error, StaleError) else "")
            raise
        entry = _about(entry, signed.claims)
        try:
            token = await self._trust.check(signed, at)
            answer, rule = await self._answer(token.ear, path, request.nonce)
        except _NotGrantedError as denied:
            told = DeniedError("secret.denied")
            decision = denied.decision
            entry = msgspec.structs.replace(entry, rule=decision.rule)
            await self._refuse(entry, told, decision.reason)
            raise told from None
        except TrothError as error:
            await self._refuse(entry, error, error.detail)
            raise
        await self._journal.write(msgspec.structs.replace(entry, event="released", rule=rule))
        return answer

    async def _answer(self, ear: Ear, path: str, nonce: str) -> tuple[str, str]:
        check_agreement(ear.cnf.jwk)
        decision = (await self._on_thread(self._store.policy)).decide(ear, path)
        if not decision.granted:
            raise _NotGrantedError(decision)
        secret = await self._on_thread(lambda: self._store.read(path))
        if secret is None:
            raise _NotGrantedError(Decision(granted=False, rule=decision.rule, reason="no secret"))
        return self._sealed(secret, ear, path, nonce), decision.rule

    def _sealed(self, secret: Secret, ear: Ear, path: str, nonce: str) -> str:
        digest = bytes.fromhex(ear.troth.statement)
        answer = Answer(
            nonce=nonce,
            namespace=ear.troth.namespace_id,
            path=path,
            statement=ear.troth.statement,
            jwe=seal(secret, ear.cnf.jwk, statement_digest=digest, path=path),
        )
        return sign_answer(answer, self._key)

    async def _refuse(self, entry: Entry, error: TrothError, reason: str) -> None:
        await self._journal.write(msgspec.structs.replace(entry, code=error.code, reason=reason))

    async def _on_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)


class _NotGrantedError(Exception):
    """The policy, or the lack of a secret, says no; the caller is not told which."""

    def __init__(self, decision: Decision) -> None:
        super().__init__(decision.rule)
        self.decision = decision


def parse_request(body: bytes) -> SecretRequest:
    try:
        request = json.decode(body, SecretRequest, max_bytes=REQUEST_MAX_BYTES, max_depth=2)
        nonce = base64url.decode(request.nonce)
    except MalformedError as error:
        raise MalformedError("secret.request", str(error)) from None
    if len(nonce) not in _NONCE_BYTES:
        raise MalformedError("secret.request", f"a nonce of {len(nonce)} bytes, 16 to 64 are due")
    return request


def _about(entry: Entry, ear: Ear) -> Entry:
    """Return the entry with what an authentic token says of its holder."""
    return msgspec.structs.replace(
        entry,
        verifier=ear.iss,
        namespace=ear.troth.namespace_id,
        label=ear.troth.label,
        count=ear.troth.count,
        statement=ear.troth.statement,
    )
