#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Install what the make targets need from the system: make, git, a Python that can make venvs, FUSE.
#
# Says nothing and changes nothing where everything is there. Otherwise it needs root and apt.
set -euo pipefail

python=${1:-python3}
missing=()
command -v make >/dev/null || missing+=(make)
command -v git >/dev/null || missing+=(git)
command -v "$python" >/dev/null || missing+=(python3)
"$python" -c 'import ensurepip, venv' 2>/dev/null || missing+=(python3-venv)
command -v fusermount3 >/dev/null || missing+=(fuse3)
[ ${#missing[@]} -eq 0 ] && exit 0

if ! command -v apt-get >/dev/null; then
    echo "system-deps: please install: ${missing[*]} (no apt-get here to do it with)" >&2
    exit 1
fi
if [ "$(id -u)" -ne 0 ]; then
    echo "system-deps: as root: apt-get update && apt-get install ${missing[*]}" >&2
    exit 1
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends ca-certificates "${missing[@]}"
