// The pool of threads that all plans share, and the gate that a fork leaves open.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <memory>
#include <mutex>
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

std::atomic<int> forks{0};  // forks between the process that loaded the library and this one
std::atomic<int> limit{0};  // the most threads that work at the same time; 0: no limit

inline void pause() {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#endif
}

int processors() {
    static const int count = std::max(1, int(std::thread::hardware_concurrency()));
    return count;
}

// Signals are for the interpreter's threads: helpers start with all signals blocked.
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

// Threads that wait for work: a short spin, because the next product comes within microseconds, then sleep. One caller
// at a time. Never destroyed: at the end of the process helpers sleep, or spin, on memory that is still allocated.
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

        // Either this sees the helper asleep, or the helper sees the new turn before it sleeps: both are in one total
        // order.
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

    // How many helpers there are, up to `count`: fewer if the system gives no more threads.
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
        for (uint64_t seen = 0;; seen++) {  // a turn ends when all helpers called have answered, so none misses one
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

// The child of a fork has no helpers, and no caller at work.
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

}  // namespace deltaprop

// For threadpoolctl, which calls them by ctypes: a limit for all plans, also for those made for more threads.
#define DELTAPROP_EXPORT extern "C" __attribute__((visibility("default")))

DELTAPROP_EXPORT int deltaprop_get_num_threads() {
    const int most = deltaprop::limit.load();
    return most ? most : deltaprop::processors();
}

DELTAPROP_EXPORT void deltaprop_set_num_threads(int most) {  // the number of processors means no limit
    deltaprop::limit.store(most < 1 ? 1 : most < deltaprop::processors() ? most : 0);
}
