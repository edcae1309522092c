# SPDX-License-Identifier: Apache-2.0
"""What can go wrong, who is at fault, and the stable code that says so.

    UsageError              the caller of the program asked for something impossible
    TrothError
    ├── MalformedError      the peer sent bytes that do not follow the format
    ├── UntrustedError      well-formed, but a signature, chain, role or register does not hold
    ├── StaleError          would hold at another time or with other collateral; a retry helps
    ├── DeniedError         trustworthy facts, and the policy says no
    └── DriverError         this machine's TSM, kernel or database failed; the peer is not to blame

A code is `area.kebab` and a promise: tests, metrics and API clients match codes, never text.
`CODES` is the one table of them. An error cannot be made with a code that is not in the table or
that belongs to another class, so a reader who greps the table has seen every outcome there is.
"""

from __future__ import annotations

from typing import ClassVar, Final

__all__ = [
    "CODES",
    "DeniedError",
    "DriverError",
    "MalformedError",
    "StaleError",
    "TrothError",
    "UntrustedError",
    "UsageError",
    "printable",
]

_MAX_DETAIL: Final = 400  # characters; a detail may quote a peer, who must not flood a log


class _Coded(Exception):  # noqa: N818 - an abstract base; the classes below carry the suffix
    """An error with a code of `CODES` and a detail for people."""

    verdict: ClassVar[str]
    exit_code: ClassVar[int]

    def __init__(self, code: str, detail: str = "") -> None:
        """Take a code of this class and an optional detail.

        Args:
            code: a key of `CODES` whose class is this one.
            detail: text for people; escaped and cut here, so that peer data is safe to pass.

        Raises:
            ValueError: the code is unknown or another class's. This is a bug, never peer data.
        """
        entry = CODES.get(code)
        if entry is None or entry[0] != type(self).__name__:
            message = f"{code!r} is not a code of {type(self).__name__}"
            raise ValueError(message)
        self.code = code
        self.detail = printable(detail)
        super().__init__(f"{code}: {self.detail}" if detail else code)

    def __reduce__(self) -> tuple[type[_Coded], tuple[str, str]]:
        return type(self), (self.code, self.detail)

    @property
    def meaning(self) -> str:
        """The sentence of `CODES` for this code."""
        return CODES[self.code][1]


class UsageError(_Coded):
    """The command, a file named in it, or a policy file cannot be used as given."""

    verdict = "error"
    exit_code = 2


class TrothError(_Coded):
    """Base of every judgement that is not a yes.

    Attributes:
        step: of BINDING 4.9, where a verifier of bundles refused; None for every other error.
    """

    step: int | None = None


class MalformedError(TrothError):
    """The peer's bytes do not follow the format, or follow one that is not supported."""

    verdict = "malformed"
    exit_code = 3


class UntrustedError(TrothError):
    """Well-formed, but something that should hold the evidence together does not."""

    verdict = "untrusted"
    exit_code = 4


class StaleError(TrothError):
    """Only time or missing collateral stands in the way; fresher input can help."""

    verdict = "stale"
    exit_code = 5


class DeniedError(TrothError):
    """The facts are authentic, and policy does not accept them."""

    verdict = "denied"
    exit_code = 6


class DriverError(TrothError):
    """This machine failed: its kernel, TSM, disk, database or network."""

    verdict = "error"
    exit_code = 7


def printable(text: str) -> str:
    """Return `text` on one line, control characters escaped, at most 400 characters."""
    cut = text if len(text) <= _MAX_DETAIL else text[: _MAX_DETAIL - 1] + "…"
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in cut)


_M, _U, _S, _D, _R, _X = (
    "MalformedError",
    "UntrustedError",
    "StaleError",
    "DeniedError",
    "DriverError",
    "UsageError",
)

