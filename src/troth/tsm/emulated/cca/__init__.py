# SPDX-License-Identifier: Apache-2.0
"""A software CCA: a realm with registers, the monitor that attests it, a platform with its key.

    tee = SoftwareCca.create(at=now)
    tee.token(challenge)                              # sound, under tee.store()
    tee.token(challenge, realm_key=another)           # a forgery, sound in all else

It attests as hardware does, so it is also the factory of evidence with exactly one fault.
"""

from troth.tsm.emulated.cca.issue import TokenChanges
from troth.tsm.emulated.cca.settings import Settings
from troth.tsm.emulated.cca.store import create_in, load, opened, save
from troth.tsm.emulated.cca.tee import Keys, SoftwareCca

__all__ = [
    "Keys",
    "Settings",
    "SoftwareCca",
    "TokenChanges",
    "create_in",
    "load",
    "opened",
    "save",
]
