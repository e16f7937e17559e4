// Multiply-adds in registers and nothing else: the most that a core can do, float32. One function per instruction set.
#include <thread>
#include <vector>

namespace {

using v16 = float __attribute__((vector_size(64)));
using v8 = float __attribute__((vector_size(32)));

// COUNT independent sums, so that no multiply-add waits for the one before it; x keeps them finite.
template <class V, int COUNT>
__attribute__((always_inline)) inline float loop(long iterations) {
    V sum[COUNT], x = {}, y = {};
    x += 0.5f;
    y += 1.0f;
    for (int i = 0; i < COUNT; ++i) sum[i] = y * float(i);
    for (long n = 0; n < iterations; ++n) {
#pragma GCC unroll 32
        for (int i = 0; i < COUNT; ++i) {
            sum[i] = sum[i] * x + y;
            asm volatile("" : "+v"(sum[i]));  // one multiply-add each: neither merged nor left out
        }
    }
    float total = 0;
    for (int i = 0; i < COUNT; ++i) total += sum[i][0];
    return total;
}

__attribute__((target("avx512f"))) float run512(long n) { return loop<v16, 24>(n); }
__attribute__((target("avx2,fma"))) float run256(long n) { return loop<v8, 12>(n); }

}  // namespace

extern "C" {

// Floating-point operations per iteration on one thread, or 0 where the processor lacks the instructions.
int peak_flop(int bits) {
    if (bits == 512) return __builtin_cpu_supports("avx512f") ? 2 * 16 * 24 : 0;
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? 2 * 8 * 12 : 0;
}

float peak_run(int bits, long iterations, int threads) {
    std::vector<std::thread> others;
    float (*run)(long) = bits == 512 ? run512 : run256;
    for (int i = 1; i < threads; ++i) others.emplace_back(run, iterations);
    float total = run(iterations);
    for (auto& other : others) other.join();
    return total;
}

}
