# SPDX-License-Identifier: Apache-2.0
"""The project's list of failures that a suite must make, row by row, and what makes each here.

A row is held by a row of a table, `kind/group: row` of that kind's `ROWS` (the row's own words
where none stand behind the colon), or by a test, `file.py::test[case]`, where `*` in a case stands
for a family. Several are parted by a bar.
"""

from __future__ import annotations

from typing import Any, Final

__all__ = ["LIST", "names_of"]

_FORMAT: Final = "negative/quote_format:"
_BINDING: Final = "negative/binding:"
_CHAIN: Final = "negative/chain:"
_CRL: Final = "negative/crl:"
_SETS: Final = "negative/collateral:"
_CONTENTS: Final = "negative/collateral_contents:"
_TCB: Final = "negative/tcb:"
_TD: Final = "negative/td_policy:"
_TABLE: Final = "snp/test_certificates.py::"
_TCG: Final = "eventlog/test_tcg.py::"
_FAULT: Final = f"{_TCG}test_each_fault_has_its_code"
_SERVER: Final = "verifier/test_server.py::"
_STATEMENT: Final = "verify_bundle/test_statement.py::"
_CACHE: Final = "verify/test_cache.py::"
_EACH: Final = "test_each_case_of_the_tables_comes_out_the_same"

