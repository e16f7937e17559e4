// Plans and what they stand on, compared with loops that are written as the equations read. No Python; built by
// tests/engines/test_native_cpp.py, and under the sanitizers by `make sanitize`.
#include <memory>
#include <new>
#include "oracle.hpp"

void test_support();  // test_support.cpp

static thread_local int64_t news = 0;

// Counted; not inlined, so that the compiler does not take them for a pair that does not match.
[[gnu::noinline]] void* operator new(size_t size) {
    news++;
    if (void* p = std::malloc(size ? size : 1)) return p;
    throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* p) noexcept { std::free(p); }
[[gnu::noinline]] void operator delete(void* p, size_t) noexcept { std::free(p); }

template <class T> void test_passes(const Core& core, const Data<T>& data, int64_t batch, int threads) {
    const std::string name = data.name(core, threads);
    std::unique_ptr<Plan> plan(core.make_plan(Net(data.net).spec(), batch, sizeof(T) == 8, threads));
    const Oracle want(data.net, data.theta, data.X, data.Y, first(data.m));
    std::vector<T> out(data.m * data.net.n.back()), grad(data.net.parameters());
    plan->forward(data.theta_t.data(), data.examples(), out.data());
    check(close(out, want.outputs, tolerance<T>), name + "forward");
    if (!data.m) return;
    std::vector<T> again(out.size()), dX(data.X.size());
    const double C = plan->evaluate(data.theta_t.data(), data.examples(), again.data());
    check(close(Numbers{C}, Numbers{want.C}, tolerance<T>) && out == again, name + "evaluate");
    const double same = plan->gradients(data.theta_t.data(), data.examples(), grad.data(), dX.data());
    check(close(Numbers{same}, Numbers{want.C}, tolerance<T>), name + "cost");
    check(close(grad, want.grad, tolerance<T>), name + "gradients");
}

struct Trained {
    Numbers theta, costs;
};

static Trained naive_training(const Net& net, Numbers theta, const Numbers& X, const Numbers& Y, const Rules& r,
                              const Steps& s) {
    Numbers first_slot(theta.size()), second(theta.size()), costs;
    for (int64_t step = 0; step < s.count; step++) {
        const Oracle at(net, theta, X, Y, {s.order + s.bounds[step], s.order + s.bounds[step + 1]});
        costs.push_back(at.C);
        const double t = double(s.first + step + 1), rate = s.rates[step];
        for (size_t i = 0; i < theta.size(); i++) {
            double g = at.grad[i], &m = first_slot[i], &v = second[i];
            if (int64_t(i) < net.b(1))
                g += r.l2 / (r.by_weight ? double(s.bounds[step + 1] - s.bounds[step]) : 1) * theta[i];
            if (r.rule == number(base::core.rules, "sgd")) {
                m = r.momentum * m - rate * g;
                theta[i] += m;
            } else {
                m = r.beta1 * m + (1 - r.beta1) * g;
                v = r.beta2 * v + (1 - r.beta2) * g * g;
                theta[i] -= rate * std::sqrt(1 - std::pow(r.beta2, t)) / (1 - std::pow(r.beta1, t)) * m /
                            (std::sqrt(v) + r.epsilon);
            }
        }
    }
    return {theta, costs};
}

template <class T> struct Training {
    std::vector<int64_t> order, bounds;
    Numbers rates, costs;
    std::vector<T> theta, m, v;
    int64_t made = 0;  // allocations during the steps, once the plan has seen such steps

    Training(const Core& core, const Data<T>& data, const Rules& rules, int64_t batch, int threads, bool twice = false)
        : order(first(data.m)), theta(data.theta_t), m(theta.size()), v(theta.size()) {
        for (int64_t at = 0; at < data.m; at += batch) bounds.push_back(at);
        bounds.push_back(data.m);
        rates.assign(bounds.size() - 1, 0.05);
        costs.assign(rates.size(), 0);
        std::unique_ptr<Plan> plan(core.make_plan(Net(data.net).spec(), batch, sizeof(T) == 8, threads));
        void* slots[2] = {m.data(), v.data()};
        const Steps steps = this->steps();
        check(plan->train(theta.data(), slots, rules, data.examples(), steps) == steps.count,
              data.name(core, threads) + "all steps taken");
        if (!twice) return;
        const int64_t before = allocations(), new_before = news;
        plan->train(theta.data(), slots, rules, data.examples(), steps);
        made = allocations() - before + news - new_before;
    }
    Steps steps() { return {order.data(), bounds.data(), rates.data(), int64_t(rates.size()), 0, costs.data()}; }
};

static Rules sgd() { return {number(base::core.rules, "sgd"), 0.5, 0, 0, 0, 0, 0, 0.01, -1, false, nullptr, 1}; }
static Rules adam() {
    return {number(base::core.rules, "adam"), 0, 0.9, 0.999, 1e-8, 0, 0, 0.01, -1, false, nullptr, 1};
}
static Rules shared() {
    Rules r = adam();
    r.l2 = 3;
    r.by_weight = true;
    return r;
}
static Rules plain() { return {number(base::core.rules, "sgd"), 0, 0, 0, 0, 0, 0, 0, -1, false, nullptr, 1}; }

template <class T>
void test_training(const Core& core, const Data<T>& data, const Rules& rules, int64_t batch, int threads) {
    Training<T> got(core, data, rules, batch, threads);
    const Trained want = naive_training(data.net, data.theta, data.X, data.Y, rules, got.steps());
    check(close(got.theta, want.theta, 30 * tolerance<T>), data.name(core, threads) + "trained parameters");
    check(close(got.costs, want.costs, 30 * tolerance<T>), data.name(core, threads) + "costs of the steps");
}

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
