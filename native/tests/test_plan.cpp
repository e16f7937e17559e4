// The plan and what it stands on, held against loops that are written as the equations read. No Python; built plainly by
// tests/engines/test_native_cpp.py, and under the sanitizers by `make sanitize`.
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <random>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>
#include <sys/wait.h>
#include <unistd.h>
#include "../src/api.hpp"

using namespace deltaprop;
using Numbers = std::vector<double>;

static int failures = 0, checks = 0;
static thread_local int64_t news = 0;

// Counted; not inlined, so that the compiler does not take them for a pair that does not match.
[[gnu::noinline]] void* operator new(size_t size) {
    news++;
    if (void* p = std::malloc(size ? size : 1)) return p;
    throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* p) noexcept { std::free(p); }
[[gnu::noinline]] void operator delete(void* p, size_t) noexcept { std::free(p); }

static void check(bool good, const std::string& what) {
    checks++;
    if (!good && ++failures <= 20) std::printf("FAILED: %s\n", what.c_str());
}

struct Net {
    std::vector<int64_t> n;
    std::vector<int> act;
    Cost cost;
    bool canonical;
    double q = 1;

    int L() const { return int(n.size()) - 1; }
    Spec spec() const { return {L(), n.data(), act.data(), int(cost), q, canonical}; }
    int64_t W(int l) const {
        int64_t at = 0;
        for (int k = 1; k < l; k++) at += n[k] * n[k - 1];
        return at;
    }
    int64_t b(int l) const {
        int64_t at = W(L() + 1);
        for (int k = 1; k < l; k++) at += n[k];
        return at;
    }
    int64_t parameters() const { return b(L() + 1); }
};

static Net classifier(std::vector<int64_t> n) {
    std::vector<int> act(n.size() - 1, int(Act::tanh));
    act.back() = int(Act::softmax);
    return {n, act, Cost::categorical, true};
}

static Net fitter(std::vector<int64_t> n) { return {n, std::vector<int>(n.size() - 1, int(Act::sigmoid)), Cost::quadratic, false}; }

static Net between(std::vector<int64_t> n) {  // 0.9 of the targets below a^L
    Net net = fitter(n);
    net.cost = Cost::quantile, net.q = 0.9;
    return net;
}

static double sigma(int act, double z) { return Act(act) == Act::tanh ? std::tanh(z) : 1 / (1 + std::exp(-z)); }
static double slope(int act, double a) { return Act(act) == Act::tanh ? 1 - a * a : a * (1 - a); }

// Forward and BP1..BP4 of one example after another; grad is the mean's.
struct Oracle {
    double C = 0;
    Numbers outputs, grad;

    Oracle(const Net& net, const Numbers& theta, const Numbers& X, const Numbers& Y, const std::vector<int64_t>& rows) : grad(theta.size()) {
        for (int64_t row : rows) example(net, theta, X.data() + row * net.n[0], Y.data() + row * net.n.back(), 1.0 / double(rows.size()));
    }

    void example(const Net& net, const Numbers& theta, const double* x, const double* y, double share) {
        const int L = net.L();
        std::vector<Numbers> a{Numbers(x, x + net.n[0])};
        for (int l = 1; l <= L; l++) {
            Numbers z(net.n[l]);
            double total = 0;
            for (int64_t j = 0; j < net.n[l]; j++) {
                z[j] = theta[net.b(l) + j];
                for (int64_t k = 0; k < net.n[l - 1]; k++) z[j] += theta[net.W(l) + j * net.n[l - 1] + k] * a[l - 1][k];
            }
            const bool softmax = Act(net.act[l - 1]) == Act::softmax;
            for (double& v : z) total += v = softmax ? std::exp(v) : sigma(net.act[l - 1], v);
            for (double& v : z) v /= softmax ? total : 1;
            a.push_back(z);
        }
        outputs.insert(outputs.end(), a[L].begin(), a[L].end());
        Numbers delta(net.n[L]);
        for (int64_t j = 0; j < net.n[L]; j++) {
            const double r = a[L][j] - y[j], weight = r < 0 ? -net.q : 1 - net.q;
            const bool is_quantile = net.cost == Cost::quantile;
            C += share * (is_quantile ? weight * r : net.cost == Cost::quadratic ? 0.5 * r * r : -y[j] * std::log(a[L][j]));
            delta[j] = (is_quantile ? weight : r) * share * (net.canonical ? 1 : slope(net.act[L - 1], a[L][j]));  // BP1
        }
        for (int l = L; l >= 1; l--) {
            Numbers below(net.n[l - 1]);
            for (int64_t j = 0; j < net.n[l]; j++) {
                grad[net.b(l) + j] += delta[j];  // BP3
                for (int64_t k = 0; k < net.n[l - 1]; k++) {
                    grad[net.W(l) + j * net.n[l - 1] + k] += delta[j] * a[l - 1][k];  // BP4
                    below[k] += theta[net.W(l) + j * net.n[l - 1] + k] * delta[j];    // BP2
                }
            }
            if (l > 1) for (int64_t k = 0; k < net.n[l - 1]; k++) below[k] *= slope(net.act[l - 2], a[l - 1][k]);
            delta = below;
        }
    }
};

