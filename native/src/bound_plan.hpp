// A plan that takes Python's arrays, checks each and passes it on as a pointer.
#pragma once
#include <nanobind/stl/vector.h>
#include <atomic>
#include <cmath>
#include <memory>
#include <utility>
#include <vector>
#include "api.hpp"
#include "arrays.hpp"

using namespace deltaprop;

// The rules of a training, with the dropout probabilities that they point to.
class BoundRules : public Rules {
public:
    BoundRules(const Rules& rules, std::vector<double> probabilities) : Rules(rules), p(std::move(probabilities)) {
        if (!p.empty()) dropout = p.data();
    }

    const std::vector<double> p;
};

class BoundPlan {
public:
    BoundPlan(const Core& core, std::vector<int64_t> n, std::vector<int> act, std::vector<int> kinds,
              const std::vector<double>& rates, int cost, double threshold, bool canonical, int64_t batch,
              bool is_double, int threads)
        : core_(core), n_(std::move(n)), act_(std::move(act)), kinds_(std::move(kinds)), bytes_(is_double ? 8 : 4) {
        const Spec spec{int(act_.size()), n_.data(), act_.data(),   cost,
                        threshold,        canonical, kinds_.data(), rates.data()};
        check_numbers(spec);
        if (batch < 1 || threads < 1) refuse("batch and threads", "1 or more");
        check_sizes(spec, batch);
        check_blocks(spec, rates);
        parameters_ = core.size(spec).parameters;
        plan_.reset(core.make_plan(spec, batch, is_double, threads));
    }

    void forward(const In& theta, const Rows& X, const Out& out) {
        const Examples e = examples(X, nullptr, nullptr);
        check_all(e);
        const void* t = vector(theta, "theta");
        void* o = rows_out(out, e.m, n_.back(), "out");
        alone([&] { plan_->forward(t, e, o); });
    }

    double evaluate(const In& theta, const Rows& X, const In& Y, const MaybeIn& weight, const Out& out) {
        const Examples e = examples(X, &Y, &weight);
        check_all(e);
        const void* t = vector(theta, "theta");
        void* o = rows_out(out, e.m, n_.back(), "out");
        return alone([&] { return plan_->evaluate(t, e, o); });
    }

    double gradients(const In& theta, const Rows& X, const In& Y, const MaybeIn& weight, const MaybeOut& grad,
                     const MaybeOut& dX) {
        const Examples e = examples(X, &Y, &weight);
        check_all(e);
        const void* t = vector(theta, "theta");
        void* g = grad ? vector_out(*grad, "grad") : nullptr;
        void* d = dX ? rows_out(*dX, e.m, n_.front(), "dX") : nullptr;
        return alone([&] { return plan_->gradients(t, e, g, d); });
    }

    void gradient_norms(const In& theta, const Rows& X, const In& Y, const Out& norms) {
        const Examples e = examples(X, &Y, nullptr);
        check_all(e);
        const void* t = vector(theta, "theta");
        double* n = const_cast<double*>(numbers(norms, "norms"));
        if (int64_t(norms.size()) != e.m) refuse("norms", "one number per row of X");
        alone([&] { plan_->gradient_norms(t, e, n); });
    }

    int64_t train(const Out& theta, const std::vector<Out>& slots, const BoundRules& rules, const Rows& X, const In& Y,
                  const MaybeIn& weight, const In& order, const In& bounds, const In& rates, const MaybeIn& shares,
                  int64_t first, const Out& costs, const MaybeOut& penalties) {
        const Examples e = examples(X, &Y, &weight);
        check_dropout(rules);
        const Slots s = slots_out(slots, rules);
        const int64_t count = int64_t(rates.size());
        Steps steps{indices(order, "order"),    indices(bounds, "bounds"), numbers(rates, "rates"), count, first,
                    numbers_out(costs, "costs")};
        if (penalties) steps.penalties = numbers_out(*penalties, "penalties");
        if (shares) steps.shares = numbers(*shares, "shares");
        if (int64_t(bounds.size()) != count + 1 || int64_t(costs.size()) != count)
            refuse("bounds", "one more than rates, and costs as many as rates");
        if (penalties && int64_t(penalties->size()) != count) refuse("penalties", "one number per step");
        if (shares && shares->size() != order.size()) refuse("shares", "one number per place in order");
        check_steps(steps, e, int64_t(order.size()));
        void* t = vector_out(theta, "theta");
        return alone([&] { return plan_->train(t, s.at, rules, e, steps); });
    }

