#!/usr/bin/env bash
# Build FOLDER/test_plan, the test of the C++ core: native/tests/build.sh FOLDER [compiler options].
# BASE_ALONE=1 builds the baseline instructions alone, which is quicker, and the only way to build it with -O0.
set -euo pipefail
folder=$(mkdir -p "$1" && cd "$1" && pwd)
shift
cd "$(dirname "$0")/.."
cxx=${CXX:-g++}
common=(-std=gnu++20 -fno-math-errno -fno-trapping-math -ffp-contract=fast -Wall -Wextra -Wshadow -Wno-psabi -pthread)
[ "${BASE_ALONE:-}" ] && common+=(-DBASE_ALONE)
objects=()
jobs=()

# compile NAME SOURCE [options]: in the background
compile() {
  "$cxx" "${common[@]}" "${options[@]}" "${@:3}" -c "$2" -o "$folder/$1.o" &
  jobs+=($!)
  objects+=("$folder/$1.o")
}

options=("$@")
plan() { compile "plan_$1" src/plan.cpp -DINSTRUCTION_SET="$1" "${@:2}"; }
plan base
if [ -z "${BASE_ALONE:-}" ] && [ "$(uname -m)" = x86_64 ]; then
  plan avx2 -mavx2 -mfma
  plan avx512 -mavx512f -mavx512dq -mavx512bw -mavx512vl -mavx2 -mfma -mprefer-vector-width=512
fi
for source in src/support.cpp src/threads.cpp tests/*.cpp; do compile "$(basename "$source" .cpp)" "$source"; done
for job in "${jobs[@]}"; do wait "$job"; done

# The linker keeps one copy of a function that several objects hold, whatever processor it was compiled for: none may be
# shared between instruction sets. (With -O0 the standard library's inline functions are: BASE_ALONE=1. Clang's own
# __clang_call_terminate only ends the process.)
if [ -z "${BASE_ALONE:-}" ] && nm -C "$folder"/plan_*.o | grep -E ' [Wu] ' | grep -v ' __clang_call_terminate$'; then
  echo "the functions above are in more than one instruction set's object" >&2
  exit 1
fi
"$cxx" "${common[@]}" "${options[@]}" "${objects[@]}" -o "$folder/test_plan"
