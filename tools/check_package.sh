#!/usr/bin/env bash
# Build the sdist, a wheel from it, install that into an empty environment, and use it away from the checkout. Then the
# sdist once more, as on a machine whose C++ compiler does not work.
set -euo pipefail
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

python3 -m venv "$work/build"
"$work/build/bin/pip" install --quiet --disable-pip-version-check build
"$work/build/bin/python" -m build --quiet --outdir "$work/dist" .

python3 -m venv "$work/user"
pip=("$work/user/bin/pip" --quiet --disable-pip-version-check)
"${pip[@]}" install "$work"/dist/*.whl
cd "$work"
for engine in native reference; do
  "$work/user/bin/deltaprop" train iris --test 0.2 --seed 0 --engine $engine --save iris.safetensors
  "$work/user/bin/deltaprop" check iris.safetensors iris --engine $engine
  "$work/user/bin/python" -m deltaprop predict iris.safetensors iris --engine $engine -o out.csv
  test "$(wc -l < out.csv)" -eq 151
done

CXX=/bin/false "${pip[@]}" install --force-reinstall --no-deps "$work"/dist/*.tar.gz
"$work/user/bin/deltaprop" --engines | grep -x 'native  *no  *not built, since no C++ compiler that works was found when it was installed'
"$work/user/bin/deltaprop" evaluate iris.safetensors iris 2> said.txt
grep -x 'The native engine is not available: not built, .* The reference engine runs instead, and is slower.' said.txt
test "$(wc -l < said.txt)" -eq 1
if "$work/user/bin/deltaprop" evaluate iris.safetensors iris --engine native 2> said.txt; then
  echo "--engine native was accepted without one"
  exit 1
fi
grep -x "Error: The native engine is not available: .*" said.txt
echo "the package works as a user gets it, with a compiler and without"
