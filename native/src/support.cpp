// What plans need that has nothing to do with vectors: memory, threads, random words.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <memory>
#include <mutex>
#include <new>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>
#if defined(__unix__) || defined(__APPLE__)
#include <pthread.h>
#include <signal.h>
#define DELTAPROP_POSIX 1
#endif
#include "api.hpp"

namespace deltaprop {

namespace {

std::atomic<int64_t> allocated{0};

// Plans are counted in double precision first, where nothing wraps around.
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

namespace {

std::atomic<int> forks{0};   // how many forks lie between this process and the one that loaded the library
std::atomic<int> limit{0};   // the most threads that work at once; 0: as many as are asked for

inline void pause() {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#endif
}

int processors() {
    static const int count = std::max(1, int(std::thread::hardware_concurrency()));
    return count;
}

// A signal belongs to the interpreter's threads: helpers start with all of them blocked.
class SignalsBlocked {
public:
#ifdef DELTAPROP_POSIX
    SignalsBlocked() {
        sigset_t all;
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before_);
    }
    ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

private:
    sigset_t before_;
#endif
};

// Threads that wait for work: a short spin, because the next product comes within microseconds, then sleep. One caller at
// a time. Never destroyed: at the end of the process helpers sleep, or spin, on memory that is still theirs.
class Pool {
public:
    // work(context, part) for every part, on this thread and at most threads - 1 helpers; the parts do not know which.
    void run(int parts, int threads, void (*work)(void*, int), void* context) {
        const int helpers = grown_to(threads - 1);
        parts_ = parts;
        sharing_ = helpers + 1;
        work_ = work;
        context_ = context;
        left_.store(helpers, std::memory_order_relaxed);  // what is written above is published by each helper's turn
        for (int h = 0; h < helpers; h++) helpers_[h]->call();
        share(0);
        for (int spin = 0; left_.load(std::memory_order_acquire) > 0; spin++) {
            if (spin < 4000) pause();
            else std::this_thread::yield();
        }
        if (failed_.load(std::memory_order_relaxed)) {
            failed_.store(false, std::memory_order_relaxed);
            std::rethrow_exception(std::exchange(failure_, nullptr));
        }
    }

private:
    struct Helper {
        std::atomic<uint64_t> turn{0};
        std::atomic<bool> asleep{false};
        std::mutex mutex;
        std::condition_variable wake;

        // Either this sees the helper asleep, or the helper sees the new turn before it sleeps: both are in one total order.
        void call() {
            turn.fetch_add(1, std::memory_order_seq_cst);
            if (!asleep.load(std::memory_order_seq_cst)) return;
            { std::lock_guard lock(mutex); }
            wake.notify_one();
        }

        void await(uint64_t seen, bool spins) {
            using clock = std::chrono::steady_clock;
            const auto until = clock::now() + std::chrono::microseconds(spins ? 200 : 0);
            do
                for (int i = 0; i < 64; i++) {
                    if (turn.load(std::memory_order_acquire) != seen) return;
                    pause();
                }
            while (clock::now() < until);
            std::unique_lock lock(mutex);
            asleep.store(true, std::memory_order_seq_cst);
            wake.wait(lock, [&] { return turn.load(std::memory_order_seq_cst) != seen; });
            asleep.store(false, std::memory_order_relaxed);
        }
    };

    // How many helpers there are, up to `count`: fewer where the system gives no more threads.
    int grown_to(int count) {
        while (int(helpers_.size()) < count) {
            helpers_.push_back(std::make_unique<Helper>());
            Helper* helper = helpers_.back().get();
            try {
                SignalsBlocked blocked;
                std::thread([this, helper, number = int(helpers_.size())] { serve(*helper, number); }).detach();
            } catch (const std::system_error&) {
                helpers_.pop_back();
                return int(helpers_.size());
            }
        }
        return count;
    }

