#!/usr/bin/env bash
# Runs a script of this folder with the Node that package.json asks for: `npm ci` installs it, where the machine has an older one.
set -euo pipefail
folder=$(cd "$(dirname "$0")" && pwd)
PATH="$folder/../../node_modules/.bin:$PATH"
version=$(node --version 2>/dev/null || echo none)
major=${version#v}
major=${major%%.*}
if ! [[ $major =~ ^[0-9]+$ && $major -ge 24 ]]; then
  echo "Node 24 is needed, and here is $version: npm ci installs it" >&2
  exit 2
fi
exec node "$folder/$1" "${@:2}"
