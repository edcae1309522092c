# SPDX-License-Identifier: Apache-2.0
"""The page on HTTP has each path, member and bound that the code has, and no other."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from starlette.applications import Starlette
from starlette.routing import Route

from tools import house
from troth.broker import release
from troth.broker.service import admin_application, public_application
from troth.errors import MalformedError
from troth.evidence.binding import Request, request
from troth.evidence.model import a1
from troth.orchestrator import admin, api
from troth.orchestrator.configuration import NamespaceSettings
from troth.verifier.app import make_app
from troth.wire import base64url, json

PAGE = (house.ROOT / "docs" / "reference" / "http.md").read_text(encoding="utf-8")
ROW = re.compile(r"\| `(?P<name>\w+)` \| (?P<due>yes|no) \| (?P<type>\w+) \| (?P<rest>.*) \|")
BODIES: dict[str, tuple[type[msgspec.Struct], int]] = {
    "POST /v1/evidence": (request.JsonRequest, request.REQUEST_JSON_MAX_BYTES),
    "POST /v1/events": (api.EventRequest, api.EVENT_MAX_BYTES),
    "POST /v1/namespaces": (NamespaceSettings, admin.CREATION_MAX_BYTES),
    "POST /v1/secret/{path:path}": (release.SecretRequest, release.REQUEST_MAX_BYTES),
}


def sections() -> dict[str, dict[str, str]]:
    """Return the text below each path, by program."""
    found: dict[str, dict[str, str]] = {}
    for part in PAGE.split("\n## ")[1:]:
        program, *paths = part.split("\n### ")
        found[program.split("\n")[0]] = {one.partition("\n")[0].strip("`"): one for one in paths}
    return found


def members(text: str) -> dict[str, re.Match[str]]:
    return {row["name"]: row for row in ROW.finditer(text)}


def applications() -> dict[str, Starlette]:
    """Return the applications, with nothing behind them: only their routes are looked at."""
    anything: Any = SimpleNamespace(metrics=SimpleNamespace(refusals=None))
    with ThreadPoolExecutor(1) as thread:
        return {
            "trothd, a namespace's socket": api.workload_api(anything).routed,
            "trothd, the administrator's socket": admin.admin_api(anything),
            "troth-verifier": make_app(anything, bundle_bytes=4096),
            "troth-broker": public_application(anything, anything, anything, thread),
            "troth-broker, the administrator's socket": admin_application(
                anything, anything, anything, thread
            ),
        }


def routes(app: Starlette) -> dict[str, Route]:
    return {
        f"{min((one.methods or {'GET'}) - {'HEAD'})} {one.path}": one
        for one in app.routes
        if isinstance(one, Route)
    }


def test_every_path_is_there_and_no_other() -> None:
    assert {name: set(paths) for name, paths in sections().items()} == {
        name: set(routes(app)) for name, app in applications().items()
    }


def test_every_query_is_there_and_no_other() -> None:
    pages = sections()
    for name, app in applications().items():
        for path, route in routes(app).items():
            rows = members(pages[name][path])
            told = {one for one, row in rows.items() if row["type"] == "query"}
            assert told == set(getattr(route.endpoint, "__query_names__", ())), path


@pytest.mark.parametrize("path", BODIES)
def test_every_member_of_a_body_is_there_and_no_other(path: str) -> None:
    (text,) = [paths[path] for paths in sections().values() if path in paths]
    struct, most = BODIES[path]
    rows = members(text)
    fields = msgspec.structs.fields(struct)
    assert {name: row["due"] == "yes" for name, row in rows.items()} == {
        one.encode_name: one.required for one in fields
    }
    assert f"at most {most:,}" in text


def bounds(path: str, member: str) -> tuple[int, int]:
    (text,) = [paths[path] for paths in sections().values() if path in paths]
    found = re.match(r"(\d+) to (\d+) bytes", members(text)[member]["rest"])
    assert found is not None
    return int(found[1]), int(found[2])


@pytest.mark.parametrize("member", ["nonce", "audience", "user_data"])
def test_the_bounds_of_a_request_are_those_that_are_told(member: str) -> None:
    least, most = bounds("POST /v1/evidence", member)
    good = {"nonce": base64url.encode(bytes(16)), "audience": "a"}

    def ask(size: int) -> Request:
        value = "a" * size if member == "audience" else base64url.encode(bytes(size))
        return Request.parse_json(json.encode(good | {member: value}))

    for size in (least, most):
        ask(size)
    for size in (least - 1, most + 1):
        with pytest.raises(MalformedError):
            ask(size)


@pytest.mark.parametrize("member", ["domain", "operation", "content"])
def test_the_bounds_of_an_event_are_those_that_are_told(member: str) -> None:
    least, most = bounds("POST /v1/events", member)
    good = {"domain": "d", "operation": "o", "content": "c"}
    for size in (least, most):
        a1.point_of(*(good | {member: "x" * size}).values())
    for size in {least - 1, most + 1} - {-1}:
        with pytest.raises(MalformedError):
            a1.point_of(*(good | {member: "x" * size}).values())


def test_the_bounds_of_a_nonce_for_the_broker_are_those_that_are_told() -> None:
    least, most = bounds("POST /v1/secret/{path:path}", "nonce")
    for size, is_good in ((least - 1, False), (least, True), (most, True), (most + 1, False)):
        body = json.encode({"token": "t", "nonce": base64url.encode(bytes(size))})
        if is_good:
            release.parse_request(body)
            continue
        with pytest.raises(MalformedError):
            release.parse_request(body)
