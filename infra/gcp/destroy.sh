#!/usr/bin/env bash
# --help says what it does and which variables it reads.
set -euo pipefail
exec bash "$(dirname "$0")/with-node.sh" destroy.ts "$@"
