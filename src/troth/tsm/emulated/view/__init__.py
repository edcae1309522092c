# SPDX-License-Identifier: Apache-2.0
"""A software TEE as the files in which the kernel shows a TEE, for programs that know only those.

    tree = tdx_tree(directory, KERNELS["7.3"])      # a model: paths, handles, errnos; no FUSE
    serve(tree, mount_point, ready=…, everybody=True)

`tsm` and `entry` hold what configfs-tsm decides, `handles` what an open file has gathered or seen,
`tree` where things lie, `fuse` the translation; `namespace` puts a view where the kernel would.
"""

from troth.tsm.emulated.view.cca import cca_tree
from troth.tsm.emulated.view.cove import cove_tree
from troth.tsm.emulated.view.fuse import serve
from troth.tsm.emulated.view.mount import demand_mount_point
from troth.tsm.emulated.view.namespace import private_namespace, run
from troth.tsm.emulated.view.provider import KERNELS, Kernel
from troth.tsm.emulated.view.snp import snp_tree
from troth.tsm.emulated.view.tdx import tdx_tree
from troth.tsm.emulated.view.tree import Tree

__all__ = [
    "KERNELS",
    "Kernel",
    "Tree",
    "cca_tree",
    "cove_tree",
    "demand_mount_point",
    "private_namespace",
    "run",
    "serve",
    "snp_tree",
    "tdx_tree",
]
