# SPDX-License-Identifier: Apache-2.0
"""Query strings, read strictly: a path takes the names that it declares, each at most once.

    @takes("audience")
    async def token(request: Request) -> Response:
        audience = query_of(request).get("audience")

`application` puts the reader in front of every route, so a path that declares nothing takes
nothing: a caller who misspelt a name, or gave two values, is told so and not answered about
something else.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from typing import Final, TypeVar
from urllib.parse import unquote_to_bytes

from starlette.requests import Request
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from troth.errors import MalformedError

__all__ = ["hold_to_declared", "parse_query", "query_of", "takes"]

Handler = TypeVar("Handler", bound=Callable[..., object])

_DECLARED: Final = "__query_names__"
_KEPT: Final = "troth.query"
# RFC 3986 §3.4 without what separates: pairs are split at "&" and at the first "=".
_FIELD: Final = re.compile(rb"(?:[A-Za-z0-9._~!$'()*+,;:@/?-]|%[0-9A-Fa-f]{2})*")


def takes(*names: str) -> Callable[[Handler], Handler]:
    """Declare what a handler may be asked with; a method or a plain function."""

    def declare(handler: Handler) -> Handler:
        setattr(handler, _DECLARED, names)
        return handler

    return declare


def query_of(request: Request) -> Mapping[str, str]:
    """Return the values by name; only declared names can be there."""
    found: Mapping[str, str] = request.scope[_KEPT]
    return found


def hold_to_declared(route: BaseRoute) -> None:
    """Put the reader in front of a route."""
    if isinstance(route, Route):
        route.app = _reading(route.app, getattr(route.endpoint, _DECLARED, ()))


def parse_query(raw: bytes, names: Collection[str]) -> dict[str, str]:
    """Return the values of a query string.

    Args:
        raw: as it was received, without its question mark.
        names: those that may stand in it. They are spelt without escapes.

    Raises:
        MalformedError: `http.query`: an unknown name, one that stands twice, or what is neither
            `name=value` nor UTF-8 under its percent signs. A plus sign is a space, as in forms.
    """
    found: dict[str, str] = {}
    for pair in raw.split(b"&") if raw else ():
        name, equals, value = pair.partition(b"=")
        known = next((one for one in names if one.encode() == name), None)
        if known is None:
            raise MalformedError("http.query", f"{name!r} is not asked for here")
        if known in found:
            raise MalformedError("http.query", f"{known} stands twice")
        if not equals or not _FIELD.fullmatch(value):
            raise MalformedError("http.query", f"{known}: not a value")
        found[known] = _text(known, value)
    return found


def _text(name: str, value: bytes) -> str:
    try:
        return unquote_to_bytes(value.replace(b"+", b" ")).decode("utf-8")
    except UnicodeDecodeError:
        raise MalformedError("http.query", f"{name}: not UTF-8") from None


def _reading(app: ASGIApp, names: Collection[str]) -> ASGIApp:
    async def read(scope: Scope, receive: Receive, send: Send) -> None:
        scope[_KEPT] = parse_query(scope["query_string"], names)
        await app(scope, receive, send)

    return read
