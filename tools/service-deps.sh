#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Install the services that some tests start for themselves: PostgreSQL's programs and swtpm.
#
# Says nothing and changes nothing where both are there. A PostgreSQL that this brings makes no
# cluster and starts none.
set -euo pipefail

missing=()
compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || missing+=(postgresql)
command -v swtpm >/dev/null || missing+=(swtpm)
[ ${#missing[@]} -eq 0 ] && exit 0

if ! command -v apt-get >/dev/null; then
    echo "service-deps: please install: ${missing[*]} (no apt-get here to do it with)" >&2
    exit 1
fi
if [ "$(id -u)" -ne 0 ]; then
    echo "service-deps: as root: apt-get update && apt-get install ${missing[*]}" >&2
    exit 1
fi
settings=/etc/postgresql-common/createcluster.conf
if [ ! -e "$settings" ]; then
    mkdir -p "${settings%/*}"
    echo 'create_main_cluster = false' >"$settings"
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends -o Dpkg::Options::=--force-confold "${missing[@]}"
