# SPDX-License-Identifier: Apache-2.0
"""Reports through the machine-wide sysfs attributes that came before configfs-tsm."""

from troth.tsm.sysfs.driver import Format, SysfsDriver

__all__ = ["Format", "SysfsDriver"]
