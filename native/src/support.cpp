// What plans need that has nothing to do with vectors or threads: memory, limits of size, random words.
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <new>
#include "api.hpp"

namespace deltaprop {

namespace {

std::atomic<int64_t> allocated{0};

// Sizes of plans are computed in double precision first, which does not wrap around.
constexpr double MOST_BYTES = 1LL << 60;

}  // namespace

void* allocate(int64_t bytes) {
    if (bytes < 0 || bytes > int64_t(MOST_BYTES)) throw std::bad_alloc();
    const size_t size = (size_t(bytes < 64 ? 64 : bytes) + 63) / 64 * 64;
    void* memory = std::aligned_alloc(64, size);
    if (!memory) throw std::bad_alloc();
    allocated.fetch_add(1, std::memory_order_relaxed);
    std::memset(memory, 0, size);
    return memory;
}

void release(void* memory) { std::free(memory); }

Plan::~Plan() = default;

int64_t allocations() { return allocated.load(std::memory_order_relaxed); }

void check_sizes(const Spec& spec, int64_t batch) {
    double numbers = 0;  // an upper bound of what any plan of this network holds, buffers padded to whole panels
    for (int l = 0; l <= spec.L; l++) {
        const double n = double(spec.n[l]) + 256;
        numbers += 4 * n * (double(batch) + 1) + (l ? 4 * n * (double(spec.n[l - 1]) + 256) : 0);
    }
    if (!(numbers * sizeof(double) < MOST_BYTES)) throw std::bad_alloc();
}

void philox(uint64_t seed, uint64_t tag, uint64_t step, uint64_t layer, uint64_t* words, int64_t count) {
    // J. Salmon et al., Parallel random numbers: as easy as 1, 2, 3, SC 2011; ten rounds.
    for (int64_t block = 0; block * 4 < count; block++) {
        uint64_t c[4] = {uint64_t(block) + 1, step, layer, 0}, k[2] = {seed, tag};
        for (int round = 0; round < 10; round++) {
            if (round) k[0] += 0x9E3779B97F4A7C15u, k[1] += 0xBB67AE8584CAA73Bu;
            const __uint128_t p = (__uint128_t)0xD2E7470EE14C6C93u * c[0], q = (__uint128_t)0xCA5A826395121157u * c[2];
            const uint64_t next[4] = {uint64_t(q >> 64) ^ c[1] ^ k[0], uint64_t(q), uint64_t(p >> 64) ^ c[3] ^ k[1],
                                      uint64_t(p)};
            std::memcpy(c, next, sizeof c);
        }
        for (int64_t i = 0; i < 4 && block * 4 + i < count; i++) words[block * 4 + i] = c[i];
    }
}

}  // namespace deltaprop
