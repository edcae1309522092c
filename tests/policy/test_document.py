# SPDX-License-Identifier: Apache-2.0
"""A policy file says everything or is refused, with file, key and line."""

from __future__ import annotations

import re
from typing import Final

import msgspec
import pytest

from tests.refusals import refused
from tests.tdx import AT, REPORT_DATA
from troth.errors import UsageError
from troth.evidence.tdx import TdxQuote
from troth.policy import Policy, TdxPolicy, parse_policy, policy_template
from troth.policy.document import POLICY_MAX_BYTES
from troth.tsm.emulated.tdx import SoftwareTdx
from troth.verify import AnyValue

QUOTE: Final = TdxQuote.parse(SoftwareTdx.create(at=AT).quote(REPORT_DATA, version=5))
SOUND: Final = policy_template(QUOTE, "quote.bin")
KEYS: Final = TdxPolicy.__struct_fields__


def parsed(text: str) -> TdxPolicy:
    policy = parse_policy(text.encode(), "p.toml")
    assert policy.tdx is not None
    return policy.tdx


def with_value(key: str, value: str) -> str:
    """Return the sound policy with another value for `key`."""
    text, count = re.subn(rf"(?m)^{key} = .*$", f"{key} = {value}", SOUND)
    assert count == 1
    return text


def line_of(text: str, start: str) -> int:
    return next(n for n, line in enumerate(text.splitlines(), 1) if line.startswith(start))


def test_the_sound_one_is_read_whole() -> None:
    policy = parsed(SOUND)
    assert policy.status == frozenset({"UpToDate"})
    assert policy.advisories_allowed is AnyValue
    assert policy.advisories_denied == frozenset()
    assert policy.debug == "forbid"
    assert policy.attributes_required == frozenset({"SEPT_VE_DISABLE"})
    assert policy.mr_td == frozenset({QUOTE.body.mr_td})
    assert policy.mr_service_td == frozenset({bytes(48)})
    assert policy.minimum_evaluation_number is AnyValue
    assert policy.report_data is AnyValue


def test_no_section_is_a_policy_that_accepts_nothing() -> None:
    assert parse_policy(b"version = 1\n", "p") == Policy(name="p", tdx=None)


@pytest.mark.parametrize("version", ["true", "2", "0", "-1", '"1"', "1.0", "[1]", None], ids=str)
def test_another_version_is_refused(version: str | None) -> None:
    line = "" if version is None else f"version = {version}\n"
    with refused("usage.policy", "p.toml: version = 1 is due"):
        parse_policy((line + SOUND.replace("version = 1\n", "")).encode(), "p.toml")


@pytest.mark.parametrize("key", KEYS)
def test_a_missing_key_is_named(key: str) -> None:
    text = re.sub(rf"(?m)^{key} = .*\n", "", SOUND)
    where = f"p.toml: [tdx] (line {line_of(text, '[tdx]')}) lacks {key}; "
    with refused("usage.policy", where):
        parse_policy(text.encode(), "p.toml")


@pytest.mark.parametrize("key", KEYS)
def test_a_misspelt_key_is_named_with_its_line(key: str) -> None:
    text = re.sub(rf"(?m)^{key} = ", f"{key}x = ", SOUND)
    where = f"p.toml: tdx.{key}x (line {line_of(text, key + 'x')}) is unknown"
    with refused("usage.policy", where):
        parse_policy(text.encode(), "p.toml")


@pytest.mark.parametrize(
    ("text", "where"),
    [
        (
            "version = 1\n\n[sev]\na = 1\n",
            "p.toml: 'sev' (line 3) is unknown; known are [tdx], [sgx], [snp]",
        ),
        ('version = 1\n["sev"] # x\n', "p.toml: 'sev' (line 2) is unknown"),
        ("version = 1\n[ sev ]\n", "p.toml: 'sev' (line 2) is unknown"),
        ("version = 1\nnote = 3\n", "p.toml: 'note' (line 2) is unknown"),
        ('version = 1\n"note" = 3\n', "p.toml: 'note' (line 2) is unknown"),
        ("version = 1\nnote.a = 3\n", "p.toml: 'note' (line 2) is unknown"),
        ("version = 1\nsev = {}\n", "p.toml: 'sev' (line 2) is unknown"),
        ("version = 1\n[[sev]]\n", "p.toml: 'sev' is unknown"),
    ],
    ids=["section", "quoted", "spaced", "key", "quoted-key", "dotted", "inline", "array"],
)
def test_an_unknown_section_or_key_is_named(text: str, where: str) -> None:
    with refused("usage.policy", where):
        parse_policy(text.encode(), "p.toml")


@pytest.mark.parametrize("text", ["tdx = 1", 'tdx = "any"', "[[tdx]]"])
def test_a_section_that_is_none(text: str) -> None:
    with refused("usage.policy", "p.toml: [tdx] is not a section"):
        parse_policy(f"version = 1\n{text}\n".encode(), "p.toml")


LISTS: Final = sorted(set(KEYS) - {"debug", "minimum_evaluation_number"})
HEX_48: Final = (
    "mr_td",
    "mr_seam",
    "mr_config_id",
    "mr_owner",
    "mr_owner_config",
    "rtmr0",
    "rtmr3",
)


