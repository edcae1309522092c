# SPDX-License-Identifier: Apache-2.0
"""Event logs: firmware (TCG2, CCEL), IMA, canonical event logs, the attestation agent's.

log = parse_cc_log(data)                                  # MalformedError: the log is unusable
replay(log.extends("sha384"), MAPPINGS["cc"])             # {"rtmr0": …, "rtmr1": …}
match_prefix(log.extends("sha384"), MAPPINGS["cc"], {"rtmr0": …})   # UntrustedError: it is wrong
join(log, parse_ima(more), MAPPINGS["cc"], MAPPINGS["uefi"])  # a log that goes on in another
build_cc_log(events)                                      # the other direction
"""

from troth.evidence.eventlog.aael import AaelLog, parse_aael
from troth.evidence.eventlog.banks import BANKS
from troth.evidence.eventlog.ccel_table import CcelTable
from troth.evidence.eventlog.cel import CelLog
from troth.evidence.eventlog.cel_json import parse_cel_json
from troth.evidence.eventlog.cel_tlv import parse_cel_tlv
from troth.evidence.eventlog.columns import Extends, Log
from troth.evidence.eventlog.detect import parse_log
from troth.evidence.eventlog.examination import Data, Examination, Finding
from troth.evidence.eventlog.ima import ImaList
from troth.evidence.eventlog.ima_ascii import parse_ima_ascii
from troth.evidence.eventlog.ima_binary import parse_ima_binary
from troth.evidence.eventlog.ima_build import build_ima_ascii, build_ima_binary
from troth.evidence.eventlog.ima_parse import parse_ima
from troth.evidence.eventlog.joined import JoinedLog, join
from troth.evidence.eventlog.mapping import MAPPINGS, RegisterMap
from troth.evidence.eventlog.match import (
    RegisterMatch,
    compare,
    first_difference,
    match_prefix,
    proven,
)
from troth.evidence.eventlog.replay import replay
from troth.evidence.eventlog.report import ReplayReport, replay_report
from troth.evidence.eventlog.tcg import parse_cc_log, parse_tpm_log
from troth.evidence.eventlog.tcg_build import build_cc_log, build_sha1_log, build_tpm_log
from troth.evidence.eventlog.tcg_log import TcgEvent, TcgLog

__all__ = [
    "BANKS",
    "MAPPINGS",
    "AaelLog",
    "CcelTable",
    "CelLog",
    "Data",
    "Examination",
    "Extends",
    "Finding",
    "ImaList",
    "JoinedLog",
    "Log",
    "RegisterMap",
    "RegisterMatch",
    "ReplayReport",
    "TcgEvent",
    "TcgLog",
    "build_cc_log",
    "build_ima_ascii",
    "build_ima_binary",
    "build_sha1_log",
    "build_tpm_log",
    "compare",
    "first_difference",
    "join",
    "match_prefix",
    "parse_aael",
    "parse_cc_log",
    "parse_cel_json",
    "parse_cel_tlv",
    "parse_ima",
    "parse_ima_ascii",
    "parse_ima_binary",
    "parse_log",
    "parse_tpm_log",
    "proven",
    "replay",
    "replay_report",
]
