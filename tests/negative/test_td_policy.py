# SPDX-License-Identifier: Apache-2.0
"""TD policy: genuine quotes that are not wanted, and expectations that are never a prefix."""

from __future__ import annotations

import dataclasses
from functools import partial
from typing import Any, Final

import pytest
from msgspec.structs import replace

from tests.negative.table import (
    BUNDLE,
    QUOTE,
    SOUND,
    TEE,
    Accepted,
    Case,
    Given,
    Table,
    body,
    document,
    info,
    levels,
    on,
    quoted,
    settle,
)
from tests.tdx import AT, REPORT_DATA
from troth.crypto.x509 import Certificate
from troth.endorse.intel import parse_bundle
from troth.evidence.tdx import TdxQuote
from troth.policy import policy_template
from troth.tsm.emulated.tdx.settings import Module
from troth.verify import Anchor, Anchors, WithoutCollateral
from troth.verify.tdx import verify_tdx

POLICY: Final = policy_template(TdxQuote.parse(QUOTE), "the sound quote")
SEPT_VE_DISABLE: Final = 1 << 28
ONES: Final = b"\1" * 48
# The keys of a policy that are lists of what is accepted, and the code that each ends with.
LISTS: Final = {
    "status": "policy.status",
    "advisories_allowed": "policy.advisory",
    "xfam": "policy.attributes",
    "mr_td": "policy.measurement",
    "mr_seam": "policy.measurement",
    "mr_config_id": "policy.measurement",
    "mr_owner": "policy.measurement",
    "mr_owner_config": "policy.measurement",
    "rtmr0": "policy.measurement",
    "rtmr1": "policy.measurement",
    "rtmr2": "policy.measurement",
    "rtmr3": "policy.measurement",
    "mr_service_td": "policy.service-td",
    "report_data": "policy.report-data",
}
MEASURED: Final = [name for name, code in LISTS.items() if code == "policy.measurement"]


def policy(**keys: str) -> bytes:
    """Return the policy that the sound quote's template is, with other values of some keys."""
    lines = POLICY.splitlines()
    for key, value in keys.items():
        (at,) = (n for n, line in enumerate(lines) if line.startswith(f"{key} = "))
        lines[at] = f"{key} = {value}"
    return "\n".join(lines).encode()


def under(given: Given, **keys: str) -> Given:
    return dataclasses.replace(given, policy=policy(**keys))


def attributes(bits: int, **keys: str) -> Given:
    """A TD of these TDATTRIBUTES, under the policy."""
    return under(body(td_attributes=bits.to_bytes(8, "little")), **keys)


def another(field: str) -> Given:
    return under(body(4, **{field: ONES}), mr_seam=hexes(SOUND.module.mr_seam))


def hexes(*values: str) -> str:
    return "[" + ", ".join(f'"{one}"' for one in values) + "]"


def service_td(value: bytes, accepted: str) -> Given:
    return under(body(5, mr_service_td=value), mr_service_td=accepted)


def advised() -> Given:
    """An up-to-date platform to which an advisory applies."""
    return info(lambda one: levels(one)[0].update(advisoryIDs=["INTEL-SA-00001"]))


def status(word: str, accepted: str) -> Given:
    return under(info(lambda one: levels(one)[0].update(tcbStatus=word)), status=accepted)


def expecting(expected: bytes, carried: bytes = REPORT_DATA) -> Given:
    """What the caller expects of the report data, beside what the quote carries."""
    given = quoted(body=lambda one: replace(one, report_data=carried))
    return dataclasses.replace(given, report_data=expected)


def relaunched(accepted: str) -> Given:
    module = Module(tee_tcb_svn="06010400" + "00" * 12)
    given = on(replace(SOUND, module=module), version=5)
    return under(given, status=accepted, mr_service_td='"any"')


def bits(name: str, numbers: range | tuple[int, ...], code: str) -> dict[str, Case]:
    return {
        f"{name}-bit-{n}": (partial(attributes, SEPT_VE_DISABLE | 1 << n), code) for n in numbers
    }


PREFIX: Final = REPORT_DATA[:32]

