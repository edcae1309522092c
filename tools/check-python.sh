#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Say clearly what is wrong with a Python that cannot carry troth, before anything else fails on it.
set -euo pipefail

python=${1:-python3}
if ! command -v "$python" >/dev/null; then
    echo "troth needs Python 3.11 or newer; there is no '$python' here." >&2
    echo "Install one ('make system-deps' as root, on Debian) or name one: make PYTHON=…" >&2
    exit 1
fi
if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
    echo "troth needs Python 3.11 or newer; '$python' is $("$python" --version 2>&1)." >&2
    echo "Name another: make PYTHON=…" >&2
    exit 1
fi
if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    echo "'$python' cannot make virtual environments: Debian keeps that in python3-venv." >&2
    echo "Run 'make system-deps' as root, or: apt-get install python3-venv" >&2
    exit 1
fi
