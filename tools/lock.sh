#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Resolve pyproject.toml into requirements/*.txt: exact versions and hashes, no addresses.
#
# The resolver is installed for this run only. dev is resolved first and constrains the others, so
# that one version of a package is in force everywhere. An existing lock is kept where it still
# holds; `make lock UPGRADE=1` starts afresh.
set -euo pipefail
cd "$(dirname "$0")/.."

python=${1:-python3}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
"$python" -m venv "$scratch/venv"
"$scratch/venv/bin/pip" install -q uv

options=(--universal --python-version 3.11 --generate-hashes --no-emit-index-url
    --no-emit-find-links --custom-compile-command "make lock" -q)
if [ -n "${UPGRADE:-}" ]; then options+=(--upgrade); fi
compile() { "$scratch/venv/bin/uv" pip compile "${options[@]}" "$@"; }

compile pyproject.toml --extra server --extra emulate --extra postgres --group dev -o requirements/dev.txt
compile pyproject.toml -c requirements/dev.txt -o requirements/guest.txt
compile pyproject.toml --extra server --extra emulate -c requirements/dev.txt -o requirements/run.txt
compile --group pyproject.toml:build -c requirements/dev.txt -o requirements/build.txt
compile pyproject.toml --group fuzz -c requirements/dev.txt -o requirements/fuzz.txt
"$python" -m tools.house locks