LIST: Final[dict[str, dict[str, str]]] = {
    "quote format": {
        **dict.fromkeys(
            (
                "version 0, 1, 2, 6, 1024",
                "v3 with TDX TEE",
                "unknown TEE",
                "key type 3",
                "vendor id",
                "v5 type unknown",
                "type and size disagree",
                "header and body TEE disagree",
                "body size beyond input",
                "signature length beyond",
                "signature length below",
                "type-6 length short",
                "slack inside type 6",
                "outer type 5",
                "type 6 nested",
                "certificate length beyond",
                "inner type 1 to 4",
                "trailing garbage",
                "trailing zeros",
                "empty input",
                "64 KiB and more",
            ),
            _FORMAT,
        ),
        "truncation at every byte": "negative/test_quote_format.py::"
        "test_truncation_at_every_byte_is_malformed",
    },
    "binding and signatures": dict.fromkeys(
        (
            "attestation key replaced",
            "QE REPORTDATA zero",
            "second half set",
            "auth data changed",
            "key zero",
            "key off curve",
            "r = s = 0",
            "r or s at least n",
            "QE report signed by other key",
            "QE report field raised",
            "header user data flipped",
            "each body field flipped",
            "(r, n - s) accepted",
        ),
        _BINDING,
    ),
    "chain": {
        **dict.fromkeys(
            (
                "empty",
                "leaf only",
                "no intermediate",
                "no leaf",
                "order changed",
                "own root of Intel's name",
                "broken link",
                "leaf used as CA",
                "PCK issuing PCK",
                "TCB signer in the PCK's place",
                "extra certificate",
                "NUL and CRLF accepted",
                "junk between blocks",
                "each certificate expired",
                "each certificate not yet valid",
                "PCK extension missing",
                "PCK extension truncated",
                "15 components",
                "duplicate entry",
                "component 256",
                "basicConstraints off",
                "unknown critical extension",
            ),
            _CHAIN,
        ),
        "the same under SGX": "sgx/signatures: chain",
    },
    "CRL": {
        **dict.fromkeys(
            (
                "absent",
                "expired",
                "future",
                "no nextUpdate",
                "wrong key",
                "other CA's",
                "root CRL twice",
                "PCK revoked",
                "intermediate revoked",
                "TCB signer revoked",
                "PCK's serial on the root CRL",
                "CRL as PEM",
            ),
            _CRL,
        ),
        "the same under SGX": "sgx/signatures: lists",
    },
    "collateral": {
        **dict.fromkeys(
            (
                "tampered",
                "re-formatted after signing",
                "unusual white space or key order",
                "duplicate JSON keys",
                "signature of the other document",
                "TCB info expired",
                "TCB info future",
                "QE identity expired alone",
                "signer expired",
                "signer's own root",
                "signer under the Platform CA",
                "signer a PCK",
                "signer the Platform CA itself",
                "QVE identity",
                "v2 for TDX",
                "FMSPC differs",
                "PCEID differs",
                "FMSPC lower-case",
                "tcbType 1",
                "floats",
                "huge integers",
                "NaN",
                "deep nesting",
            ),
            _SETS,
        ),
        "SGX set for a TDX quote and back": f"{_SETS} SGX set for a TDX quote | {_SETS} and back | "
        "sgx/collateral: of TDX",
        **dict.fromkeys(
            (
                "component list short",
                "component list empty",
                "component list of 17",
                "levels in another order",
                "duplicate levels",
                "unknown status word",
                "unknown module id",
                "evaluation number below floor",
                "mixed numbers",
            ),
            _CONTENTS,
        ),
        "level list empty": "negative/test_collateral_contents.py::"
        "test_collateral_contents[*level-list-empty]",
    },
    "TCB": {
        "each of 7 platform statuses; QE and module OutOfDate and Revoked × each": f"{_TCB} each "
        "status of platform, module and QE | sgx/collateral: each status",
        **dict.fromkeys(
            (
                "module UpToDate with platform OutOfDate",
                "PCESVN low",
                "one SGX component low",
                "below all levels",
                "TDX_0A against tdx_0a",
                "identities absent",
                "MRSIGNERSEAM",
                "SEAMATTRIBUTES",
                "relaunch, with configuration or without",
                "svn2 below all",
                "advisories union",
            ),
            _TCB,
        ),
        "TDX component 0 or 1 low, with svn[1] > 0 and 0; component 2 low": f"{_TCB} TDX component "
        f"low | {_TCB} the same where svn[1] is 0",
    },
    "QE": {
        **dict.fromkeys(("MISCSELECT", "ATTRIBUTES", "MRSIGNER", "ISVPRODID"), "negative/qe:"),
        "debug": "negative/qe: | sgx/signatures: QE identity",
        "auth data 0, 32, 1000 bytes": "negative/qe: | sgx/signatures: auth data 0, 32, 1000",
    },
    "TD and enclave policy": {
        **dict.fromkeys(
            (
                "DEBUG",
                "other TUD bits",
                "SEPT_VE_DISABLE",
                "MIGRATABLE",
                "PERFMON",
                "unknown attribute bit",
                "MRSERVICETD",
                "REPORTDATA differs",
                "zeros behind 32 bytes",
                "an empty allow-list allows nothing",
            ),
            _TD,
        ),
        "SGX DEBUG": "sgx/enclave_policy:",
        "a nonce of None switches nothing off": "negative/test_td_policy.py::"
        "test_none_is_neither_an_expectation_nor_collateral | tpm/test_binding.py::"
        "test_one_fault_has_one_code[challenge-empty] | cli/test_verify_bundle.py::"
        "test_options_that_do_not_suit",
    },
    "SNP": {
        **dict.fromkeys(
            (
                "size ±1",
                "version 0, 1, 6, 255",
                "each must-be-zero range",
                "CPUID set in v2",
                "mitigation vector in v3",
                "algorithm 2",
                "signature tail",
                "r upper bytes",
                "signing key 7 and reserved",
                "Turin tail",
                "bit 17 clear",
            ),
            "snp/format_cases:",
        ),
        **dict.fromkeys(
            (
                "VCEK and VLEK crossed both ways",
                "product by CPUID against chain",
                "each SPL",
                "FMC differs",
                "chip id differs",
                "zero unmasked",
                "masked",
                "TCB order",
            ),
            "snp/report_cases:",
        ),
        **dict.fromkeys(
            ("leaf from ASVK and ASK crossed", "own ARK", "ARK of another product"),
            "snp/chain_cases:",
        ),
        **dict.fromkeys(
            (
                "leaf with both .4 and .5",
                "leaf with neither",
                "CRL absent",
                "CRL stale",
                "other product's",
                "wrong key",
                "ASK revoked, VLEK chain unaffected",
                "FMC missing",
                "HWID wrapped, accepted",
            ),
            "snp/endorsement_cases:",
        ),
        **dict.fromkeys(
            (
                "launch TCB below policy",
                "VMPL 1, 3, host",
                "debug, migration, SMT",
                "reserved policy bit",
            ),
            "snp/policy_cases:",
        ),
        "unknown platform-info bit, accepted": "snp/sound:",
        "table: huge length, wrap, into header, duplicate, no terminator": f"{_TABLE}"
        f"test_entries_that_lead_elsewhere | {_TABLE}test_a_table_that_is_too_large",
        "table: padding, accepted": f"{_TABLE}test_a_host_may_have_no_certificates",
    },
    "CCA": {
        **dict.fromkeys(
            ("unbound RAK", "truncated hash", "wrong algorithm", "RAK encoded again"),
            "cca/binding:",
        ),
        **dict.fromkeys(
            (
                "each claim missing",
                "each claim of wrong length",
                "each lifecycle page",
                "profile unknown",
            ),
            "cca/claims:",
        ),
        "profiles mixed, accepted": "cca/sound:",
        **dict.fromkeys(
            ("tags", "placement of alg", "duplicates", "trailing bytes", "depth"), "cca/format:"
        ),
    },
    "CoVE": {
        **dict.fromkeys(("each layer signed by each other key", "each state"), "cove/chain:"),
        **dict.fromkeys(("counts 0 and 9", "counts 0 and 19"), "cove/claims:"),
        **dict.fromkeys(
            (
                "submodules swapped",
                "tags",
                "placement of alg",
                "duplicates",
                "trailing bytes",
                "depth",
            ),
            "cove/format:",
        ),
    },
    "TPM and Azure's paravisor": {
        "nonce padded": "tpm/test_binding.py::test_one_fault_has_one_code[challenge-padded] | "
        "azure/test_cases.py::test_one_fault_has_one_code[quote-challenge-padded]",
        "claims unbound": "azure/test_cases.py::test_one_fault_has_one_code[binding-*]",
        "quote by another TPM": "tpm/test_binding.py::"
        "test_one_fault_has_one_code[signed-by-another-tpm] | azure/test_cases.py::"
        "test_one_fault_has_one_code[quote-signed-by-another-tpm]",
        "key that signs anything": "tpm/test_chain.py::test_one_fault_has_one_code[not-restricted]",
        "registers beside the quote": "tpm/test_binding.py::"
        "test_one_fault_has_one_code[register*] | azure/test_cases.py::"
        "test_one_fault_has_one_code[quote-register-changed]",
        "report asked for at another level": "azure/test_cases.py::"
        "test_one_fault_has_one_code[hardware-snp-report-of-level-*]",
    },
    "logs": {
        "digest right, data wrong": f"{_TCG}test_what_of_an_events_data_is_measured",
        "type changed": f"{_TCG}test_a_type_changed_is_not_noticed_by_any_register",
        "second separator": f"{_TCG}test_separators",
        "log cut short": f"{_TCG}test_a_log_cut_anywhere_is_refused_or_a_prefix | "
        "eventlog/test_match.py::test_where_log_and_register_part | "
        "eventlog/test_ima.py::test_a_binary_list_cut_anywhere_is_refused_or_a_prefix",
        "no spec-id event": f"{_FAULT}[no-spec-id]",
        "unknown algorithm": f"{_FAULT}[event-algorithm] | "
        f"{_TCG}test_an_algorithm_that_nobody_computes_is_left_out_and_the_log_is_read",
        "event size beyond the end": f"{_FAULT}[size-beyond]",
        "MR index 0, 5": f"{_FAULT}[mr-index-0] | {_FAULT}[mr-index-5]",
        "IMA violation line": "eventlog/test_ima.py::test_a_violation_extends_ones_in_every_bank",
        "IMA template hash wrong": "eventlog/test_ima.py::"
        "test_a_hash_that_is_not_of_the_fields_is_named",
        "locality event": f"{_TCG}test_the_locality_of_the_start_up_sets_pcr0 | "
        f"{_TCG}test_an_unusable_locality",
    },
    "service level": {
        "replayed nonce": f"{_SERVER}test_replay_in_the_same_process | "
        f"{_SERVER}test_replay_in_another_process_and_after_a_restart",
        "nonce chosen by the attester": f"{_SERVER}test_a_forged_mac_is_refused_at_step_2",
        "our own evidence reflected back": f"{_STATEMENT}test_11_the_channel_with_the_peers_role | "
        f"{_STATEMENT}test_11_the_audience",
        "evidence bound to another TLS key": f"{_STATEMENT}test_11_cnf | "
        "verify_bundle/test_trace.py::test_a_channel_that_is_missing_or_anothers",
        "same quote twice": f"{_SERVER}test_of_replays_in_parallel_exactly_one_wins",
        "nothing quadratic before the first signature check": "tpm/test_evidence.py::"
        "test_twenty_kilobytes_of_selections_are_refused_at_their_count | wire/test_json.py::"
        "test_hostile_text_takes_one_pass | wire/test_text.py::test_hostile_pem_takes_one_pass | "
        "negative/chain: hostile DER",
        "collateral from a hostile cache, old but signed": f"{_CONTENTS} evaluation number below "
        f"floor | {_CONTENTS} mixed numbers",
        "caller's now far away": f"{_CACHE}test_outside_the_window_nothing_is_found | "
        "threats/test_what_is_not_achieved.py::test_the_guests_clock_decides_nothing",
        "collateral floor lowered": f"{_CACHE}test_a_later_list_and_a_higher_floor_are_heeded | "
        "verify/test_parts.py::test_the_floor_keeps_old_collateral_out",
        "cache poisoned by a verdict under another policy": f"{_CACHE}{_EACH} | "
        f"{_CACHE}test_under_other_anchors_nothing_is_found | snp/test_cache.py::{_EACH} | "
        "snp/test_cache.py::"
        "test_a_list_that_is_due_is_missed_though_the_chain_was_seen_without_one",
        "result fields readable before the verdict": "cli/test_verify.py::"
        "test_untrusted_is_4_and_shows_no_facts | verify/test_parts.py::"
        "test_nobody_else_can_make_one",
    },
}
"""By paragraph of the list: each row, and where it is made."""


def names_of(test: Any) -> set[str]:
    """Return the names of a test's cases, where it has one parameter that is a name."""
    marks = [one for one in getattr(test, "pytestmark", ()) if one.name == "parametrize"]
    return {one for mark in marks for one in mark.args[1] if isinstance(one, str)}
