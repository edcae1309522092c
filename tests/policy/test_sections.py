# SPDX-License-Identifier: Apache-2.0
"""The sections of a policy for bundles: each key's values, and the line of what is wrong."""

from __future__ import annotations

import re

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.bundles import AT, Machine, namespace
from tests.refusals import refused
from troth.errors import UsageError
from troth.evidence.binding import Bundle
from troth.policy import parse_policy
from troth.policy.bundle_judgement import BundleOptions, is_bundle_evidence, judge_bundle
from troth.policy.bundle_template import bundle_policy_template
from troth.policy.judgement import BundleView
from troth.verify import AnyValue

MACHINE = Machine.boot()
TEXT = MACHINE.policy_text()
WEEK = 7 * 24 * 3600
KEYS = re.findall(r"^(\w+) = ", TEXT.partition("[boot]")[2], re.MULTILINE)


def wrong(text: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_policy(text.encode(), "p.toml")
    assert caught.value.code == "usage.policy"
    assert said in caught.value.detail, caught.value


def without(key: str) -> str:
    section, rest = TEXT.split("[boot]", 1)
    return section + "[boot]" + re.sub(rf"^{key} = .*\n", "", rest, count=1, flags=re.MULTILINE)


@pytest.mark.parametrize("key", KEYS)
def test_each_key_is_needed(key: str) -> None:
    wrong(without(key), f"lacks {key}; write")


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("value", ["true", "-1", "1.5", '"no such word"', "[[1]]", "{}", "[7]"])
def test_each_key_refuses_what_it_cannot_be(key: str, value: str) -> None:
    wrong(MACHINE.policy_text(**{key: value}), f".{key} (line ")


@pytest.mark.parametrize(
    "one", ["", "any", "sha1:" + "0" * 40, "sha256:" + "0" * 63, "sha256:" + "0" * 96, "absent\\n"]
)
def test_an_image_digest_is_one_of_three_forms_or_absent(one: str) -> None:
    wrong(MACHINE.policy_text(image_digest=f'["{one}"]'), "namespace.image_digest (line ")
    sound = f'["absent", "sha384:{"0" * 96}"]'
    policy = parse_policy(MACHINE.policy_text(image_digest=sound).encode(), "p")
    assert policy.namespaces[0].image_digest == frozenset({"absent", "sha384:" + "0" * 96})


@pytest.mark.parametrize(("age", "holds"), [(0, False), (1, True), (WEEK, True), (WEEK + 1, False)])
def test_a_delegation_is_at_most_a_week_old(age: int, holds: bool) -> None:
    text = MACHINE.policy_text(maximum_age_s=str(age))
    if not holds:
        wrong(text, f"1 to {WEEK} seconds are due")
        return
    delegation = parse_policy(text.encode(), "p").delegation
    assert delegation is not None
    assert delegation.maximum_age_s == age


def test_bundles_need_a_namespace() -> None:
    policy = parse_policy(TEXT.partition("[[namespace]]")[0].encode(), "p.toml")
    with refused("policy.section", r"no section [namespace]"):
        policy.for_bundles()


def test_a_misspelt_key_and_section() -> None:
    wrong(TEXT.replace("alarms = 0", "alarm = 0"), "orchestrator.alarm (line ")
    wrong(TEXT.replace("[orchestrator]", "[orchestrators]"), "'orchestrators' (line ")
    wrong('version = 1\nboot = "any"\n', "[boot] is not a section")
    wrong("version = 1\nnamespace = [1]\n", "[namespace] is not a section")


@pytest.mark.parametrize(
    ("images", "said"),
    [
        ("[]", "1 to 64"),
        ('[{name = "a"}]', "of [tdx] it has mr_td, rtmr0"),
        ('[{name = "", mr_td = "", rtmr0 = "", rtmr1 = "", rtmr2 = ""}]', "name is a text"),
    ],
)
def test_images(images: str, said: str) -> None:
    wrong(MACHINE.policy_text(images=images), said)


def test_two_images_of_one_name() -> None:
    line = next(one for one in TEXT.splitlines() if one.startswith("images = "))
    image = line.removeprefix("images = [").removesuffix("]")
    wrong(MACHINE.policy_text(images=f"[{image}, {image}]"), "two images")


def test_any_is_no_root() -> None:
    wrong(MACHINE.policy_text(before='"any"'), 'register = "none"')


def test_labels_pin_origins_and_stand_once() -> None:
    wrong(MACHINE.policy_text(origin='"any"'), "pins the origin")
    wrong(MACHINE.policy_text(("a", "b", "a")), "two sections")
    wrong(MACHINE.policy_text(("a", "b"), label='"any"'), "stands alone")
    parse_policy(MACHINE.policy_text(label='"any"', origin='"any"').encode(), "p")
    assert len(parse_policy(MACHINE.policy_text(("a", "b")).encode(), "p").namespaces) == 2


def test_one_plain_section_will_do() -> None:
    policy = parse_policy(TEXT.replace("[[namespace]]", "[namespace]").encode(), "p")
    assert len(policy.namespaces) == 1
    assert " ".join(policy.sections) == ("tdx boot root orchestrator namespace delegation claims")


def test_too_many_namespaces() -> None:
    wrong(MACHINE.policy_text(tuple(map(str, range(257)))), "more than 256")


def test_the_template_accepts_its_own_bundle() -> None:
    nonce = bytes(range(16))
    bundle = MACHINE.fresh(nonce, namespace('a "b" \\c\n'))
    text = bundle_policy_template(bundle, 'x\n"evil"')
    for emulated, verdict in (("deny", "denied"), ("accept", "accepted")):
        changed = text.replace('emulated = "deny"', f'emulated = "{emulated}"')
        judgement = judge_bundle(
            bundle.encoded,
            BundleOptions(
                collateral=MACHINE.collateral,
                anchors=MACHINE.anchors,
                at=AT,
                nonce=nonce,
                channel=AnyValue,
                policy=parse_policy(changed.encode(), "t.toml"),
            ),
        )
        assert judgement.verdict == verdict
        assert judgement.step == (13 if verdict == "denied" else msgspec.UNSET)
        assert isinstance(judgement.bundle, BundleView)
        assert judgement.bundle.label == 'a "b" \\c\n'


def test_the_template_of_a_namespace_without_a_model() -> None:
    bundle = MACHINE.fresh(bytes(16), namespace(model=None))
    policy = parse_policy(bundle_policy_template(bundle, "x").encode(), "t.toml")
    assert policy.namespaces[0].profile == frozenset({"absent"})


def test_what_begins_like_a_bundle() -> None:
    data = MACHINE.fresh(bytes(16)).encoded
    assert is_bundle_evidence(data)
    assert Bundle.parse(data).encoded == data
    assert not is_bundle_evidence(MACHINE.tee.quote(bytes(64)))
    assert not is_bundle_evidence(b"")


@given(st.sampled_from(KEYS), st.text(max_size=20))
def test_only_usage_errors_escape(key: str, value: str) -> None:
    try:
        parse_policy(MACHINE.policy_text(**{key: value}).encode("utf-8", "replace"), "p.toml")
    except UsageError:
        return
