#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Install what `make test-clients` needs from the system: Go and Rust. Debian 12's own will do.
#
# Says nothing and changes nothing where both are there.
set -euo pipefail

missing=()
command -v go >/dev/null || missing+=(golang-go)
command -v cargo >/dev/null || missing+=(cargo)
[ ${#missing[@]} -eq 0 ] && exit 0

if ! command -v apt-get >/dev/null; then
    echo "client-deps: please install: ${missing[*]} (no apt-get here to do it with)" >&2
    exit 1
fi
if [ "$(id -u)" -ne 0 ]; then
    echo "client-deps: as root: apt-get update && apt-get install ${missing[*]}" >&2
    exit 1
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends "${missing[@]}"
