# SPDX-License-Identifier: Apache-2.0
"""Reports through the kernel's configfs-tsm (Linux 6.7 and newer).

Source: Documentation/ABI/testing/configfs-tsm-report, and drivers/virt/coco/guest/report.c.
"""

from troth.tsm.configfs.driver import ConfigfsDriver
from troth.tsm.configfs.options import Options

__all__ = ["ConfigfsDriver", "Options"]