    void serve(Helper& me, int number) {
        for (uint64_t seen = 0;; seen++) {  // a turn ends when all that it called have answered, so none is missed
            me.await(seen, number < processors());
            share(number);
            left_.fetch_sub(1, std::memory_order_release);
        }
    }

    void share(int number) noexcept {
        try {
            for (int part = number; part < parts_; part += sharing_) work_(context_, part);
        } catch (...) {
            if (!failed_.exchange(true)) failure_ = std::current_exception();
        }
    }

    std::vector<std::unique_ptr<Helper>> helpers_;
    std::atomic<int> left_{0};
    std::atomic<bool> failed_{false};
    std::exception_ptr failure_;
    void (*work_)(void*, int) = nullptr;
    void* context_ = nullptr;
    int parts_ = 0, sharing_ = 1;
};

Pool* pool = nullptr;
Gate pool_gate;

// In the child of a fork there are no helpers, and nobody is at work.
void forked() {
    forks.fetch_add(1);
    pool = nullptr;
}

#ifdef DELTAPROP_POSIX
[[maybe_unused]] const int at_fork = pthread_atfork(nullptr, nullptr, forked);
#endif

}  // namespace

bool Gate::try_lock() {
    int holder = holder_.load(std::memory_order_relaxed);
    const int mine = forks.load(std::memory_order_relaxed) + 1;
    return holder != mine && holder_.compare_exchange_strong(holder, mine, std::memory_order_acquire);
}

void Gate::lock() {
    while (!try_lock()) holder_.wait(forks.load(std::memory_order_relaxed) + 1);
}

void Gate::unlock() {
    holder_.store(0, std::memory_order_release);
    holder_.notify_one();
}

void parallel(int threads, void (*work)(void*, int), void* context) {
    const int most = limit.load(std::memory_order_relaxed), at_once = most && most < threads ? most : threads;
    if (at_once > 1 && pool_gate.try_lock()) {  // else another caller has the pool
        std::lock_guard lock(pool_gate, std::adopt_lock);
        if (!pool) pool = new Pool;
        return pool->run(threads, at_once, work, context);
    }
    for (int part = 0; part < threads; part++) work(context, part);
}

void philox(uint64_t seed, uint64_t tag, uint64_t step, uint64_t layer, uint64_t* words, int64_t count) {
    // J. Salmon et al., Parallel random numbers: as easy as 1, 2, 3, SC 2011; ten rounds.
    for (int64_t block = 0; block * 4 < count; block++) {
        uint64_t c[4] = {uint64_t(block) + 1, step, layer, 0}, k[2] = {seed, tag};
        for (int round = 0; round < 10; round++) {
            if (round) k[0] += 0x9E3779B97F4A7C15u, k[1] += 0xBB67AE8584CAA73Bu;
            const __uint128_t p = (__uint128_t)0xD2E7470EE14C6C93u * c[0], q = (__uint128_t)0xCA5A826395121157u * c[2];
            const uint64_t next[4] = {uint64_t(q >> 64) ^ c[1] ^ k[0], uint64_t(q), uint64_t(p >> 64) ^ c[3] ^ k[1], uint64_t(p)};
            std::memcpy(c, next, sizeof c);
        }
        for (int64_t i = 0; i < 4 && block * 4 + i < count; i++) words[block * 4 + i] = c[i];
    }
}

}  // namespace deltaprop

// For threadpoolctl, which calls them by ctypes: a limit for all plans, whatever number of threads they were made for.
#define DELTAPROP_EXPORT extern "C" __attribute__((visibility("default")))

DELTAPROP_EXPORT int deltaprop_get_num_threads() {
    const int most = deltaprop::limit.load();
    return most ? most : deltaprop::processors();
}

DELTAPROP_EXPORT void deltaprop_set_num_threads(int most) {  // as many as there are processors is no limit
    deltaprop::limit.store(most < 1 ? 1 : most < deltaprop::processors() ? most : 0);
}