@pytest.mark.parametrize("key", LISTS)
@pytest.mark.parametrize("value", ["1", "true", '"all"', "[1]", '["00", 1]', "{}", "1979-05-27"])
def test_another_type_than_a_list_of_strings(key: str, value: str) -> None:
    text = with_value(key, value)
    where = f"p.toml: tdx.{key} (line {line_of(text, key)}): a list of strings is due"
    with refused("usage.policy", where):
        parse_policy(text.encode(), "p.toml")


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("status", '["UptoDate"]', "UptoDate: not one of "),
        ("status", '["Revoked"]', "Revoked: not one of "),
        ("attributes_required", '["DEBUG"]', "DEBUG: not one of "),
        ("attributes_required", '"any"', "a list of strings is due"),
        ("attributes_allowed", '["BIT_9"]', "BIT_9: not one of "),
        ("advisories_denied", '"any"', "a list of strings is due"),
        ("debug", '"allow"', '"forbid" or "any" is due'),
        ("debug", "false", '"forbid" or "any" is due'),
        ("debug", '["forbid"]', '"forbid" or "any" is due'),
        ("minimum_evaluation_number", "-1", 'a number or "any" is due'),
        ("minimum_evaluation_number", "4294967296", 'a number or "any" is due'),
        ("minimum_evaluation_number", "true", 'a number or "any" is due'),
        ("minimum_evaluation_number", "19.0", 'a number or "any" is due'),
        ("minimum_evaluation_number", '"19"', 'a number or "any" is due'),
        ("xfam", '["00"]', "1 bytes where 8 are due"),
        *((key, '["00"]', "1 bytes where 48 are due") for key in HEX_48),
        ("mr_td", '["any"]', "'any': "),
        ("mr_td", '["absent"]', "'absent': "),
        ("mr_td", '[""]', "0 bytes where 48 are due"),
        ("mr_service_td", '["gone"]', "'gone': "),
        ("report_data", f'["{"00" * 65}"]', "1 to 64 bytes are due"),
        ("report_data", '[""]', "1 to 64 bytes are due"),
        ("report_data", '["0"]', "'0': "),
    ],
)
def test_a_value_that_cannot_be(key: str, value: str, said: str) -> None:
    text = with_value(key, value)
    where = f"p.toml: tdx.{key} (line {line_of(text, key)}): "
    with pytest.raises(UsageError) as caught:
        parse_policy(text.encode(), "p.toml")
    assert caught.value.code == "usage.policy"
    assert caught.value.detail.startswith(where)
    assert said in caught.value.detail


@pytest.mark.parametrize("key", sorted(set(KEYS) - {"advisories_denied", "attributes_required"}))
def test_any_is_the_word_for_not_comparing(key: str) -> None:
    value = getattr(parsed(with_value(key, '"any"')), key)
    assert value == "any" if key == "debug" else value is AnyValue


@pytest.mark.parametrize("key", LISTS)
def test_an_empty_list_stays_empty(key: str) -> None:
    assert getattr(parsed(with_value(key, "[]")), key) == frozenset()


def test_several_values_in_either_case() -> None:
    values = f'["{"ab" * 48}", "{"AB" * 48}", "{"cd" * 48}"]'
    assert parsed(with_value("mr_td", values)).mr_td == frozenset({b"\xab" * 48, b"\xcd" * 48})


def test_short_report_data_has_zeros_behind_it() -> None:
    policy = parsed(with_value("report_data", '["ab", "ab00", "cd"]'))
    assert policy.report_data == frozenset({b"\xab" + bytes(63), b"\xcd" + bytes(63)})


@pytest.mark.parametrize("least", [0, 19, 65536])
def test_a_minimum_is_a_number(least: int) -> None:
    text = with_value("minimum_evaluation_number", str(least))
    assert parsed(text).minimum_evaluation_number == least


def test_an_absent_service_td_is_a_word() -> None:
    values = f'["absent", "{"00" * 48}"]'
    assert parsed(with_value("mr_service_td", values)).mr_service_td == frozenset({b"", bytes(48)})


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"version = 1\nversion = 1\n", "p.toml: "),
        (b"version == 1", "p.toml: "),
        (b"version = 1\n# \xff", "p.toml: "),
        (b"\xef\xbb\xbfversion = 1\n", "p.toml: "),
        (b"version = 1\n[tdx]\n[tdx]\n", "p.toml: "),
        (b"a = " + b"[" * 20_000, "p.toml: "),
        (b"#" * (POLICY_MAX_BYTES + 1), "p.toml: more than 262144 bytes"),
        (b"", "p.toml: version = 1 is due"),
    ],
    ids=["twice", "syntax", "utf-8", "bom", "section-twice", "deep", "large", "empty"],
)
def test_what_is_no_policy(data: bytes, said: str) -> None:
    with refused("usage.policy", said):
        parse_policy(data, "p.toml")


def test_a_policy_cannot_be_changed_once_read() -> None:
    with pytest.raises(AttributeError):
        parsed(SOUND).debug = "any"  # type: ignore[misc]  # that it cannot is the test


def test_the_template_is_as_commented_as_promised() -> None:
    lines = SOUND.splitlines()
    assert lines[0].startswith("# Policy for `troth verify --policy`")
    assert "claims of quote.bin: this file was written without verifying it" in SOUND
    assert {line.partition(" = ")[0] for line in lines if " = " in line and line[0] != "#"} == {
        "version",
        *KEYS,
    }


def test_the_template_survives_any_name_and_any_attributes() -> None:
    strange = policy_template(QUOTE, 'a"b\n[evil]\x07')
    assert 'a"b?[evil]?' in strange
    assert parsed(strange) == parsed(SOUND)
    bits = msgspec.structs.replace(QUOTE.body, td_attributes=b"\1\xff\xff\xff\xff\xff\xff\xff")
    text = policy_template(msgspec.structs.replace(QUOTE, body=bits), "x")
    assert parsed(text).attributes_allowed == frozenset(
        {"KL", "MIGRATABLE", "PERFMON", "PKS", "SEPT_VE_DISABLE"}
    )
    bits = msgspec.structs.replace(QUOTE.body, td_attributes=bytes(8))
    text = policy_template(msgspec.structs.replace(QUOTE, body=bits), "x")
    assert parsed(text).attributes_required == frozenset()
