# SPDX-License-Identifier: Apache-2.0
"""The running broker: two applications, one thread for the store, in good order to the end."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from troth.broker.database import open_store
from troth.broker.journal import Journal
from troth.broker.keys import load_signing_key
from troth.broker.metrics import BrokerMetrics
from troth.broker.release import Releaser
from troth.broker.service import admin_application, public_application
from troth.broker.settings import Settings
from troth.broker.trust import Trust
from troth.infra.http import HttpServer, bind_tcp, bind_unix
from troth.infra.http.server import stopped

__all__ = ["serve_broker"]


async def serve_broker(settings: Settings, on_ready: Callable[[list[str]], None]) -> None:
    """Serve until SIGTERM or SIGINT.

    Args:
        settings: the configuration.
        on_ready: called with the addresses once connections are accepted.

    Raises:
        UsageError, DriverError: it cannot start; nothing was served then.
    """
    stop = stopped()
    key = load_signing_key(settings.answer_key)
    with ThreadPoolExecutor(1, "store") as thread:
        store = thread.submit(open_store, settings).result()
        try:
            trust, metrics = Trust(settings), BrokerMetrics()
            releaser = Releaser(
                trust=trust,
                store=store,
                journal=Journal(store, thread),
                key=key,
                thread=thread,
            )
            public = HttpServer(public_application(releaser, metrics, store, thread))
            admin = HttpServer(admin_application(store, trust, metrics, thread))
            on_ready(await _listen(settings, public, admin))
            await stop.wait()
            await public.close()
            await admin.close()
        finally:
            thread.submit(store.close).result()


async def _listen(settings: Settings, public: HttpServer, admin: HttpServer) -> list[str]:
    listen, addresses = settings.listen, []
    await admin.listen(bind_unix(Path(settings.admin_socket), mode=0o600))
    if listen.socket:
        await public.listen(bind_unix(Path(listen.socket)))
        addresses.append(f"unix:{listen.socket}")
    if listen.host:
        bound = bind_tcp(listen.host, listen.port, tls=listen.tls)
        scheme = "https" if listen.tls else "http"
        addresses.append(f"{scheme}://{listen.host}:{bound.getsockname()[1]}")
        await public.listen(bound, tls=listen.tls)
    return addresses
