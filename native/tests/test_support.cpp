// Threads, gates, forks and sizes that overflow.
#include <atomic>
#include <new>
#include <stdexcept>
#include <thread>
#include <vector>
#include <sys/wait.h>
#include <unistd.h>
#include "oracle.hpp"

struct Count {
    std::atomic<int> of[64] = {};
};

static void test_every_part_is_done_once() {
    for (int round = 0; round < 3000; round++) {
        const int parts = 1 + round % 7;
        Count count;
        parallel(parts, [](void* c, int part) { static_cast<Count*>(c)->of[part]++; }, &count);
        for (int part = 0; part < 64; part++) check(count.of[part] == (part < parts), "each part once");
    }
}

static void test_callers_may_come_at_once() {
    std::vector<std::thread> callers;
    std::atomic<int> done{0};
    for (int c = 0; c < 3; c++)
        callers.emplace_back([&] {
            for (int round = 0; round < 500; round++)
                parallel(3, [](void* d, int) { (*static_cast<std::atomic<int>*>(d))++; }, &done);
        });
    for (auto& caller : callers) caller.join();
    check(done == 3 * 500 * 3, "parts of three callers at once");
}

static void test_what_is_thrown_comes_to_the_caller() {
    for (int thrower = 0; thrower < 3; thrower++) {
        bool caught = false;
        try {
            parallel(
                3,
                [](void* who, int part) {
                    if (part == *static_cast<int*>(who)) throw std::runtime_error("part");
                },
                &thrower);
        } catch (const std::runtime_error&) { caught = true; }
        check(caught, "an exception of part " + std::to_string(thrower));
    }
    test_every_part_is_done_once();
}

static void test_a_child_has_helpers_of_its_own(Gate& held) {
    const pid_t child = fork();
    if (!child) {
        const int before = failures;
        held.lock();
        held.unlock();
        test_every_part_is_done_once();
        _exit(failures != before);
    }
    int status = 1;
    waitpid(child, &status, 0);
    check(status == 0, "after fork: the gate is open and the parts are done");
}

static void test_sizes_that_overflow_are_refused() {
    for (int64_t n : {int64_t(1) << 31, int64_t(1) << 40, int64_t(1) << 62}) {
        bool refused = false;
        Net net = classifier({n, n, 2});
        try {
            check_sizes(net.spec(), 1);
        } catch (const std::bad_alloc&) { refused = true; }
        check(refused, "sizes that overflow");
        refused = false;
        try {
            release(allocate(-n));
        } catch (const std::bad_alloc&) { refused = true; }
        check(refused, "a negative number of bytes");
    }
    check_sizes(classifier({1 << 20, 1 << 20, 2}).spec(), 1024);
}

void test_support() {
    test_sizes_that_overflow_are_refused();
    test_every_part_is_done_once();
    test_callers_may_come_at_once();
    test_what_is_thrown_comes_to_the_caller();
    Gate held;
    held.lock();
    test_a_child_has_helpers_of_its_own(held);
    held.unlock();
}
