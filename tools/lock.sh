#!/bin/sh
# Write requirements.lock anew: every version pinned for every platform, every file by hash, no address.
set -eu
cd "$(dirname "$0")/.."
ours=$(for one in plugins/*/; do printf ' --no-emit-package %s' "$(basename "$one" | tr _ -)"; done)
# shellcheck disable=SC2086 # each word is an option of its own
uv pip compile pyproject.toml plugins/*/pyproject.toml tools/bootstrap.in \
    --group dev --group docs --universal --generate-hashes --no-header --no-annotate --no-emit-index-url \
    --no-emit-package crmcore $ours -o requirements.lock "$@"