    double gradient(const In& theta, const BoundRules& rules, const Rows& X, const In& Y, const MaybeIn& weight,
                    const In& rows, const MaybeIn& shares, int64_t step, const Out& grad) {
        const Examples e = examples(X, &Y, &weight);
        check_dropout(rules);
        const int64_t bounds[2] = {0, int64_t(rows.size())};
        Steps steps{indices(rows, "rows"), bounds, nullptr, 1, step, nullptr};
        if (shares) steps.shares = numbers(*shares, "shares");
        if (shares && shares->size() != rows.size()) refuse("shares", "one number per row");
        check_steps(steps, e, bounds[1]);
        const void* t = vector(theta, "theta");
        void* g = vector_out(grad, "grad");
        return alone([&] { return plan_->gradient(t, rules, e, steps, g); });
    }

    bool apply(const Out& theta, const std::vector<Out>& slots, const BoundRules& rules, const In& gradient,
               double weight, double rate, int64_t step) {
        const Slots s = slots_out(slots, rules);
        void* t = vector_out(theta, "theta");
        const void* g = vector(gradient, "gradient");
        return alone([&] { return plan_->apply(t, s.at, rules, g, weight, rate, step); });
    }

private:
    // The buffers are for one caller at a time. The interpreter's lock is released meanwhile.
    template <class Work> decltype(std::declval<Work>()()) alone(Work&& work) {
        if (busy_.exchange(true))
            throw std::runtime_error("this plan is at work in another thread: make a plan for each thread");
        struct Free {
            std::atomic<bool>& busy;
            ~Free() { busy.store(false); }
        } free{busy_};
        nb::gil_scoped_release released;
        return work();
    }

    void check_numbers(const Spec& spec) const {
        if (spec.L < 1 || spec.L > MAX_LAYERS || n_.size() != act_.size() + 1) refuse("sizes", "of 1 to 1024 layers");
        for (int64_t width : n_)
            if (width < 1) refuse("sizes", "1 or more each");
        for (size_t l = 0; l < act_.size(); l++)
            if (act_[l] < 0 || act_[l] >= core_.activations.count - (l + 1 < act_.size()))
                refuse("activations", "of those that ACTIVATIONS names, softmax the last layer's");
        if (kinds_.size() != act_.size()) refuse("kinds", "one per layer");
        for (int kind : kinds_)
            if (kind < 0 || kind >= core_.kinds.count) refuse("kinds", "of those that KINDS names");
        if (spec.cost < 0 || spec.cost >= core_.costs.count) refuse("cost", "of those that COSTS names");
    }

    void check_blocks(const Spec& spec, const std::vector<double>& rates) const {
        if (!core_.size(spec).parameters) refuse("sizes", "such that a scale layer has the units of the layer below");
        if (int64_t(rates.size()) != core_.size(spec).blocks) refuse("rates", "one per block of theta");
        for (double rate : rates)
            if (!(rate >= 0 && rate < HUGE_VAL)) refuse("rates", "finite, 0 or more");
    }

    void check_dropout(const BoundRules& rules) const {
        if (!rules.p.empty() && rules.p.size() != act_.size() - 1)
            refuse("dropout", "one probability per hidden layer");
    }

    struct Slots {
        void* at[2] = {nullptr, nullptr};
    };

    Slots slots_out(const std::vector<Out>& slots, const BoundRules& rules) const {
        if (slots.size() > 2 || int(slots.size()) < core_.slots(rules))
            refuse("slots", "as many vectors as the update rule keeps");
        Slots out;
        for (size_t i = 0; i < slots.size(); i++) out.at[i] = vector_out(slots[i], "slots");
        return out;
    }

    bool of_type(const auto& a) const { return is_real(a, bytes_); }

    void* vector_out(const auto& a, const char* name) const {
        if (!of_type(a) || a.ndim() != 1 || int64_t(a.shape(0)) != parameters_ || !packed(a) || !aligned(a, bytes_))
            refuse(name, "a contiguous vector of all parameters, of the network's type");
        return const_cast<void*>(static_cast<const void*>(a.data()));
    }
    const void* vector(const In& a, const char* name) const { return vector_out(a, name); }

