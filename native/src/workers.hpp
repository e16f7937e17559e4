// Work divided among the threads of a plan; small work stays on one.
#pragma once
#include "gemm.hpp"

namespace {

constexpr double WORTH_A_THREAD = 0.75e6;  // operations below which one thread is quicker

class Workers {
public:
    explicit Workers(int threads) : threads_(threads) {}

    int threads() const { return threads_; }

    // work(row) for rows i0..i1, each of about `operations` operations.
    template <class Work> void over_rows(int64_t i0, int64_t i1, int64_t operations, Work&& work) const {
        const int64_t m = i1 - i0;
        const int threads = threads_for(double(m) * operations);
        share_out(threads, [&](int t) {
            for (int64_t i = i0 + m * t / threads; i < i0 + m * (t + 1) / threads; i++) work(i);
        });
    }

    // work(part) for the parts 0 .. threads - 1.
    template <class Work> void share_out(int threads, Work&& work) const {
        if (threads <= 1) return work(0);
        struct Context {
            Work* work;
        } context{&work};
        deltaprop::parallel(threads, [](void* c, int t) { (*static_cast<Context*>(c)->work)(t); }, &context);
    }

    // As many threads as the work is worth.
    int threads_for(double operations) const {
        const double worth = operations / WORTH_A_THREAD;
        return worth < 2 || threads_ < 2 ? 1 : worth < threads_ ? int(worth) : threads_;
    }

    // work(thread, p, i0, i1) for all panels of a product of M rows, and for parts of its rows if the panels do not
    // divide evenly; each column adds up `terms` products.
    template <class T, class Work> void over_panels(const Panels<T>& cut, int64_t M, double terms, Work&& work) const {
        const int threads = threads_for(2 * terms * cut.n);
        const int64_t chunks = cut.count % threads ? threads : 1, tasks = cut.count * chunks;
        share_out(threads, [&](int thread) {
            for (int64_t task = tasks * thread / threads; task < tasks * (thread + 1) / threads; task++) {
                const int64_t c = task % chunks;
                work(thread, task / chunks, M * c / chunks, M * (c + 1) / chunks);
            }
        });
    }

private:
    int threads_;
};

}  // namespace
