#!/usr/bin/env bash
# Build native/tests/test_plan.cpp and all that it stands on: native/tests/build.sh FOLDER [compiler options].
# With BASE_ALONE=1 for the baseline instructions alone, which is quicker.
set -euo pipefail
folder=$(mkdir -p "$1" && cd "$1" && pwd)
shift
cd "$(dirname "$0")/.."
cxx=${CXX:-g++}
common=(-std=gnu++20 -fno-math-errno -fno-trapping-math -ffp-contract=fast -Wall -Wextra -Wno-psabi -pthread "$@")
objects=("$folder/support.o" "$folder/test_plan.o" "$folder/plan_base.o")

plan() { "$cxx" "${common[@]}" -DINSTRUCTION_SET="$1" "${@:2}" -c src/plan.cpp -o "$folder/plan_$1.o"; }

if [ "${BASE_ALONE:-}" ]; then
  common+=(-DBASE_ALONE)
elif [ "$(uname -m)" = x86_64 ]; then
  plan avx2 -mavx2 -mfma
  plan avx512 -mavx512f -mavx512dq -mavx512bw -mavx512vl -mavx2 -mfma -mprefer-vector-width=512
  objects+=("$folder/plan_avx2.o" "$folder/plan_avx512.o")
fi
plan base &
"$cxx" "${common[@]}" -c src/support.cpp -o "$folder/support.o"
"$cxx" "${common[@]}" -c tests/test_plan.cpp -o "$folder/test_plan.o"
wait $!
# The linker keeps one copy of code that several objects hold, whatever processor it was compiled for: so none is shared.
if nm -C "$folder"/plan_*.o | grep -E ' [Wu] '; then
  echo "the above is in more than one instruction set's object" >&2
  exit 1
fi
"$cxx" "${common[@]}" "${objects[@]}" -o "$folder/test_plan"
