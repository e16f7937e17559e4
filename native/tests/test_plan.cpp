// Plans and what they stand on, compared with loops that are written as the equations read. No Python; built by
// tests/engines/test_native_cpp.py, and under the sanitizers by `make sanitize`.
#include <new>
#include "plans.hpp"

void test_support();                          // test_support.cpp
void test_kinds(const Core& core, bool all);  // test_kinds.cpp

thread_local int64_t news = 0;

// Counted; not inlined, so that the compiler does not take them for a pair that does not match.
[[gnu::noinline]] void* operator new(size_t size) {
    news++;
    if (void* p = std::malloc(size ? size : 1)) return p;
    throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* p) noexcept { std::free(p); }
[[gnu::noinline]] void operator delete(void* p, size_t) noexcept { std::free(p); }

template <class T> void test_sizes(const Core& core) {
    const int64_t sizes[] = {0, 1, 7, 16, 17, 63, 64, 65, 257};
    for (int64_t m : sizes)
        for (int64_t n : sizes) {
            const int threads = 1 + int((m + n) % 3);
            if (n) test_passes<T>(core, Data<T>(classifier({n, 5, 3}), m, 1), 64, threads);
            if (n) test_passes<T>(core, Data<T>(fitter({3, n, 4}), m, 2), 300, threads);
            if (n) test_passes<T>(core, Data<T>(between({3, n, 4}), m, 2), 64, threads);
            if (n && m)
                test_training<T>(core, Data<T>(classifier({4, n, n < 65 ? n : 3, 2}), m, 3),
                                 m % 2   ? sgd()
                                 : m % 3 ? adam()
                                         : shared(),
                                 16, threads);
            if (n) test_passes<T>(core, Data<T>(classifier({n, 5, 3}), m, 1).sparse(1 + m % 7), 64, threads);
            if (n) test_passes<T>(core, Data<T>(fitter({3, n, 4}), m, 2).sparse(1 + m % 3), 300, threads);
            if (n && m)
                test_training<T>(core, Data<T>(classifier({n, 20, 3}), m, 3).sparse(4), m % 2 ? plain() : adam(), 16,
                                 threads);
        }
}

template <class T> void test_threads(const Core& core, const Data<T>& wide) {
    double dropped[] = {0.3, 0.2};
    for (int threads : {2, 3}) test_passes<T>(core, wide, 257, threads);
    Rules clipped = sgd(), with_dropout = adam();
    clipped.clip_norm = 0.1;
    with_dropout.dropout = dropped;
    for (const Rules& rules : {sgd(), plain(), adam(), shared(), clipped, with_dropout}) {
        const Training<T> one(core, wide, rules, 120, 1);
        for (int threads : {2, 3, 5}) {
            const Training<T> several(core, wide, rules, 120, threads, true);
            check(several.made == 0,
                  wide.name(core, threads) + "allocations in a step: " + std::to_string(several.made));
            const Training<T> same(core, wide, rules, 120, threads);
            check(same.theta == one.theta && same.costs == one.costs && same.m == one.m && same.v == one.v,
                  wide.name(core, threads) + "same bits");
        }
    }
}

int main(int argc, char**) {  // with any argument: only what concerns threads, for the thread sanitizer
    test_support();
    for (const Core* set : cores()) {
        const Core& core = *set;
        if (argc == 1) test_sizes<float>(core);
        if (argc == 1) test_sizes<double>(core);
        test_kinds(core, argc == 1);
        const Net wide = classifier({257, 300, 65, 10});
        for (int64_t keep : {0, 9}) {
            const Data<float> single(wide, 257, 4);
            const Data<double> twice(wide, 257, 4);
            test_threads<float>(core, keep ? single.sparse(keep) : single);
            test_threads<double>(core, keep ? twice.sparse(keep) : twice);
        }
        std::printf("%s done\n", core.name);
    }
    std::printf("%d checks, %d failed\n", checks, failures);
    return failures != 0;
}
