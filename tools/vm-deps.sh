#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Install what `make test-vm` needs from the system: an emulator, a boot loader, a TPM, a compiler.
#
# QEMU 7.2, which Debian 12 brings, corrupts 6.12 guests without hardware support; 10 comes from
# the backports of the machine's own mirror, which get a pin so low that nothing else is taken
# from there. Says nothing and changes nothing where everything is there.
set -euo pipefail

plain=(debootstrap e2fsprogs gcc make libc6-dev swtpm swtpm-tools gnutls-bin ovmf xz-utils)
wanted_qemu=10

has_qemu() {
    command -v qemu-system-x86_64 >/dev/null || return 1
    local version
    version=$(qemu-system-x86_64 --version | sed -n 's/^QEMU emulator version \([0-9]*\).*/\1/p')
    [ "${version:-0}" -ge "$wanted_qemu" ]
}

missing=()
for package in "${plain[@]}"; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q ' installed$' ||
        missing+=("$package")
done
has_qemu && [ ${#missing[@]} -eq 0 ] && exit 0

if ! command -v apt-get >/dev/null; then
    echo "vm-deps: please install: QEMU $wanted_qemu, ${missing[*]} (no apt-get here)" >&2
    exit 1
fi
if [ "$(id -u)" -ne 0 ]; then
    echo "vm-deps: as root: apt-get install ${missing[*]} and QEMU $wanted_qemu" >&2
    exit 1
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq

# Where this machine takes its Debian from: "ADDRESS CODENAME" of the suite that it runs.
own_suite() {
    # shellcheck source=/dev/null
    codename=$(. /etc/os-release && echo "$VERSION_CODENAME")
    apt-get indextargets --format '$(REPO_URI) $(RELEASE)' 'Created-By: Packages' 'Origin: Debian' |
        awk -v codename="$codename" '$2 == codename { print; exit }'
}

candidate_is_new() {
    local version
    version=$(apt-cache policy qemu-system-x86 | sed -n 's/^  Candidate: \(.*:\)\?\([0-9]*\).*/\2/p')
    [ "${version:-0}" -ge "$wanted_qemu" ]
}

qemu=(qemu-system-x86)
if ! has_qemu && ! candidate_is_new; then
    own=$(own_suite)
    if [ -z "$own" ]; then
        echo "vm-deps: no Debian source is set up here to take backports from" >&2
        exit 1
    fi
    address=${own% *}
    codename=${own#* }
    echo "deb $address $codename-backports main" >/etc/apt/sources.list.d/troth-backports.list
    printf 'Package: *\nPin: release n=%s-backports\nPin-Priority: 50\n' "$codename" \
        >/etc/apt/preferences.d/troth-backports
    apt-get update -qq
    # By name: what QEMU needs at its own version stands in the same suite.
    suite=$codename-backports
    qemu=("qemu-system-x86/$suite" "qemu-system-common/$suite" "qemu-system-data/$suite"
        "seabios/$suite")
fi
has_qemu && qemu=()
apt-get install -y -qq --no-install-recommends "${missing[@]}" "${qemu[@]}"
has_qemu || {
    echo "vm-deps: QEMU is still older than $wanted_qemu" >&2
    exit 1
}
