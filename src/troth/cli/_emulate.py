# SPDX-License-Identifier: Apache-2.0
"""`troth emulate`: software TEEs, for trying things and for tests. Nothing here imports one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import click

from troth.cli import _emulate_help as said
from troth.cli._views import UnseenGroup, View, ViewGroup
from troth.infra.commands import DeferredCommand, LazyGroup

__all__ = ["emulate"]

_SVSM: Final = click.Option(
    ["--svsm"],
    is_flag=True,
    help="Put an SVSM below the new guest: it runs at privilege level 2, and entries have the "
    "attributes of a service. With --tee the directory says whether there is one.",
)
_VIEWS: Final = (
    (
        View(
            word="tdx",
            name="TDX",
            evidence="quote",
            anchor="root.pem and collateral.json",
            difference="6.12 has no measurement registers, reports of up to 32 KiB, "
            "and an empty one where the host failed to make a quote.",
        ),
        said.TDX,
    ),
    (
        View(
            word="snp",
            name="SNP",
            evidence="report",
            anchor="root.pem and collateral.json",
            difference="6.12 has blobs of up to 32 KiB.",
            options=(_SVSM,),
        ),
        said.SNP,
    ),
    (
        View(
            word="cca",
            name="CCA",
            evidence="token",
            anchor="cpak.json",
            kernels=("7.3",),
            difference="6.12 has no driver for CCA.",
        ),
        said.CCA,
    ),
    (
        View(
            word="cove",
            name="CoVE",
            evidence="token",
            anchor="roots.json",
            difference="No kernel has CoVE; this is whose configfs-tsm is around it. "
            "6.12 has blobs of up to 32 KiB.",
        ),
        said.COVE,
    ),
)
_UNSEEN: Final = (
    ("sgx", said.SGX, "configfs-tsm has no provider of SGX"),
    ("tpm", said.TPM, "a TPM is /dev/tpmrm0; swtpm is one in software"),
    ("azure", said.AZURE, "the paravisor's report lies in an index of the vTPM; swtpm is one"),
)

# Of each command the first paragraph of its help, by kind and module.
_COMMANDS: Final[Mapping[tuple[str, str], Mapping[str, str]]] = {
    ("tdx", "_tdx"): {
        "init": "Make a software TDX in DIRECTORY, which must be new or empty.",
        "quote": "Make a quote of the software TDX in DIRECTORY.",
        "extend": "Extend a measurement register of the software TDX in DIRECTORY and print its "
        "new value.",
    },
    ("sgx", "_emulated"): {
        "init": "Make a software SGX in DIRECTORY, which must be new or empty.",
        "quote": "Make a quote of the software SGX in DIRECTORY.",
    },
    ("snp", "_emulated"): {
        "init": "Make a software SNP in DIRECTORY, which must be new or empty. It takes some "
        "seconds.",
        "report": "Make a report of the software SNP in DIRECTORY.",
    },
    ("cca", "_emulated"): {
        "init": "Make a software CCA in DIRECTORY, which must be new or empty.",
        "token": "Make a token of the software CCA in DIRECTORY.",
        "extend": "Extend a REM of the software CCA in DIRECTORY; print its new value.",
    },
    ("cove", "_emulated"): {
        "init": "Make a software CoVE in DIRECTORY, which must be new or empty.",
        "token": "Make a token of the software CoVE in DIRECTORY.",
        "extend": "Extend a runtime register of the software CoVE in DIRECTORY; print its new "
        "value.",
    },
    ("tpm", "_emulated_tpm"): {
        "init": "Make a software TPM in DIRECTORY, which must be new or empty.",
        "evidence": "Make evidence of the software TPM in DIRECTORY.",
        "extend": "Extend a PCR of the software TPM in DIRECTORY; print its new value.",
    },
    ("azure", "_emulated_tpm"): {
        "init": "Make a software Azure VM in DIRECTORY, which must be new or empty.",
        "evidence": "Make evidence of the software Azure VM in DIRECTORY.",
        "extend": "Extend a PCR of the software Azure VM in DIRECTORY; print its new value.",
    },
}


@click.group(cls=LazyGroup)
def emulate() -> None:
    """Run software TEEs, each under a root of trust of its own.

    Their evidence parses and verifies everywhere, except that its root is not the vendor's: a
    verifier accepts it only where that root is named with --root (for CCA, the platform's key
    with --cpak). There is no protection in them; they are for development and tests.

    tdx, snp, cca and cove also show the files in which a kernel shows such a TEE, to one program
    or below a directory: troth emulate tdx --help.
    """


_GROUPS: Final[Mapping[str, click.Group]] = {
    **{view.word: ViewGroup(view, text) for view, text in _VIEWS},
    **{word: UnseenGroup(word, text, why) for word, text, why in _UNSEEN},
}

for (_kind, _module), _summaries in _COMMANDS.items():
    for _name, _summary in _summaries.items():
        _place = f"troth.cli.{_module}:{_kind}_{_name}"
        _GROUPS[_kind].add_command(DeferredCommand(_name, _place, _summary))
    emulate.add_command(_GROUPS[_kind])
