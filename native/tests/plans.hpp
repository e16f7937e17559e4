// Plans compared with the oracle: passes and trainings.
#pragma once
#include <memory>
#include "oracle.hpp"

extern thread_local int64_t news;  // calls of operator new: test_plan.cpp

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

inline Trained naive_training(const Net& net, Numbers theta, const Numbers& X, const Numbers& Y, const Rules& r,
                              const Steps& s) {
    Numbers first_slot(theta.size()), second(theta.size()), costs;
    for (int64_t step = 0; step < s.count; step++) {
        const Oracle at(net, theta, X, Y, {s.order + s.bounds[step], s.order + s.bounds[step + 1]});
        costs.push_back(at.C);
        const double t = double(s.first + step + 1), eta = s.rates[step];
        for (size_t i = 0; i < theta.size(); i++) {
            const double rate = eta * net.factor(int64_t(i));
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

inline Rules sgd() { return {number(base::core.rules, "sgd"), 0.5, 0, 0, 0, 0, 0, 0.01, -1, false, nullptr, 1}; }
inline Rules adam() {
    return {number(base::core.rules, "adam"), 0, 0.9, 0.999, 1e-8, 0, 0, 0.01, -1, false, nullptr, 1};
}
inline Rules shared() {
    Rules r = adam();
    r.l2 = 3;
    r.by_weight = true;
    return r;
}
inline Rules plain() { return {number(base::core.rules, "sgd"), 0, 0, 0, 0, 0, 0, 0, -1, false, nullptr, 1}; }

template <class T>
void test_training(const Core& core, const Data<T>& data, const Rules& rules, int64_t batch, int threads) {
    Training<T> got(core, data, rules, batch, threads);
    const Trained want = naive_training(data.net, data.theta, data.X, data.Y, rules, got.steps());
    check(close(got.theta, want.theta, 30 * tolerance<T>), data.name(core, threads) + "trained parameters");
    check(close(got.costs, want.costs, 30 * tolerance<T>), data.name(core, threads) + "costs of the steps");
}
