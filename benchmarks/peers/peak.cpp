// Multiply-adds in registers only: the peak of a core in float32. One function per instruction set.
#include <sched.h>

#include <thread>
#include <vector>

namespace {

using v16 = float __attribute__((vector_size(64)));
using v8 = float __attribute__((vector_size(32)));

// COUNT independent sums, so that no multiply-add waits for the one before it; x keeps them finite. Every loop over them is
// unrolled: with one index that is not constant the compiler keeps the array in memory, and each sum passes through it.
template <class V, int COUNT>
__attribute__((always_inline)) inline float loop(long iterations) {
    V sum[COUNT], x = {}, y = {};
    x += 0.5f;
    y += 1.0f;
#pragma GCC unroll 32
    for (int i = 0; i < COUNT; ++i) sum[i] = y * float(i);
    for (long n = 0; n < iterations; ++n) {
#pragma GCC unroll 32
        for (int i = 0; i < COUNT; ++i) {
            sum[i] = sum[i] * x + y;
            asm volatile("" : "+v"(sum[i]));  // one multiply-add each: neither merged nor left out
        }
    }
    float total = 0;
#pragma GCC unroll 32
    for (int i = 0; i < COUNT; ++i) total += sum[i][0];
    return total;
}

__attribute__((target("avx512f"))) float run512(long n) { return loop<v16, 16>(n); }
__attribute__((target("avx2,fma"))) float run256(long n) { return loop<v8, 12>(n); }

}  // namespace

extern "C" {

// Floating-point operations per iteration on one thread, or 0 if the processor lacks the instructions.
int peak_flop(int bits) {
    if (bits == 512) return __builtin_cpu_supports("avx512f") ? 2 * 16 * 16 : 0;
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? 2 * 8 * 12 : 0;
}

// Each thread is pinned to a different processor of the caller's: the scheduler might run two on the same one for a while.
void peak_run(int bits, long iterations, int threads) {
    float (*run)(long) = bits == 512 ? run512 : run256;
    cpu_set_t usable;
    sched_getaffinity(0, sizeof usable, &usable);
    std::vector<std::thread> all;
    for (int cpu = 0; cpu < CPU_SETSIZE && int(all.size()) < threads; ++cpu) {
        if (!CPU_ISSET(cpu, &usable)) continue;
        all.emplace_back([=] {
            cpu_set_t own;
            CPU_ZERO(&own);
            CPU_SET(cpu, &own);
            sched_setaffinity(0, sizeof own, &own);
            [[maybe_unused]] volatile float kept = run(iterations);
        });
    }
    for (auto& thread : all) thread.join();
}

}