CODES: Final[dict[str, tuple[str, str]]] = {
    # The program was asked for something impossible.
    "usage.arguments": (_X, "the command line cannot be understood"),
    "usage.file": (_X, "a file or directory cannot be read or written"),
    "usage.time": (_X, "not an instant"),
    "usage.hex": (_X, "not hex, or not of the size that is due"),
    "usage.root": (_X, "not a trust anchor"),
    "usage.policy": (_X, "the policy file cannot be used"),
    "usage.url": (_X, "not an address of a program"),
    "usage.register": (_X, "no such register, or not a value of one"),
    "usage.nonce": (_X, "not a nonce of 16 to 64 bytes"),
    "usage.secret": (_X, "no such secret, or not one that can be stored"),
    "usage.key-file": (_X, "a key file cannot be used, or others can read it"),
    "usage.broker-key": (_X, "not a broker's public keys"),
    "usage.configuration": (_X, "the configuration file cannot be used"),
    "usage.running": (_X, "another process of the same kind uses this directory"),
    "usage.socket": (_X, "a socket cannot be bound"),
    "usage.tls": (_X, "TLS is needed here, or its files cannot be used"),
    "usage.database": (_X, "the database's address cannot be used"),
    "usage.keys": (_X, "a key file is missing, readable by others, or not a key"),
    # Bytes that do not follow the format.
    "http.request": (_M, "not an HTTP request that this server understands"),
    "http.path": (_M, "nothing is served at this path"),
    "http.method": (_M, "this path has another method"),
    "http.query": (_M, "a query has what this path does not take, takes once, or cannot read"),
    "http.too-large": (_M, "the body is larger than allowed"),
    "client.answer": (_M, "a program's answer does not follow its format"),
    "secret.path": (_M, "not a path of a secret"),
    "secret.request": (_M, "the request for a secret does not follow its format"),
    "secret.sealed-form": (_M, "a sealed secret does not have the one form that there is"),
    "secret.answer-form": (_M, "a broker's answer does not have its form"),
    "http.too-slow": (_M, "the request did not arrive in time"),
    "http.media-type": (_M, "the body's media type is not one that is read here"),
    "wire.truncated": (_M, "the input ends before a field does"),
    "wire.too-large": (_M, "the input is larger than any such evidence"),
    "wire.hex": (_M, "not hex, or not of the size that is due"),
    "wire.pem": (_M, "not a sequence of PEM blocks and nothing else"),
    "wire.base64url": (_M, "not base64url without padding in its one spelling"),
    "wire.time": (_M, "not an RFC 3339 instant in UTC"),
    "json.too-large": (_M, "a JSON text is larger than allowed"),
    "json.syntax": (_M, "not JSON in UTF-8"),
    "json.depth": (_M, "a JSON text is nested too deeply"),
    "json.duplicate": (_M, "a name occurs twice in one JSON object"),
    "json.number": (_M, "a JSON number is a float or out of all proportion"),
    "json.type": (_M, "a JSON member is missing or of another type"),
    "cbor.too-large": (_M, "a CBOR item is larger than allowed"),
    "cbor.syntax": (_M, "not CBOR, or nested too deeply"),
    "cbor.type": (_M, "a CBOR item of a kind that has no place here"),
    "cbor.trailing": (_M, "something stands behind the CBOR item"),
    "cbor.not-canonical": (_M, "CBOR in another than the one allowed encoding"),
    "cose.form": (_M, "not a COSE_Sign1 of the one form that is due"),
    "cose.key": (_M, "not a COSE key of a form that may stand in this place"),
    "cose.point": (_M, "a public key is not a usable point on its curve"),
    "binding.type": (_M, "a field of a binding structure is of another type"),
    "binding.range": (_M, "a field of a binding structure is out of its bounds"),
    "binding.members": (_M, "a member of a binding structure is missing or unknown"),
    "binding.order": (_M, "what must ascend in a binding structure does not"),
    "binding.media-type": (_M, "a record of a bundle is not of the type that is due"),
    "binding.private-key": (_M, "a request holds the private half of a key"),
    "x509.malformed": (_M, "not a certificate"),
    "crl.malformed": (_M, "not a certificate revocation list in DER"),
    "crl.no-next-update": (_M, "a revocation list that never expires"),
    "eventlog.unknown": (_M, "no known kind of event log begins like this"),
    "eventlog.header": (_M, "an event log does not begin as its kind must"),
    "eventlog.algorithm": (_M, "an event log's digests are not those that its header names"),
    "eventlog.register": (_M, "an event log names a register that nothing can extend"),
    "eventlog.locality": (_M, "an event log states its start-up locality in no usable way"),
    "eventlog.trailing": (_M, "something other than padding stands behind an event log"),
    "eventlog.table": (_M, "not an ACPI table CCEL"),
    "eventlog.aael": (_M, "an attestation agent's event does not have its three parts"),
    "eventlog.ima": (_M, "an entry of an IMA list does not follow its template"),
    "eventlog.cel": (_M, "a record of a canonical event log does not follow the format"),
    "eventlog.cel-order": (_M, "the records of a canonical event log are not numbered in order"),
    "unsupported.ima-template": (_M, "an IMA template that is not supported"),
    "eventlog.bank": (_M, "an event log cannot be replayed in this bank"),
    "evidence.unknown": (_M, "no supported kind of evidence begins like this"),
    "quote.tee-type": (_M, "the quote names a TEE that does not exist"),
    "quote.vendor-id": (_M, "the quoting enclave is not Intel's"),
    "quote.body-type": (_M, "the quote's body type and size do not go together"),
    "quote.signature-length": (_M, "the signature section's length is not what it holds"),
    "quote.certification-type": (_M, "a certification data type that is not due in this place"),
    "quote.certification-length": (_M, "the certification data's length is not what it holds"),
    "tdx.trailing": (_M, "something other than zero bytes stands behind the quote"),
    "tsm.quote-message": (_M, "not a message of the quote generation service"),
    "snp.size": (_M, "an SNP report has 1184 bytes"),
    "snp.reserved": (_M, "reserved bits or bytes of an SNP report are not zero"),
    "snp.algorithm": (_M, "an SNP report's signature algorithm is none that is known"),
    "snp.vmpl": (_M, "an SNP report names a privilege level that does not exist"),
    "snp.policy": (_M, "an SNP guest policy lacks the bit that must be set"),
    "snp.signing-key": (_M, "an SNP report names a kind of signing key that does not exist"),
    "snp.signature-form": (_M, "an SNP report's signature is longer than its curve allows"),
    "snp.certificate-table": (_M, "an SNP certificate table's entries do not fit it"),
    "pck.extension": (_M, "the PCK certificate's SGX extension does not follow its profile"),
    "collateral.components": (_M, "a TCB level does not have sixteen components of each kind"),
    "collateral.levels": (_M, "TCB levels are missing or occur twice"),
    "collateral.tcb-type": (_M, "a TCB type whose comparison is not defined"),
    "namespace.settings": (_M, "a namespace cannot be made as described"),
    "unsupported.version": (_M, "a format version that is not supported"),
    "unsupported.profile": (_M, "a profile that is not supported"),
    "unsupported.key-type": (_M, "an attestation key type that is not supported"),
    "unsupported.tee": (_M, "a TEE that is not supported"),
    "unsupported.body-type": (_M, "a report body that is not supported"),
    "unsupported.product": (_M, "a processor that is not supported"),
    "unsupported.certification-data": (_M, "certification data that is not supported"),
    "token.malformed": (_M, "not a signed token or status list of the form that is due"),
    "token.jwks": (_M, "not a set of verification keys, each called by its thumbprint"),
    "verifier.request": (_M, "not a request that the verifier understands"),
    # Well-formed, and it does not hold.
    "chain.root": (_U, "the chain does not end in a trust anchor"),
    "chain.issuer": (_U, "a certificate is not issued by the next one"),
    "chain.signature": (_U, "a certificate's signature does not hold"),
    "chain.algorithm": (_U, "a certificate uses another algorithm than its profile says"),
    "chain.not-ca": (_U, "an issuer is not a CA, or not for a chain this long"),
    "chain.leaf-is-ca": (_U, "an end entity's certificate is a CA's"),
    "chain.role": (_U, "a certificate does not have the role it is used in"),
    "chain.extension": (_U, "a certificate has a critical extension that is unknown"),
    "chain.revoked": (_U, "a CA or signer's certificate is revoked"),
    "pck.chain-shape": (_U, "the PCK chain is not leaf, intermediate and root"),
    "pck.revoked": (_U, "the PCK certificate is revoked"),
    "crl.issuer": (_U, "a revocation list is not the issuing CA's"),
    "crl.signature": (_U, "a revocation list's signature does not hold"),
    "crl.extension": (_U, "a revocation list has a critical extension that is unknown"),
    "collateral.chain-shape": (_U, "an issuer chain in the collateral is not issuer and root"),
    "collateral.signature": (_U, "a signed document's signature does not hold"),
    "collateral.role": (_U, "a signed document is not of the kind that is due in its place"),
    "qe.report-signature": (_U, "the PCK did not sign the quoting enclave's report"),
    "qe.binding": (_U, "the quoting enclave's report does not name this attestation key"),
    "qe.identity": (_U, "the quoting enclave is not the one that its identity describes"),
    "quote.key": (_U, "the attestation key is not a point on its curve"),
    "quote.signature": (_U, "the attestation key did not sign this quote"),
    "tdx.module-unknown": (_U, "the TCB info does not know this TDX module version"),
    "tdx.module-signer": (_U, "the TDX module's signer is not the one that is due"),
    "tdx.module-attributes": (_U, "the TDX module's attributes are not the ones that are due"),
    "tdx.report-data": (_U, "the report data is not what was expected"),
    "tcb.no-level": (_U, "no TCB level matches the platform"),
    "tcb.no-module-level": (_U, "no TCB level matches the TDX module"),
    "tcb.no-qe-level": (_U, "no TCB level matches the quoting enclave"),
    "tcb.revoked": (_U, "the TCB is revoked"),
    "tcb.status-word": (_U, "a TCB status that is unknown or not possible in this place"),
    "eventlog.wrong": (_U, "no prefix of the event log replays to the register"),
    "binding.root-digest": (_U, "the epoch does not name this root statement"),
    "binding.epoch-signature": (_U, "the boot key did not sign this epoch"),
    "binding.not-fresh": (_U, "a delegated statement stands where a fresh one is due"),
    "binding.proof": (_U, "the proof does not lead from the statement to the epoch"),
    "binding.statement-key": (_U, "the epoch names no key for delegated statements"),
    "binding.statement-signature": (_U, "the epoch's key did not sign this statement"),
    "binding.anchor": (_U, "a delegated statement and its anchor do not belong together"),
    "token.algorithm": (_U, "a token is signed by another algorithm than the one that is due"),
    "token.type": (_U, "a signed text is not of the type that is due in its place"),
    "token.key": (_U, "no known key signed the token"),
    "token.signature": (_U, "a token's signature does not hold"),
    "token.issuer": (_U, "a token is another verifier's"),
    "token.lifetime": (_U, "a token that lives longer than any may"),
    "token.status-tier": (_U, "a token's status is not what its trust vector says"),
    "token.status-uri": (_U, "a status list is another one than the token names"),
    "token.status-index": (_U, "a status list has no such token"),
    "binding.report-data": (_U, "the report is not over this epoch"),
    "binding.manifest": (_U, "an SVSM's manifest is missing, not due, or does not parse"),
    "binding.root-register": (_U, "the root register does not hold this root statement"),
    "secret.answer": (_U, "a broker's answer is to another request"),
    "secret.sealed": (_U, "a secret was sealed to another key, statement or path"),
    # Only time or missing collateral is in the way.
    "token.keys-missing": (_S, "the verifier's keys cannot be had"),
    "chain.not-yet-valid": (_S, "a certificate is not valid yet"),
    "chain.expired": (_S, "a certificate has expired"),
    "crl.not-yet-valid": (_S, "a revocation list is not valid yet"),
    "crl.expired": (_S, "a revocation list has expired"),
    "collateral.missing": (_S, "no collateral was given for this platform"),
    "collateral.platform": (_S, "the collateral is another platform's"),
    "collateral.not-yet-valid": (_S, "a signed document is not valid yet"),
    "collateral.expired": (_S, "a signed document has expired"),
    "collateral.below-floor": (_S, "the collateral's evaluation number was rolled back"),
    "token.expired": (_S, "a token has expired"),
    "token.not-yet-valid": (_S, "a token was issued in the future"),
    "token.status-missing": (_S, "a token's status list cannot be had"),
    "token.status-stale": (_S, "a status list is too old, or of the future"),
    "challenge.unknown": (_S, "the nonce is none of ours, or cannot be dated"),
    "challenge.expired": (_S, "the nonce has expired"),
    "challenge.future": (_S, "the nonce is of a time that has not come"),
    "challenge.used": (_S, "the nonce was used before"),
    "binding.anchor-age": (_S, "the anchor of a delegated statement is too old"),
    "token.not-ready": (_S, "the token that is kept warm is not there now"),
    "token.not-kept": (_S, "no token is kept warm for this audience"),
    "verifier.stale": (_S, "the verifier says that the evidence came too late"),
    "evidence.anchor-missing": (_S, "no anchor for a delegated statement; ask fresh"),
    # Authentic, and the policy says no.
    "policy.section": (_D, "the policy has no section for this evidence"),
    "policy.status": (_D, "the TCB status is not accepted"),
    "policy.advisory": (_D, "a security advisory applies that is not accepted"),
    "policy.debug": (_D, "the TD is under debug"),
    "policy.attributes": (_D, "the TD's attributes are not the accepted ones"),
    "policy.measurement": (_D, "a measurement or register has no accepted value"),
    "policy.service-td": (_D, "the service TD is not an accepted one"),
    "policy.evaluation-number": (_D, "the collateral's evaluation number is below the minimum"),
    "policy.report-data": (_D, "the report data is not an accepted value"),
    "binding.log": (_D, "the shown log entries do not lead to the stated head"),
    "model.phase": (_D, "the event model is not in a phase that allows this"),
    "model.full": (_D, "the event model has as many points as it may"),
    "token.audience": (_D, "a token is for somebody else"),
    "token.revoked": (_D, "a token was revoked"),
    "binding.forked": (_D, "a namespace's log contradicts what was accepted before"),
    "binding.barred": (_D, "the namespace was barred at this count or a later one"),
    "policy.migratable": (_D, "the TD can be migrated, and its service TD is not named"),
    "policy.emulated": (_D, "the root is no vendor's, and the policy denies such"),
    "policy.boot": (_D, "the boot is none of the images that are wanted"),
    "policy.mode": (_D, "fresh or delegated evidence that the policy does not accept"),
    "policy.configuration": (_D, "the orchestrator's configuration is not an accepted one"),
    "policy.doors": (_D, "a compatibility door can be open that is not tolerated"),
    "policy.alarms": (_D, "there were more alarms in this boot than are tolerated"),
    "policy.label": (_D, "the namespace is not called as any wanted one"),
    "policy.origin": (_D, "the namespace was created by somebody who is not accepted"),
    "policy.image-digest": (_D, "the namespace's image is not an accepted one"),
    "claims.audience": (_D, "the statement is for somebody else"),
    "claims.nonce": (_D, "the statement has another nonce than the one that is due"),
    "claims.cnf": (_D, "the statement names no key of the caller"),
    "claims.channel": (_D, "the statement is not tied to this connection"),
    "model.absent": (_D, "the namespace has no event model, or one where none is wanted"),
    "model.profile": (_D, "the event model's profile is not an accepted one"),
    "model.unsealed": (_D, "the event model is still learning"),
    "model.base": (_D, "the event model's base is not an accepted one"),
    "model.state": (_D, "the event model's state is not an accepted one"),
    "model.forensic": (_D, "the namespace did what is not in its event model"),
    "model.gaps": (_D, "the namespace's events were interrupted more often than is tolerated"),
    "secret.key": (_D, "the token's key is not one that secrets are sealed to"),
    "secret.denied": (_D, "no rule releases this secret to this namespace, or there is none"),
    "verifier.refused": (_D, "the verifier does not accept the evidence"),
    "capability.missing": (_D, "the namespace does not have the capability for this"),
    "identity.unknown": (_D, "the kernel does not say which living process connected"),
    "identity.gone": (_D, "the process that connected has ended or moved"),
    "identity.cgroup-other": (_D, "the process that connected is not of this namespace"),
    "log.full": (_D, "the namespace's log has no room"),
    "log.range": (_D, "the namespace's log does not have the entries asked for"),
    "namespace.unknown": (_D, "no living namespace has this label"),
    "namespace.label-taken": (_D, "a living namespace has this label"),
    "namespace.closed": (_D, "the namespace was closed, for good"),
    # This machine failed.
    "epoch.waiting": (_R, "as many requests of the namespace wait as may"),
    "epoch.deadline": (_R, "the TSM gave no report in time"),
    "epoch.failed": (_R, "an epoch could not be made"),
    "root.handed-over": (_R, "the boot key that was handed over cannot be used"),
    "root.read-back": (_R, "the root register is not what the root step made of it"),
    "verifier.unreachable": (_R, "the verifier does not answer"),
    "verifier.answer": (_R, "the verifier's answer is not in its form"),
    "clone.hibernation": (_R, "the kernel can hibernate, or nobody can tell"),
    "clone.unwatched": (_R, "changes of the VM's generation id cannot be listened to"),
    "identity.cgroup": (_R, "a namespace's cgroup cannot be found"),
    "state.room": (_R, "the run directory's file system is too small for the namespaces' logs"),
    "state.read": (_R, "what an earlier process left cannot be used"),
    "state.write": (_R, "the run directory cannot be written"),
    "client.unreachable": (_R, "a program cannot be reached"),
    "client.timeout": (_R, "a program did not answer in time"),
    "client.refused": (_R, "a program refused with a code that is not known here"),
    "broker.storage": (_R, "what the broker stored cannot be opened or was altered"),
    "broker.rollback": (_R, "what the broker stored is older than it was"),
    "broker.log": (_R, "the broker's log does not agree with its signed head"),
    "http.busy": (_R, "there are as many callers as can be served"),
    "http.setup": (_R, "a file or setting of the server cannot be used now; its log says which"),
    "tsm.report-data": (_R, "report data is not 64 bytes"),
    "tsm.argument": (_R, "the TSM does not have what was asked for"),
    "tsm.failed": (_R, "the TSM answered with an error"),
    "tsm.provider": (_R, "a TSM whose reports cannot be read here"),
    "tsm.report-empty": (_R, "the TSM gave a report without a byte"),
    "tsm.report-form": (_R, "the TSM's report is not in its provider's form"),
    "tsm.report-other": (_R, "the TSM's report is over other report data than was asked for"),
    "tsm.report-torn": (_R, "another writer used the TSM's report entry meanwhile"),
    "tsm.register": (_R, "no such measurement register, or a digest of another size"),
    "tsm.absent": (_R, "the kernel offers no TSM, or its provider is gone"),
    "tsm.denied": (_R, "this process may not use the TSM"),
    "tsm.entry": (_R, "a private report entry cannot be made, or was taken away"),
    "tsm.entry-left": (_R, "report entries of ours cannot be removed"),
    "tsm.attribute": (_R, "an attribute of the TSM is not in its form"),
    "tsm.busy": (_R, "the TSM is busy with an earlier request"),
    "tsm.interrupted": (_R, "a request of the TSM was interrupted, time and again"),
    "tsm.timed-out": (_R, "the TSM did not answer within its own time"),
    "tsm.rate": (_R, "the rate at which the TSM may be asked leaves no report in time"),
    "tsm.locked-out": (_R, "the TSM's message key is disabled until the machine starts again"),
    "tsm.report-size": (_R, "the TSM's report is larger than a report may be"),
    "tsm.manifest": (_R, "the report is not over the manifest that came with it"),
    "tsm.no-registers": (_R, "the TSM has no runtime registers that a guest can extend"),
    "tsm.extend-other": (_R, "the register is not what this extend makes of its former value"),
    "tsm.quote-service": (_R, "the quote generation service does not answer, or says no"),
    "tsm.firmware": (_R, "the firmware answered with an error"),
    "tsm.certificates": (_R, "the certificates of the host cannot be read"),
    "tsm.tdreport": (_R, "the quoting enclave does not accept this TDREPORT"),
    "tsm.state": (_R, "the saved state of a software TEE cannot be used"),
    "tsm.view": (_R, "the files of an emulated TSM cannot be shown here"),
    "tsm.view-stale": (_R, "a view of an emulated TSM is mounted whose daemon died"),
    "database.unavailable": (_R, "the database cannot be read or written now"),
    "database.schema": (_R, "the database is of another version than this program"),
}
"""Every code: its class and one sentence. An addition is compatible, a removal is not."""