template <class T> std::vector<T> as(const Numbers& from) { return std::vector<T>(from.begin(), from.end()); }

template <class T, class U> bool close(const std::vector<T>& got, const std::vector<U>& want, double within) {
    double scale = 1e-6, gap = 0;
    for (size_t i = 0; i < want.size(); i++) {
        scale = std::max(scale, std::fabs(double(want[i])));
        gap = std::max(gap, std::isfinite(double(got[i])) ? std::fabs(double(got[i]) - double(want[i])) : 1e300);
    }
    return got.size() == want.size() && gap <= within * scale;
}

using Make = Plan* (*)(const Spec&, int64_t, bool, int);
struct Set { const char* name; Make make; };

static std::vector<Set> sets() {
    std::vector<Set> found{{"base", base::make_plan}};
#if defined(__x86_64__) && !defined(BASE_ALONE)
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) found.push_back({"avx2", avx2::make_plan});
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw"))
        found.push_back({"avx512", avx512::make_plan});
#endif
    return found;
}

// Examples for a net, in T, each array exactly as long as it must be so that the address sanitizer sees every overrun.
template <class T> struct Data {
    Net net;
    int64_t m;
    Numbers theta, X, Y;
    std::vector<T> theta_t, X_t, Y_t, stored;
    std::vector<int32_t> columns;
    std::vector<int64_t> starts;

    Data(const Net& given, int64_t rows, unsigned seed) : net(given), m(rows), theta(net.parameters()), X(rows * net.n[0]), Y(rows * net.n.back()) {
        std::mt19937_64 random(seed);
        std::normal_distribution<double> normal;
        auto fill = [&](Numbers& into, double by) { for (double& v : into) v = T(normal(random) * by); };
        fill(theta, 1 / std::sqrt(double(net.n[net.L() / 2])));
        fill(X, 1);
        for (int64_t i = 0; i < m; i++) Y[i * net.n.back() + int64_t(random() % net.n.back())] = 1;
        theta_t = as<T>(theta), X_t = as<T>(X), Y_t = as<T>(Y);
    }
    // The same with all but every keep-th number of X 0, in some rows all, and X given as CSR.
    Data sparse(int64_t keep) const {
        Data with = *this;
        with.starts.push_back(0);
        for (int64_t i = 0; i < m; i++) {
            for (int64_t k = 0; k < net.n[0]; k++) {
                const int64_t at = i * net.n[0] + k;
                if ((at * 7 + i) % keep || i % 5 == 3) with.X[at] = with.X_t[at] = 0;
                else with.stored.push_back(X_t[at]), with.columns.push_back(int32_t(k));
            }
            with.starts.push_back(int64_t(with.stored.size()));
        }
        return with;
    }
    Examples examples() const {
        if (starts.empty()) return {X_t.data(), net.n[0], 1, nullptr, Y_t.data(), nullptr, m};
        return {stored.data(), 0, 0, nullptr, Y_t.data(), nullptr, m, columns.data(), starts.data()};
    }
    std::string name(const Set& set, int threads) const {
        std::string text = std::string(set.name) + (sizeof(T) == 4 ? " float" : " double") + (starts.empty() ? "" : " sparse") + " m=" + std::to_string(m) + " threads=" + std::to_string(threads) + " ";
        for (int64_t n : net.n) text += std::to_string(n) + "-";
        return text;
    }
};