CASES: Final[Table] = {
    "sound-under-its-template": (lambda: under(Given()), Accepted()),
    "sound-under-a-policy-of-anything": (
        lambda: under(Given(), **dict.fromkeys(LISTS, '"any"')),
        Accepted(),
    ),
    # TDATTRIBUTES.
    "debug": (lambda: attributes(SEPT_VE_DISABLE | 1), "policy.debug"),
    "debug-allowed-by-name": (
        lambda: attributes(SEPT_VE_DISABLE | 1, debug='"any"'),
        Accepted(),
    ),
    **bits("under-debug", range(1, 8), "policy.debug"),
    "sept-ve-disable-clear": (lambda: attributes(0), "policy.attributes"),
    "sept-ve-disable-not-required": (
        lambda: attributes(0, attributes_required="[]"),
        Accepted(),
    ),
    "migratable": (lambda: attributes(SEPT_VE_DISABLE | 1 << 29), "policy.attributes"),
    "pks": (lambda: attributes(SEPT_VE_DISABLE | 1 << 30), "policy.attributes"),
    "key-locker": (lambda: attributes(SEPT_VE_DISABLE | 1 << 31), "policy.attributes"),
    "perfmon": (lambda: attributes(SEPT_VE_DISABLE | 1 << 63), "policy.attributes"),
    "perfmon-allowed-by-name": (
        lambda: attributes(SEPT_VE_DISABLE | 1 << 63, attributes_allowed='["PERFMON"]'),
        Accepted(),
    ),
    **bits("unknown-attribute", (8, 16, 27, 32, 62), "policy.attributes"),
    "unknown-attribute-with-any": (
        lambda: attributes(SEPT_VE_DISABLE | 1 << 62, attributes_allowed='"any"'),
        Accepted(),
    ),
    "no-attribute-allowed": (
        lambda: attributes(SEPT_VE_DISABLE, attributes_required="[]", attributes_allowed="[]"),
        "policy.attributes",
    ),
    "xfam": (lambda: under(body(xfam=b"\1" * 8)), "policy.attributes"),
    # Measurements, registers, service TD.
    **{
        f"{name.replace('_', '-')}-differs": (partial(another, name), "policy.measurement")
        for name in MEASURED
    },
    "service-td-where-none-is-due": (lambda: service_td(ONES, '["absent"]'), "policy.service-td"),
    "service-td-absent-where-zero-is-due": (
        lambda: under(Given(), mr_service_td=hexes("00" * 48)),
        "policy.service-td",
    ),
    "service-td-zero-where-absent-is-due": (
        lambda: service_td(bytes(48), '["absent"]'),
        "policy.service-td",
    ),
    "service-td-another": (lambda: service_td(ONES, hexes("00" * 48)), "policy.service-td"),
    "service-td-accepted": (lambda: service_td(ONES, hexes(ONES.hex())), Accepted()),
    # Report data: of the caller, then of the policy.
    "report-data-differs": (lambda: expecting(REPORT_DATA[:63] + b"\0"), "tdx.report-data"),
    "report-data-of-another": (lambda: expecting(bytes(64)), "tdx.report-data"),
    "report-data-prefix-of-32": (lambda: expecting(PREFIX), "tdx.report-data"),
    "report-data-prefix-of-none": (lambda: expecting(b""), "tdx.report-data"),
    "report-data-32-and-zeros": (lambda: expecting(PREFIX, PREFIX + bytes(32)), Accepted()),
    "report-data-32-and-not-only-zeros": (
        lambda: expecting(PREFIX, PREFIX + bytes(31) + b"\1"),
        "tdx.report-data",
    ),
    "report-data-longer-than-a-report": (
        lambda: expecting(REPORT_DATA + b"\0"),
        "tdx.report-data",
    ),
    "report-data-of-the-policy-differs": (
        lambda: under(Given(), report_data=hexes("00" * 64)),
        "policy.report-data",
    ),
    "report-data-of-the-policy-a-prefix": (
        lambda: under(Given(), report_data=hexes(PREFIX.hex())),
        "policy.report-data",
    ),
    "report-data-of-the-policy": (
        lambda: under(Given(), report_data=hexes(REPORT_DATA.hex())),
        Accepted(),
    ),
    "report-data-differs-under-a-policy-of-any": (
        lambda: under(expecting(bytes(64)), report_data='"any"'),
        "tdx.report-data",
    ),
    # An empty list accepts nothing.
    **{
        f"empty-{key.replace('_', '-')}": (
            partial(under, advised() if key == "advisories_allowed" else Given(), **{key: "[]"}),
            code,
        )
        for key, code in LISTS.items()
    },
    # The platform.
    **{
        f"status-{word}": (partial(status, word, '["UpToDate"]'), "policy.status")
        for word in (
            "SWHardeningNeeded",
            "ConfigurationNeeded",
            "ConfigurationAndSWHardeningNeeded",
            "OutOfDate",
            "OutOfDateConfigurationNeeded",
        )
    },
    "status-accepted-by-name": (
        lambda: status("SWHardeningNeeded", '["SWHardeningNeeded"]'),
        Accepted("SWHardeningNeeded"),
    ),
    "status-is-a-set-and-no-order": (
        lambda: status("UpToDate", '["OutOfDate", "SWHardeningNeeded"]'),
        "policy.status",
    ),
    "status-revoked-under-any": (lambda: status("Revoked", '"any"'), "tcb.revoked"),
    "status-relaunch-advised": (lambda: relaunched('["UpToDate"]'), "policy.status"),
    "status-unknown-without-collateral": (
        lambda: under(Given(bundles=WithoutCollateral)),
        "policy.status",
    ),
    "number-unknown-without-collateral": (
        lambda: under(
            Given(bundles=WithoutCollateral), status='["unknown"]', minimum_evaluation_number="0"
        ),
        "policy.evaluation-number",
    ),
    "advisory-not-allowed": (
        lambda: under(advised(), advisories_allowed='["INTEL-SA-00002"]'),
        "policy.advisory",
    ),
    "advisory-denied": (
        lambda: under(advised(), advisories_denied='["INTEL-SA-00001"]'),
        "policy.advisory",
    ),
    "advisory-denied-though-allowed": (
        lambda: under(
            advised(),
            advisories_allowed='["INTEL-SA-00001"]',
            advisories_denied='["INTEL-SA-00001"]',
        ),
        "policy.advisory",
    ),
    "advisory-allowed": (
        lambda: under(advised(), advisories_allowed='["INTEL-SA-00001"]'),
        Accepted(advisories=("INTEL-SA-00001",)),
    ),
    "evaluation-number-below-the-minimum": (
        lambda: under(Given(), minimum_evaluation_number="21"),
        "policy.evaluation-number",
    ),
    "evaluation-number-mixed-below-the-minimum": (
        lambda: under(
            document("qe_identity", tcbEvaluationDataNumber=19), minimum_evaluation_number="20"
        ),
        "policy.evaluation-number",
    ),
    "evaluation-number-at-the-minimum": (
        lambda: under(Given(), minimum_evaluation_number="20"),
        Accepted(),
    ),
    "policy-without-a-section": (lambda: Given(policy=b"version = 1\n"), "policy.section"),
    "forged-and-unwanted": (
        lambda: under(dataclasses.replace(Given(), quote=QUOTE[:-1]), rtmr0="[]"),
        "quote.signature-length",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_td_policy(name: str) -> None:
    settle(CASES[name])


def test_none_is_neither_an_expectation_nor_collateral() -> None:
    nothing: Any = None
    sound: dict[str, Any] = {
        "collateral": (parse_bundle(BUNDLE, "sound"),),
        "anchors": Anchors([Anchor.of(Certificate(TEE.pki.certificates["root"]))]),
        "at": AT,
        "report_data": REPORT_DATA,
    }
    verify_tdx(QUOTE, **sound)
    for name in ("collateral", "anchors", "at", "report_data"):
        with pytest.raises((TypeError, AttributeError)):
            verify_tdx(QUOTE, **(sound | {name: nothing}))
