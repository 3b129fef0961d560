#!/bin/sh
# run.sh BUILD_FOLDER SIMULATOR: installs the official SDKs into BUILD_FOLDER and runs them against the simulator.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
folder=$1
simulator=$(realpath "$2")
if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
  echo "SKIPPED: node and npm are needed to run the official SDKs"
  exit 77
fi
mkdir -p "$folder"
rm -f "$folder"/*.mjs
cp "$here/package.json" "$here"/*.mjs "$folder/"
if ! cmp -s "$here/package-lock.json" "$folder/installed-lock.json" || [ ! -d "$folder/node_modules" ]; then
  cp "$here/package-lock.json" "$folder/package-lock.json"
  (cd "$folder" && npm ci --no-audit --no-fund --ignore-scripts)
  cp "$here/package-lock.json" "$folder/installed-lock.json"
fi
cd "$folder"
SIM_BINARY=$simulator exec node --test aws.test.mjs stripe.test.mjs
