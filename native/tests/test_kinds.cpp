// Layers of scales, learning rates of single blocks, and steps in two halves: sums of gradients, then their update.
#include "plans.hpp"

static Net with_kinds(Net net, std::vector<const char*> kinds, bool rated) {
    net.kinds = kinds;
    net.rated = rated;
    return net;
}

static std::vector<Net> nets(int64_t n) {
    return {
        with_kinds(classifier({n, n, 3}), {"scale", "dense"}, false),
        with_kinds(classifier({n, n, 3, 3}), {"scale", "dense", "scale"}, true),
        with_kinds(fitter({3, n, n, n, 2}), {"dense", "scale", "scale", "dense"}, true),
        with_kinds(fitter({n, n, n}), {"scale", "scale"}, true),
        with_kinds(classifier({n, 5, 3}), {"dense", "dense"}, true),
    };
}

// Two halves of a step on their own, from the same theta: their sums add up to the whole step's.
template <class T> static void test_halves(const Core& core, const Data<T>& data, const Rules& rules, int threads) {
    if (data.m < 2) return;
    const std::string name = data.name(core, threads);
    Training<T> want(core, data, rules, data.m, threads);
    std::unique_ptr<Plan> plan(core.make_plan(Net(data.net).spec(), 64, sizeof(T) == 8, threads));
    const std::vector<int64_t> order = first(data.m);
    std::vector<T> theta(data.theta_t), m(theta.size()), v(theta.size()), mean(theta.size()), part(theta.size());
    const int64_t bounds[3] = {0, data.m / 3, data.m};
    double C = 0;
    for (int half : {0, 1}) {
        const Steps steps{order.data(), bounds + half, nullptr, 1, 0, nullptr};
        C += plan->gradient(theta.data(), rules, data.examples(), steps, part.data());
        for (size_t i = 0; i < mean.size(); i++) mean[i] += part[i] / T(data.m);
    }
    check(theta == data.theta_t, name + "theta of a gradient");
    check(close(Numbers{C / double(data.m)}, want.costs, 30 * tolerance<T>), name + "cost of two halves");
    void* slots[2] = {m.data(), v.data()};
    check(plan->apply(theta.data(), slots, rules, mean.data(), double(data.m), 0.05, 0), name + "a step applied");
    check(close(theta, want.theta, 100 * tolerance<T>), name + "theta of two halves");
    const std::vector<T> before = theta;
    mean[mean.size() / 2] = T(NAN);
    check(!plan->apply(theta.data(), slots, rules, mean.data(), double(data.m), 0.05, 1), name + "a step refused");
    check(theta == before, name + "theta after a step refused");
}

// Shares instead of weights: those of the mean give the mean's training.
template <class T> static void test_shares(const Core& core, const Data<T>& data) {
    const Oracle want(data.net, data.theta, data.X, data.Y, first(data.m));
    std::unique_ptr<Plan> plan(core.make_plan(Net(data.net).spec(), 64, sizeof(T) == 8, 1));
    const std::vector<int64_t> order = first(data.m);
    const int64_t bounds[2] = {0, data.m};
    const Numbers shares(data.m, 1 / double(data.m));
    Steps steps{order.data(), bounds, nullptr, 1, 0, nullptr};
    steps.shares = shares.data();
    std::vector<T> grad(data.theta_t.size());
    const double C = plan->gradient(data.theta_t.data(), plain(), data.examples(), steps, grad.data());
    check(close(Numbers{C}, Numbers{want.C}, tolerance<T>), data.name(core, 1) + "cost by shares");
    check(close(grad, want.grad, tolerance<T>), data.name(core, 1) + "gradient by shares");
}

template <class T> static void test_kinds_of(const Core& core) {
    for (int64_t n : {1, 7, 16, 33, 65, 130})
        for (int64_t m : {1, 6, 17, 130})
            for (const Net& net : nets(n)) {
                const int threads = 1 + int((m + n) % 3);
                const Data<T> dense(net, m, 5), sparse = dense.sparse(1 + m % 4);
                for (const Data<T>* data : {&dense, &sparse}) {
                    test_passes<T>(core, *data, 64, threads);
                    for (const Rules& rules : {sgd(), adam(), plain()}) {
                        test_training<T>(core, *data, rules, 16, threads);
                        test_halves<T>(core, *data, rules, threads);
                    }
                    test_shares<T>(core, *data);
                }
            }
}

// The same bits for any number of threads, of layers that are wide enough to be shared out.
template <class T> static void test_threads_of_kinds(const Core& core) {
    double dropped[] = {0.3, 0.2, 0.1};
    const Data<T> data(with_kinds(classifier({300, 300, 290, 290, 5}), {"scale", "dense", "scale", "dense"}, true), 257,
                       6);
    Rules clipped = sgd(), with_dropout = adam();
    clipped.clip_norm = 0.1;
    with_dropout.dropout = dropped;
    for (const Rules& rules : {plain(), clipped, with_dropout}) {
        const Training<T> one(core, data, rules, 120, 1);
        for (int threads : {2, 3}) {
            const Training<T> same(core, data, rules, 120, threads, true), again(core, data, rules, 120, threads);
            check(again.theta == one.theta && again.costs == one.costs, data.name(core, threads) + "same bits");
            check(same.made == 0, data.name(core, threads) + "allocations in a step");
        }
    }
}

static void test_widths_that_do_not_fit(const Core& core) {
    Net net = with_kinds(classifier({4, 5, 3}), {"scale", "dense"}, false);
    check(core.size(net.spec()).parameters == 0, "a scale layer wider than its inputs");
    net = with_kinds(classifier({4, 4, 3}), {"scale", "dense"}, false);
    check(core.size(net.spec()).parameters == net.parameters() && core.size(net.spec()).blocks == 3, "sizes of theta");
}

void test_kinds(const Core& core, bool all) {
    test_widths_that_do_not_fit(core);
    if (all) test_kinds_of<float>(core);
    if (all) test_kinds_of<double>(core);
    test_threads_of_kinds<float>(core);
    test_threads_of_kinds<double>(core);
}
