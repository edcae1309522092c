# SPDX-License-Identifier: Apache-2.0
"""What `troth emulate KIND --help` says of each kind; click's mark keeps examples as they are."""

from __future__ import annotations

from typing import Final

__all__ = ["AZURE", "CCA", "COVE", "SGX", "SNP", "TDX", "TPM"]

TDX: Final = """
A software TDX: TD, module, quoting enclave, PCK hierarchy and collateral.

\b
  troth emulate tdx init td
  troth emulate tdx quote td --report-data 00ff --output quote.bin
  troth verify quote.bin --root td/root.pem --collateral td/collateral.json

Without a command it shows the files in which the kernel shows a TDX guest: configfs-tsm, the
measurement registers, and the firmware's event log (CCEL). Errors, waits and races are the
kernel's. What FUSE cannot imitate is listed in docs/conformance/configfs-tsm.md.

\b
  troth emulate tdx --tee td --mount /mnt/td
  troth emulate tdx -- sh -c 'mkdir /sys/kernel/config/tsm/report/x && ...'
"""

SNP: Final = """
A software SEV-SNP: guest, firmware, a chip and AMD's hierarchy of keys.

\b
  troth emulate snp init guest
  troth emulate snp report guest --report-data 00ff --output report.bin
  troth verify report.bin --root guest/root.pem --collateral guest/collateral.json

Without a command it shows the files in which the kernel shows an SNP guest: configfs-tsm, with
the report in outblob, the host's certificate table in auxblob, and privilege levels from
privlevel_floor to 3; under an SVSM also its services, and their manifest in manifestblob. SNP has
no runtime registers. Without --tee a guest is made first, which takes some seconds.

\b
  troth emulate snp --tee guest --mount /mnt/snp
  troth emulate snp --svsm -- sh -c 'mkdir /sys/kernel/config/tsm/report/x && ...'
"""

CCA: Final = """
A software Arm CCA: realm with registers, monitor, platform.

\b
  troth emulate cca init realm
  troth emulate cca token realm --report-data 00ff --output token.cbor
  troth verify token.cbor --cpak realm/cpak.json --report-data 00ff

Without a command it shows the files in which the kernel shows a realm: configfs-tsm, with the
token in outblob. An inblob has 32 to 64 bytes. The driver hides no attribute: privilege levels
and services are taken and come to nothing, auxblob and manifestblob are empty. Linux shows no
registers of a realm and has no call that extends them; the command extend does.

\b
  troth emulate cca --tee realm --mount /mnt/realm
  troth emulate cca -- sh -c 'mkdir /sys/kernel/config/tsm/report/x && ...'
"""

COVE: Final = """
A software RISC-V CoVE: root of trust, platform, TSM and TVM. Experimental.

No hardware attests like this yet; the format is a draft's.

\b
  troth emulate cove init tvm
  troth emulate cove token tvm --report-data 00ff --output token.cbor
  troth verify token.cbor --root tvm/roots.json --report-data 00ff

Without a command it shows files like those in which kernels show other TEEs: configfs-tsm, with
the token in outblob. No kernel has a provider of CoVE: its name here, cove_guest, and what it
shows, are this project's own. Registers are not shown; the command extend extends them.

\b
  troth emulate cove --tee tvm --mount /mnt/tvm
  troth emulate cove -- sh -c 'mkdir /sys/kernel/config/tsm/report/x && ...'
"""

SGX: Final = """
A software SGX: enclave, quoting enclave, PCK hierarchy and collateral.

\b
  troth emulate sgx init enclave
  troth emulate sgx quote enclave --report-data 00ff --output quote.bin
  troth verify quote.bin --root enclave/root.pem --collateral enclave/collateral.json

The kernel offers quotes of SGX in no file, so there is no view of it.
"""

TPM: Final = """
A software TPM: registers, an attestation key and the authority that certifies it.

\b
  troth emulate tpm init tpm
  troth emulate tpm evidence tpm --report-data 00ff --output quote.json
  troth verify quote.json --root tpm/root.pem --report-data 00ff

It makes evidence and takes no commands of a TPM, so there is no view of it; for those there is
swtpm.
"""

AZURE: Final = """
A software Azure VM: a paravisor around a software TDX or SNP, with a vTPM.

\b
  troth emulate azure init vm
  troth emulate azure evidence vm --report-data 00ff --output azure.json
  troth verify azure.json --root vm/hardware/root.pem \\
      --collateral vm/hardware/collateral.json --report-data 00ff

It makes evidence and takes no commands of a vTPM, so there is no view of it.
"""
