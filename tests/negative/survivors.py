# SPDX-License-Identifier: Apache-2.0
"""Which modules `make mutants` alters, by which tests, and what no test notices, with reasons."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from tools.house import ROOT

__all__ = ["CHECKS", "MODULES", "SURVIVORS"]

_CHAINS: Final = ("crypto/test_chain.py", "negative/test_chain.py")
_LISTS: Final = ("crypto/test_chain.py", "negative/test_crl.py")
_BINDING: Final = (
    "binding/test_refusals.py",
    "binding/test_bundle.py",
    "binding/test_vector.py",
    "binding/test_log.py",
    "verify_bundle/test_statement.py",
)
_STEPS: Final = (
    "verify_bundle/test_trace.py",
    "verify_bundle/test_statement.py",
    "verify_bundle/test_report.py",
)

_LOGS: Final = (
    "eventlog/test_tcg.py",
    "eventlog/test_ima.py",
    "eventlog/test_ima_blocks.py",
    "eventlog/test_joined.py",
    "eventlog/test_cel.py",
    "eventlog/test_match.py",
    "eventlog/test_report.py",
    "eventlog/test_replay_command.py",
)

MODULES: Final[dict[str, tuple[str, ...]]] = {
    "crypto.chain": _CHAINS,
    "crypto.crl": _LISTS,
    "crypto.x509": _CHAINS,
    "crypto.pss_crl": ("snp/test_endorsement_cases.py", "snp/test_assembly.py"),
    "crypto.p256": ("crypto/test_p256.py", "negative/test_binding.py"),
    "endorse.intel.collateral": (
        "negative/test_collateral.py",
        "negative/test_collateral_contents.py",
        "endorse/test_bundle.py",
    ),
    "verify.intel.enclave": (
        "negative/test_binding.py",
        "negative/test_qe.py",
        "negative/test_without_collateral.py",
        "sgx/test_sound.py",
        "sgx/test_signatures.py",
    ),
    "verify.intel.pck": ("negative/test_chain.py",),
    "evidence.binding.checks": _BINDING,
    "evidence.binding.proof": _BINDING,
    "evidence.binding.log": _BINDING,
    "crypto.cose": (*_BINDING[:-1], "binding/test_keys.py"),
    "crypto.pss_certificate": (
        "snp/test_chain_cases.py",
        "snp/test_assembly.py",
        "crypto/test_pss_certificate.py",
    ),
    "crypto.rsa_pss": ("crypto/test_rsa_pss.py", "snp/test_chain_cases.py"),
    "crypto.tpm_key": ("tpm/test_binding.py", "tpm/test_format.py", "tpm/test_evidence.py"),
    "verify.azure.evidence": ("azure/test_cases.py", "azure/test_sound.py"),
    "verify.cca.token": ("cca/test_binding.py", "cca/test_claims.py", "cca/test_token.py"),
    "verify.cove.token": ("cove/test_chain.py", "cove/test_sound.py", "cove/test_format.py"),
    "verify.snp.chain": (
        "snp/test_chain_cases.py",
        "snp/test_endorsement_cases.py",
        "snp/test_cache.py",
    ),
    "verify.snp.report": ("snp/test_report_cases.py", "snp/test_sound.py"),
    "verify.tpm.chain": ("tpm/test_chain.py", "tpm/test_sound.py"),
    "verify.tpm.quote": ("tpm/test_binding.py", "tpm/test_sound.py", "tpm/test_format.py"),
    "evidence.eventlog.tcg_check": ("eventlog/test_tcg.py",),
    "verify.bundle.nonces": ("verify_bundle/test_statement.py",),
    "verify.bundle.root": (*_STEPS, "verify_bundle/test_kinds.py"),
    "verify.bundle.statement": (*_STEPS, "verifier/test_bars.py"),
}
"""The modules on chains, lists, windows, signatures and binding, and the tests that hold them."""

_FORMS: Final = (*_BINDING[:-1], "binding/test_requests.py", "binding/test_keys.py")
_BUNDLES: Final = (
    *_STEPS,
    "verify_bundle/test_boot_log.py",
    "verify_bundle/test_kinds.py",
    "verify_bundle/test_kind_policies.py",
    "policy/test_sections.py",
)
_DOCUMENT: Final = (
    "policy/test_document.py",
    "policy/test_hostile.py",
    "policy/test_sections.py",
)
_TOKENS: Final = ("token/test_token.py", "token/test_seal.py", "broker/test_trust.py")


def _below(package: str, files: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    """Return these tests for each module of a package that is not altered as well."""
    folder = ROOT / "src" / "troth" / Path(*package.split("."))
    names = (path.relative_to(folder).with_suffix("") for path in sorted(folder.rglob("*.py")))
    modules = (".".join((package, *one.parts)) for one in names if one.name != "__init__")
    return {one: files for one in modules if one not in MODULES}


CHECKS: Final[dict[str, tuple[str, ...]]] = {
    **_below("evidence.binding", _FORMS),
    **_below("evidence.eventlog", _LOGS),
    **_below("token", _TOKENS),
    **_below("verify.bundle", _BUNDLES),
    "crypto.cose_key": _FORMS,
    "crypto.names": ("crypto/test_names.py",),
    "crypto.points": _FORMS,
    "crypto.signing_key": ("crypto/test_cose_token.py", "tpm/test_evidence.py"),
    "crypto.storage": ("crypto/test_storage.py",),
    "crypto.tpm_signer": ("tpm/test_evidence.py",),
    "endorse.arm.cpak": ("cca/test_store.py",),
    "evidence.detect": ("evidence/test_detect.py",),
    "evidence.model.a1": ("binding/test_model.py",),
    "evidence.model.model": ("binding/test_model.py",),
    "evidence.snp.certificates": ("snp/test_certificates.py",),
    "evidence.snp.policy": ("snp/test_report.py", "snp/test_policy_cases.py"),
    "evidence.tpm.root_register": ("tpm/test_carrier.py",),
    "policy.bundle": _BUNDLES,
    "policy.bundle_boot": _BUNDLES,
    "policy.bundle_hardware": _BUNDLES,
    "policy.bundle_judgement": (
        "policy/test_bundle_judgement.py",
        "policy/test_kinds.py",
        "policy/test_sections.py",
    ),
    "policy.bundle_template": _BUNDLES,
    "policy.cove_values": ("cove/test_policy.py",),
    "policy.document": (
        *_DOCUMENT,
        "verify_bundle/test_kind_policies.py",
        "verify_bundle/test_statement.py",
    ),
    "policy.kinds._kind": ("policy/test_kinds.py",),
    "policy.sections": _DOCUMENT,
    "policy.snp_template": ("snp/test_policy_cases.py",),
    "policy.snp_values": ("snp/test_policy_cases.py",),
    "policy.values": (
        *_DOCUMENT,
        "snp/test_policy_cases.py",
        "tpm/test_policy.py",
        "sgx/test_enclave_policy.py",
    ),
    "verifier.challenge": ("verifier/test_store.py",),
    "verify.bundle.log": (*_BUNDLES, "verifier/test_bars.py"),
    "verify.verified": ("verify/test_parts.py",),
    "wire.base64url": ("binding/test_requests.py",),
    "wire.history": ("wire/test_history.py",),
    "wire.merkle": ("binding/test_merkle.py", "binding/test_refusals.py"),
    "wire.toml": _DOCUMENT,
}
"""Modules that no table of cases holds, and the tests that notice each check that is left out."""

_AT_THE_LIMIT: Final = "a limit on memory, in bytes: whether the last of them counts is no matter"
_ENDS_OF_A_RANGE: Final = "a key at either end of 2^256 numbers: no test draws one"

SURVIVORS: Final[dict[str, dict[str, str]]] = {
    "crypto.crl": {
        "Crl.__init__: gt to gte in len(der) > CRL_MAX_BYTES": _AT_THE_LIMIT,
        "Crl.__init__: if one.oid.dotted_string not in _KNOWN": (
            "without it more is refused: known extensions too, where they are critical"
        ),
    },
    "crypto.x509": {
        "Certificate.__init__: gt to gte in len(der) > CERTIFICATE_MAX_BYTES": _AT_THE_LIMIT,
    },
    "crypto.p256": dict.fromkeys(
        (
            "PrivateKey.generate: 1 to 2",
            "PrivateKey.generate: 1 to 2 (2)",
            "PrivateKey.generate: add to sub in 1 + wide % (_ORDER - 1)",
            "PrivateKey.generate: sub to add in _ORDER - 1",
        ),
        _ENDS_OF_A_RANGE,
    ),
    "crypto.pss_certificate": {
        "_usage: 0 to 1": "the last bit of keyUsage's first octet is encipherOnly: nobody asks",
    },
    "crypto.cose": {
        "Sign1.parse: of type(value.value) is not list": (
            "what is no array has not the four members that are matched next"
        ),
    },
    "crypto.cose_key": {
        "_form: of type(algorithm) is not int": (
            "algorithms are negative: nothing but an integer that CBOR holds equals one"
        ),
    },
    "evidence.binding.namespace": {
        "ImageDigest.__post_init__: if size is None": (
            "no digest is of the size None: it is refused a line later"
        ),
    },
    "policy.bundle": dict.fromkeys(
        (
            "_appraise: if section is None or boot is None",
            "_appraise: of boot is None",
            "_appraise: of section is None",
        ),
        "a policy without these sections makes no `Wanted`: no bundle gets as far as step 13",
    ),
    "policy.sections": {
        "_choice: if value not in words": (
            "its functions are made when the module is read, before it is left out; without it in "
            "the source, `test_each_key_refuses_what_it_cannot_be` fails"
        ),
    },
    "policy.snp_values": {
        "minima: of not value.keys() <= known": "what is no product is none for the table either",
        "one_of: of not isinstance(value, str)": "what is no text is none of the words",
    },
    "wire.toml": {
        "line_of: of found": "nobody asks for the line of no key; the path wanted is never empty",
    },
    "verify.intel.pck": {
        "_check_chain: if not cas_seen": "it chooses what the trace says of the source, no verdict",
    },
}
"""By module: what is altered, and why that is no matter."""
