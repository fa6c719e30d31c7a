#!/bin/sh
# Write requirements.lock anew: every version pinned for every platform, every file by hash, no address.
set -eu
cd "$(dirname "$0")/.."
uv pip compile pyproject.toml plugins/*/pyproject.toml tools/bootstrap.in \
    --group dev --group docs --universal --generate-hashes --no-header --no-annotate --no-emit-index-url \
    --no-emit-package crmcore --no-emit-package crm-email --no-emit-package crm-push \
    --no-emit-package crm-recommend --no-emit-package crm-whatsapp -o requirements.lock "$@"
