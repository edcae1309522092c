# SPDX-License-Identifier: Apache-2.0
"""`troth --version`: what a report of a fault has to name."""

from __future__ import annotations

import platform

import click

from troth import __version__
from troth.crypto.build import library_versions

__all__ = ["version"]


@click.command()
def version() -> None:
    """Print versions of troth, Python and the cryptographic library."""
    library, openssl = library_versions()
    click.echo(f"troth {__version__}")
    click.echo(f"python {platform.python_version()} on {platform.machine()} {platform.system()}")
    click.echo(f"cryptography {library} with {openssl}")
