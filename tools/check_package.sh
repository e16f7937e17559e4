#!/usr/bin/env bash
# Build the sdist, a wheel from it, install that into an empty environment, and use it away from the checkout.
set -euo pipefail
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

python3 -m venv "$work/build"
"$work/build/bin/pip" install --quiet --disable-pip-version-check build
"$work/build/bin/python" -m build --quiet --outdir "$work/dist" .

python3 -m venv "$work/user"
"$work/user/bin/pip" install --quiet --disable-pip-version-check "$work"/dist/*.whl
cd "$work"
"$work/user/bin/deltaprop" train iris --test 0.2 --seed 0 --save iris.safetensors
"$work/user/bin/deltaprop" check iris.safetensors iris
"$work/user/bin/python" -m deltaprop predict iris.safetensors iris -o out.csv
test "$(wc -l < out.csv)" -eq 151
echo "the package works as a user gets it"
