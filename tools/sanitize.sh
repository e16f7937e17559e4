#!/usr/bin/env bash
# native/ under the sanitizers, for every instruction set of this machine: its C++ test, then the engine's contract from Python.
set -euo pipefail
cd "$(dirname "$0")/.."
python=$PWD/.venv/bin/python
build=$PWD/build/sanitize
sane=(-O1 -g -fno-omit-frame-pointer -fno-sanitize-recover=all)
export UBSAN_OPTIONS=print_stacktrace=1

native/tests/build.sh "$build/address" "${sane[@]}" -fsanitize=address,undefined
"$build/address/test_plan"

native/tests/build.sh "$build/thread" "${sane[@]}" -fsanitize=thread
TSAN_OPTIONS=die_after_fork=0 "$build/thread/test_plan" threads

# The extension beside the installed one: an environment of its own, which finds everything else in .venv.
"$python" -m venv --without-pip "$build/venv"
site=$("$build/venv/bin/python" -c 'import site; print(site.getsitepackages()[0])')
"$python" -c 'import site; print(site.getsitepackages()[0])' > "$site/rest.pth"
CXXFLAGS="${sane[*]} -fsanitize=address,undefined" "$python" -m pip install --quiet --disable-pip-version-check --no-deps \
  --no-build-isolation --upgrade --target "$site" -C build-dir="$build/extension" -C cmake.build-type=None .
runtime=$("${CXX:-g++}" -print-file-name=libasan.so):$("${CXX:-g++}" -print-file-name=libubsan.so):$("${CXX:-g++}" -print-file-name=libstdc++.so)
export LD_PRELOAD=$runtime ASAN_OPTIONS=detect_leaks=0 CI=1  # the interpreter itself leaks at its end
"$build/venv/bin/python" -c "import deltaprop; assert '/build/sanitize/' in deltaprop.__file__, deltaprop.__file__; deltaprop.show_engines()"
"$build/venv/bin/python" -m pytest -q -p no:cacheprovider -k native \
  tests/engines/test_contract*.py tests/engines/test_layouts.py tests/engines/test_threads.py
