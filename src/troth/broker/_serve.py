# SPDX-License-Identifier: Apache-2.0
"""`troth-broker serve`: the one command that needs what a server imports."""

from __future__ import annotations

import click
import structlog

from troth.broker._options import config_option
from troth.broker.keys import load_signing_key, load_storage_key
from troth.broker.serve import serve_broker
from troth.broker.settings import load_settings
from troth.infra.http import run
from troth.infra.log import Event, start_log
from troth.infra.service import ready

__all__ = ["serve"]


@click.command()
@config_option
@click.option("--check-config", is_flag=True, help="Only say whether the configuration is usable.")
def serve(config: str, check_config: bool) -> None:
    """Serve until SIGTERM or SIGINT. READY on standard output says that it does."""
    settings = load_settings(config)
    if check_config:
        load_storage_key(settings.storage_key)
        load_signing_key(settings.answer_key)
        load_signing_key(settings.log_key)
        if settings.listen.tls is not None:
            settings.listen.tls.context()
        click.echo(f"{config}: usable")
        return
    start_log()

    def listening(addresses: list[str]) -> None:
        structlog.get_logger().info(Event.READY, addresses=addresses)
        ready()

    run(lambda: serve_broker(settings, listening))