    void* rows_out(const Out& a, int64_t m, int64_t n, const char* name) const {
        if (!of_type(a) || a.ndim() != 2 || int64_t(a.shape(0)) != m || int64_t(a.shape(1)) != n || !packed(a) ||
            !aligned(a, bytes_))
            refuse(name, "contiguous rows of the network's type");
        return a.data();
    }

    Examples rows(const In& X) const {
        if (!of_type(X) || X.ndim() != 2 || int64_t(X.shape(1)) != n_.front() || !aligned(X, bytes_))
            refuse("X", "rows (m, n_0) of the network's type");
        Examples e{};
        e.X = X.data();
        e.m = int64_t(X.shape(0));
        e.x_stride = X.stride(0);
        e.x_step = X.stride(1);
        return e;
    }

    Examples rows(const Csr& X) const {
        const auto& [data, columns, starts] = X;
        if (!of_type(data) || data.ndim() != 1 || !packed(data) || !aligned(data, bytes_))
            refuse("X's data", "a contiguous vector of the network's type");
        if (columns.dtype() != nb::dtype<int32_t>() || columns.ndim() != 1 || !packed(columns) ||
            !aligned(columns, 4) || columns.size() != data.size())
            refuse("X's indices", "a contiguous vector of int32, as long as its data");
        Examples e{};
        e.X = data.data();
        e.columns = static_cast<const int32_t*>(columns.data());
        e.starts = indices(starts, "X's indptr");
        e.m = int64_t(starts.size()) - 1;
        if (e.m < 0 || e.starts[0] != 0 || e.starts[e.m] != int64_t(data.size()))
            refuse("X's indptr", "from 0 to the stored numbers");
        return e;
    }

    // The stored numbers of one row lie inside the arrays, and its columns inside the network. e.starts[m] is their
    // number.
    void check_row(const Examples& e, int64_t row) const {
        if (!e.starts) return;
        if (e.starts[row] < 0 || e.starts[row] > e.starts[row + 1] || e.starts[row + 1] > e.starts[e.m])
            refuse("X's indptr", "rising");
        for (int64_t t = e.starts[row]; t < e.starts[row + 1]; t++)
            if (e.columns[t] < 0 || e.columns[t] >= n_.front()) refuse("X's indices", "columns from 0 to n_0 - 1");
    }

    Examples examples(const Rows& X, const In* Y, const MaybeIn* weight) const {
        Examples e = std::visit([&](const auto& given) { return rows(given); }, X);
        if (Y && Y->ndim() == 1) e.indices = indices(*Y, "Y");
        else if (Y) {
            if (!of_type(*Y) || Y->ndim() != 2 || int64_t(Y->shape(1)) != n_.back() || !packed(*Y) ||
                !aligned(*Y, bytes_))
                refuse("Y", "contiguous rows (m, n_L) of the network's type, or class indices");
            e.targets = Y->data();
        }
        if (Y && int64_t(Y->shape(0)) != e.m) refuse("Y", "as many rows as X");
        if (weight && *weight) {
            e.weight = numbers(**weight, "weight");
            if (int64_t((*weight)->size()) != e.m) refuse("weight", "one number per row of X");
        }
        return e;
    }

    void check_index(int64_t y) const {
        if (y < 0 || y >= n_.back()) refuse("Y", "class indices from 0 to n_L - 1");
    }
    void check_all(const Examples& e) const {
        for (int64_t i = 0; e.starts && i < e.m; i++) check_row(e, i);
        for (int64_t i = 0; e.indices && i < e.m; i++) check_index(e.indices[i]);
    }

    void check_steps(const Steps& s, const Examples& e, int64_t in_order) const {
        for (int64_t i = 0; i <= s.count; i++)
            if (s.bounds[i] < 0 || s.bounds[i] > in_order || (i && s.bounds[i] < s.bounds[i - 1]))
                refuse("bounds", "rising places in order");
        for (int64_t i = s.bounds[0]; i < s.bounds[s.count]; i++) {
            if (s.order[i] < 0 || s.order[i] >= e.m) refuse("order", "rows of X");
            check_row(e, s.order[i]);
            if (e.indices) check_index(e.indices[s.order[i]]);
        }
    }

    const Core& core_;
    std::vector<int64_t> n_;
    std::vector<int> act_, kinds_;
    int64_t bytes_, parameters_ = 0;
    std::unique_ptr<Plan> plan_;
    std::atomic<bool> busy_{false};
};
