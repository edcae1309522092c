# SPDX-License-Identifier: Apache-2.0
"""Leaks that a daemon could have, planted into a real one: what the survey must find.

`program(NAME)` is a `sitecustomize` that changes trothd's modules before they run.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final, NamedTuple

__all__ = ["LEAKS", "plant"]


class Leak(NamedTuple):
    """A defect.

    Attributes:
        shows: what the survey says of it.
        code: Python that makes it.
    """

    shows: str
    code: str


_START: Final = """
import sys
if "troth.orchestrator" in sys.orig_argv and "serve" in sys.orig_argv:
    from starlette.responses import Response
    from troth.errors import DeniedError, DriverError
    from troth.infra.http import answer
    from troth.orchestrator import api, epoch, namespace, namespaces, statements, view, waiting
    ALL = []
    made = namespace.Namespace.__init__
    def remember(self, *arguments, **more):
        made(self, *arguments, **more)
        ALL.append(self)
    namespace.Namespace.__init__ = remember
    def living():
        return [one for one in ALL if one.is_open and one.label != "root"]
    def other(own):
        return next((one for one in living() if one is not own), own)
"""

LEAKS: Final = {
    "a count of namespaces in health": Leak(
        "present 0: health differs",
        """
    async def health(_):
        return answer({"status": "ok", "namespaces": len(living())})
    api._health = health
""",
    ),
    "a neighbour's name in a refusal": Leak(
        "present: token not granted holds B's label",
        """
    def demand(self, capability):
        if capability not in self.capabilities:
            raise DeniedError("capability.missing", f"{capability}; held by {other(self).label}")
    namespace.Namespace.demand = demand
""",
    ),
    "a neighbour's head in the namespace's own view": Leak(
        "has worked: namespace holds B's head",
        """
    plain = view.namespace_view
    api.namespace_view = lambda one: plain(one) | {"seen": other(one).state.log.head.hex()}
""",
    ),
    "events of all namespaces in the alarms": Leak(
        "has worked 0: bundle, fresh differs",
        """
    plain = epoch.statement_of
    def statement_of(*arguments, **more):
        more["alarms"] += sum(one.state.log.count for one in living()) - 3
        return plain(*arguments, **more)
    epoch.statement_of = statement_of
""",
    ),
    "a tree as high as it is full": Leak(
        "busy 0: bundle, fresh differs",
        """
    plant = epoch.EpochBuilder._plant
    def _plant(self, statements, key):
        object.__setattr__(self._settings, "height", 1 if len(statements) == 1 else 5)
        return plant(self, statements, key)
    epoch.EpochBuilder._plant = _plant
""",
    ),
    "how many ask, in a header": Leak(
        "busy 1: bundle, ",
        """
    SIZE = [0]
    plant = epoch.EpochBuilder._plant
    def _plant(self, statements, key):
        SIZE[0] = len(statements)
        return plant(self, statements, key)
    epoch.EpochBuilder._plant = _plant
    def respond(*arguments, **more):
        return Response(*arguments, headers={"x-epoch": str(SIZE[0])}, **more)
    api.Response = respond
""",
    ),
    "a neighbour's events in the log that is shown": Leak(
        "has worked: bundle, with its log holds B's content",
        """
    plain = epoch.log_part
    def log_part(one, request, state):
        part = plain(one, request, state)
        if part is None or not other(one)._entries:
            return part
        entries = (*part.entries[:-1], other(one)._entries[-1])
        return type(part)(start=part.start, entries=entries)
    epoch.log_part = log_part
""",
    ),
    "a queue that all share": Leak(
        "busy ",
        """
    def add(self, one):
        if any(len(queue) >= 2 for queue in self._of.values()):
            raise DriverError("epoch.waiting", "busy")
        self._of.setdefault(one.namespace.creation.id, waiting.deque()).append(one)
    waiting.Queues.add = add
""",
    ),
    "a neighbour's existence behind a path": Leak(
        "present 0: names B: its path differs",
        """
    plain = api.workload_api
    async def probe(http):
        if http.path_params["label"] in {one.label for one in living()}:
            raise DeniedError("namespace.closed", "not yours")
        return answer({"code": "http.path", "class": "malformed", "detail": ""}, status=404)
    application = api.application
    def extended(routes):
        from starlette.routing import Route
        return application([*routes, Route("/v1/namespaces/{label}", probe)])
    api.application = extended
""",
    ),
}


def plant(directory: Path, leak: str) -> str:
    """Write a leak into a directory and return the directory, for PYTHONPATH."""
    directory.mkdir()
    (directory / "sitecustomize.py").write_text(_START + LEAKS[leak].code, encoding="utf-8")
    return str(directory)
