# SPDX-License-Identifier: Apache-2.0
"""A software CoVE: a root of trust, a platform, a TSM and a TVM, each with a key of its own.

    tee = SoftwareCove.create(at=now)
    tee.token(challenge)                             # sound, under tee.roots()
    tee.token(challenge, tsm={"key": another})       # a forgery, sound in all else

No hardware attests like this yet. The format is a draft's, and what the draft leaves open is this
project's choice: experimental in both respects.
"""

from troth.tsm.emulated.cove.issue import LayerChanges, TokenChanges
from troth.tsm.emulated.cove.settings import Settings
from troth.tsm.emulated.cove.store import create_in, load, opened, save
from troth.tsm.emulated.cove.tee import Keys, SoftwareCove

__all__ = [
    "Keys",
    "LayerChanges",
    "Settings",
    "SoftwareCove",
    "TokenChanges",
    "create_in",
    "load",
    "opened",
    "save",
]