template <class T> constexpr double tolerance = sizeof(T) == 4 ? 3e-5 : 1e-11;

static std::vector<int64_t> first(int64_t m) {
    std::vector<int64_t> rows(m);
    for (int64_t i = 0; i < m; i++) rows[i] = i;
    return rows;
}

template <class T> void test_passes(const Set& set, const Data<T>& data, int64_t batch, int threads) {
    const std::string name = data.name(set, threads);
    std::unique_ptr<Plan> plan(set.make(data.net.spec(), batch, sizeof(T) == 8, threads));
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

struct Trained { Numbers theta, costs; };

static Trained naive_training(const Net& net, Numbers theta, const Numbers& X, const Numbers& Y, const Rules& r, const Steps& s) {
    Numbers first_slot(theta.size()), second(theta.size()), costs;
    for (int64_t step = 0; step < s.count; step++) {
        const Oracle at(net, theta, X, Y, {s.order + s.bounds[step], s.order + s.bounds[step + 1]});
        costs.push_back(at.C);
        const double t = double(s.first + step + 1), rate = s.rates[step];
        for (size_t i = 0; i < theta.size(); i++) {
            double g = at.grad[i], &m = first_slot[i], &v = second[i];
            if (int64_t(i) < net.b(1)) g += r.l2 / (r.by_weight ? double(s.bounds[step + 1] - s.bounds[step]) : 1) * theta[i];
            if (Rule(r.rule) == Rule::sgd) {
                m = r.momentum * m - rate * g;
                theta[i] += m;
            } else {
                m = r.beta1 * m + (1 - r.beta1) * g;
                v = r.beta2 * v + (1 - r.beta2) * g * g;
                theta[i] -= rate * std::sqrt(1 - std::pow(r.beta2, t)) / (1 - std::pow(r.beta1, t)) * m / (std::sqrt(v) + r.epsilon);
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

    Training(const Set& set, const Data<T>& data, const Rules& rules, int64_t batch, int threads, bool twice = false) : order(first(data.m)), theta(data.theta_t), m(theta.size()), v(theta.size()) {
        for (int64_t at = 0; at < data.m; at += batch) bounds.push_back(at);
        bounds.push_back(data.m);
        rates.assign(bounds.size() - 1, 0.05);
        costs.assign(rates.size(), 0);
        std::unique_ptr<Plan> plan(set.make(data.net.spec(), batch, sizeof(T) == 8, threads));
        void* slots[2] = {m.data(), v.data()};
        const Steps steps = this->steps();
        check(plan->train(theta.data(), slots, rules, data.examples(), steps) == steps.count, data.name(set, threads) + "all steps taken");
        if (!twice) return;
        const int64_t before = allocations(), new_before = news;
        plan->train(theta.data(), slots, rules, data.examples(), steps);
        made = allocations() - before + news - new_before;
    }
    Steps steps() { return {order.data(), bounds.data(), rates.data(), int64_t(rates.size()), 0, costs.data()}; }
};

static Rules sgd() { return {int(Rule::sgd), 0.5, 0, 0, 0, 0, 0, 0.01, -1, false, nullptr, 1}; }
static Rules adam() { return {int(Rule::adam), 0, 0.9, 0.999, 1e-8, 0, 0, 0.01, -1, false, nullptr, 1}; }
static Rules shared() {
    Rules r = adam();
    r.l2 = 3;
    r.by_weight = true;
    return r;
}
static Rules plain() { return {int(Rule::sgd), 0, 0, 0, 0, 0, 0, 0, -1, false, nullptr, 1}; }

template <class T> void test_training(const Set& set, const Data<T>& data, const Rules& rules, int64_t batch, int threads) {
    Training<T> got(set, data, rules, batch, threads);
    const Trained want = naive_training(data.net, data.theta, data.X, data.Y, rules, got.steps());
    check(close(got.theta, want.theta, 30 * tolerance<T>), data.name(set, threads) + "trained parameters");
    check(close(got.costs, want.costs, 30 * tolerance<T>), data.name(set, threads) + "costs of the steps");
}

template <class T> void test_sizes(const Set& set) {
    const int64_t sizes[] = {0, 1, 7, 16, 17, 63, 64, 65, 257};
    for (int64_t m : sizes)
        for (int64_t n : sizes) {
            const int threads = 1 + int((m + n) % 3);
            if (n) test_passes<T>(set, Data<T>(classifier({n, 5, 3}), m, 1), 64, threads);
            if (n) test_passes<T>(set, Data<T>(fitter({3, n, 4}), m, 2), 300, threads);
            if (n) test_passes<T>(set, Data<T>(between({3, n, 4}), m, 2), 64, threads);
            if (n && m) test_training<T>(set, Data<T>(classifier({4, n, n < 65 ? n : 3, 2}), m, 3), m % 2 ? sgd() : m % 3 ? adam() : shared(), 16, threads);
            if (n) test_passes<T>(set, Data<T>(classifier({n, 5, 3}), m, 1).sparse(1 + m % 7), 64, threads);
            if (n) test_passes<T>(set, Data<T>(fitter({3, n, 4}), m, 2).sparse(1 + m % 3), 300, threads);
            if (n && m) test_training<T>(set, Data<T>(classifier({n, 20, 3}), m, 3).sparse(4), m % 2 ? plain() : adam(), 16, threads);
        }
}

template <class T> void test_threads(const Set& set, const Data<T>& wide) {
    double dropped[] = {0.3, 0.2};
    for (int threads : {2, 3}) test_passes<T>(set, wide, 257, threads);
    Rules clipped = sgd(), with_dropout = adam();
    clipped.clip_norm = 0.1;
    with_dropout.dropout = dropped;
    for (const Rules& rules : {sgd(), plain(), adam(), shared(), clipped, with_dropout}) {
        const Training<T> one(set, wide, rules, 120, 1);
        for (int threads : {2, 3, 5}) {
            const Training<T> several(set, wide, rules, 120, threads, true);
            check(several.made == 0, wide.name(set, threads) + "allocations in a step: " + std::to_string(several.made));
            const Training<T> same(set, wide, rules, 120, threads);
            check(same.theta == one.theta && same.costs == one.costs && same.m == one.m && same.v == one.v, wide.name(set, threads) + "same bits");
        }
    }
}

struct Count { std::atomic<int> of[64] = {}; };

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
        callers.emplace_back([&] { for (int round = 0; round < 500; round++) parallel(3, [](void* d, int) { (*static_cast<std::atomic<int>*>(d))++; }, &done); });
    for (auto& caller : callers) caller.join();
    check(done == 3 * 500 * 3, "parts of three callers at once");
}

static void test_what_is_thrown_comes_to_the_caller() {
    for (int thrower = 0; thrower < 3; thrower++) {
        bool caught = false;
        try {
            parallel(3, [](void* who, int part) { if (part == *static_cast<int*>(who)) throw std::runtime_error("part"); }, &thrower);
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
        const Net net = classifier({n, n, 2});
        try { check_sizes(net.spec(), 1); } catch (const std::bad_alloc&) { refused = true; }
        check(refused, "sizes that overflow");
        refused = false;
        try { release(allocate(-n)); } catch (const std::bad_alloc&) { refused = true; }
        check(refused, "a negative number of bytes");
    }
    check_sizes(classifier({1 << 20, 1 << 20, 2}).spec(), 1024);
}

int main(int argc, char**) {  // with any argument: what has to do with threads alone, for the thread sanitizer
    test_sizes_that_overflow_are_refused();
    test_every_part_is_done_once();
    test_callers_may_come_at_once();
    test_what_is_thrown_comes_to_the_caller();
    Gate held;
    held.lock();
    test_a_child_has_helpers_of_its_own(held);
    held.unlock();
    for (const Set& set : sets()) {
        if (argc == 1) test_sizes<float>(set);
        if (argc == 1) test_sizes<double>(set);
        const Net wide = classifier({257, 300, 65, 10});
        for (int64_t keep : {0, 9}) {
            const Data<float> single(wide, 257, 4);
            const Data<double> twice(wide, 257, 4);
            test_threads<float>(set, keep ? single.sparse(keep) : single);
            test_threads<double>(set, keep ? twice.sparse(keep) : twice);
        }
        std::printf("%s done\n", set.name);
    }
    std::printf("%d checks, %d failed\n", checks, failures);
    return failures != 0;
}
