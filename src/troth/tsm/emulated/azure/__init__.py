# SPDX-License-Identifier: Apache-2.0
"""A software Azure confidential VM: a paravisor around a software TDX or SNP, with a vTPM."""

from troth.tsm.emulated.azure.settings import Settings
from troth.tsm.emulated.azure.store import create_in, load, opened
from troth.tsm.emulated.azure.tee import AzureChanges, SoftwareAzure

__all__ = ["AzureChanges", "Settings", "SoftwareAzure", "create_in", "load", "opened"]
