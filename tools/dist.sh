#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Build the wheel and the sdist, prove them reproducible, and try the wheel where nothing else is.
#
# The wheel is built three times: from the tree, from the tree again, and from the sdist. All three
# must be the same bytes. It is then installed into an empty environment, without an index for
# itself, and the program is started from another folder so that the tree cannot help it.
set -euo pipefail
cd "$(dirname "$0")/.."

python=$1     # of the development environment: has hatchling
bare_python=$2 # of the system
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-1577836800} # 2020-01-01, the same for everybody

rm -rf dist
"$python" -m hatchling build -t sdist -t wheel -d dist
"$python" -m hatchling build -t sdist -t wheel -d "$scratch/again" >/dev/null
mkdir "$scratch/unpacked"
tar -xzf dist/*.tar.gz -C "$scratch/unpacked" --strip-components=1
(cd "$scratch/unpacked" && "$python" -m hatchling build -t wheel -d "$scratch/from-sdist" >/dev/null)
for built in dist/*; do cmp "$built" "$scratch/again/$(basename "$built")"; done
cmp dist/*.whl "$scratch"/from-sdist/*.whl
echo "dist: same bytes twice, and from the sdist"

"$bare_python" -m venv "$scratch/venv"
"$scratch/venv/bin/pip" install -q --require-hashes -r requirements/run.txt
"$scratch/venv/bin/pip" install -q --no-deps --no-index dist/*.whl
"$scratch/venv/bin/pip" check
cd "$scratch"
venv/bin/troth --version
venv/bin/troth --help >help.txt
test -s help.txt
echo "dist: the wheel runs in an empty environment"
