// The plan as Python sees it: arrays are checked and handed on as pointers. The only file that knows Python; no maths.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/variant.h>
#include <nanobind/stl/vector.h>
#include <atomic>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include "api.hpp"

namespace nb = nanobind;
using namespace deltaprop;

namespace {

using In = nb::ndarray<nb::ro, nb::device::cpu>;
using Out = nb::ndarray<nb::device::cpu>;
using Csr = std::tuple<In, In, In>;  // data, indices, indptr
using Rows = std::variant<In, Csr>;
using MaybeIn = std::optional<In>;
using MaybeOut = std::optional<Out>;

// The instruction sets that this library was compiled for and this processor has, the fastest first.
const std::vector<const Core*>& cores() {
    static const auto found = [] {
        std::vector<const Core*> out;
#ifdef DELTAPROP_HAS_AVX512
        if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw") &&
            __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("fma"))
            out.push_back(&avx512::core);
#endif
#ifdef DELTAPROP_HAS_AVX2
        if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) out.push_back(&avx2::core);
#endif
        out.push_back(&base::core);
        return out;
    }();
    return found;
}

std::vector<std::string> instruction_sets() {
    std::vector<std::string> names;
    for (const Core* core : cores()) names.push_back(core->name);
    return names;
}

const Core& named(const std::string& name) {
    for (const Core* core : cores())
        if (core->name == name) return *core;
    throw std::invalid_argument("this processor, or this build, has no instruction set " + name);
}

[[noreturn]] void refuse(const char* name, const char* must) { throw std::invalid_argument(std::string(name) + " must be " + must + "."); }

bool is_real(const auto& a, int64_t bytes) { return a.dtype().code == uint8_t(nb::dlpack::dtype_code::Float) && a.dtype().bits == bytes * 8; }
bool aligned(const auto& a, size_t bytes) { return reinterpret_cast<uintptr_t>(a.data()) % bytes == 0; }
bool packed(const auto& a) {
    int64_t step = 1;
    for (size_t i = a.ndim(); i-- > 0; step *= int64_t(a.shape(i)))
        if (a.shape(i) > 1 && a.stride(i) != step) return a.size() == 0;
    return true;
}

// σ and σ' of each z by the code that plans run; dsigma may be None.
void activate(const std::string& set, int activation, const In& z, const Out& a, const MaybeOut& dsigma) {
    if (activation < 0 || activation >= base::core.activations.count - 1) refuse("activation", "one of ACTIVATIONS, and elementwise");
    const bool is_double = is_real(z, 8);
    const int64_t bytes = is_double ? 8 : 4;
    auto fits = [&](const auto& x) { return is_real(x, bytes) && x.ndim() == 1 && x.size() == z.size() && packed(x) && aligned(x, bytes); };
    if (!fits(z)) refuse("z", "a contiguous vector of float32 or float64");
    if (!fits(a)) refuse("a", "a contiguous vector like z");
    if (dsigma && !fits(*dsigma)) refuse("dsigma", "a contiguous vector like z");
    named(set).activate(activation, is_double, z.data(), a.data(), dsigma ? dsigma->data() : nullptr, int64_t(z.size()));
}

// What the training rules say, with the dropout probabilities that they point to.
struct BoundRules : Rules {
    std::vector<double> p;
    BoundRules(int rule, double momentum, bool nesterov, double beta1, double beta2, double epsilon, double decay, double l1, double l2, double clip_norm, std::vector<double> dropout, uint64_t seed, bool by_weight)
        : Rules{rule, momentum, beta1, beta2, epsilon, decay, l1, l2, clip_norm, nesterov, nullptr, seed, by_weight}, p(std::move(dropout)) {
        if (!p.empty()) Rules::dropout = p.data();
    }
};

class BoundPlan {
public:
    BoundPlan(const std::string& set, std::vector<int64_t> n, std::vector<int> act, int cost, double threshold, bool canonical, int64_t batch, bool is_double, int threads)
        : n_(std::move(n)), act_(std::move(act)), bytes_(is_double ? 8 : 4) {
        const Spec spec{int(act_.size()), n_.data(), act_.data(), cost, threshold, canonical};
        if (spec.L < 1 || spec.L > MAX_LAYERS || n_.size() != act_.size() + 1) refuse("sizes", "of 1 to 1024 layers");
        for (int64_t width : n_)
            if (width < 1) refuse("sizes", "1 or more each");
        for (size_t l = 0; l < act_.size(); l++)
            if (act_[l] < 0 || act_[l] >= base::core.activations.count - (l + 1 < act_.size()))
                refuse("activations", "of those that ACTIVATIONS names, softmax the last layer's");
        if (cost < 0 || cost >= base::core.costs.count) refuse("cost", "of those that COSTS names");
        if (batch < 1 || threads < 1) refuse("batch and threads", "1 or more");
        check_sizes(spec, batch);
        plan_.reset(named(set).make_plan(spec, batch, is_double, threads));
        for (size_t l = 1; l < n_.size(); l++) parameters_ += n_[l] * (n_[l - 1] + 1);
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

    double gradients(const In& theta, const Rows& X, const In& Y, const MaybeIn& weight, const MaybeOut& grad, const MaybeOut& dX) {
        const Examples e = examples(X, &Y, &weight);
        check_all(e);
        const void* t = vector(theta, "theta");
        void* g = grad ? vector_out(*grad, "grad") : nullptr;
        void* d = dX ? rows_out(*dX, e.m, n_.front(), "dX") : nullptr;
        return alone([&] { return plan_->gradients(t, e, g, d); });
    }

    int64_t train(const Out& theta, const std::vector<Out>& slots, const BoundRules& rules, const Rows& X, const In& Y, const MaybeIn& weight,
                  const In& order, const In& bounds, const In& rates, int64_t first, const Out& costs, const MaybeOut& penalties) {
        const Examples e = examples(X, &Y, &weight);
        if (slots.size() > 2 || int(slots.size()) < base::core.slots(rules)) refuse("slots", "as many vectors as the update rule keeps");
        if (!rules.p.empty() && rules.p.size() != act_.size() - 1) refuse("dropout", "one probability per hidden layer");
        void* s[2] = {nullptr, nullptr};
        for (size_t i = 0; i < slots.size(); i++) s[i] = vector_out(slots[i], "slots");
        const int64_t count = int64_t(rates.size());
        Steps steps{indices(order, "order"), indices(bounds, "bounds"), numbers(rates, "rates"), count, first,
                    const_cast<double*>(numbers(costs, "costs")), penalties ? const_cast<double*>(numbers(*penalties, "penalties")) : nullptr};
        if (penalties && int64_t(penalties->size()) != count) refuse("penalties", "one number per step");
        check_steps(steps, e, int64_t(order.size()), int64_t(bounds.size()), int64_t(costs.size()));
        void* t = vector_out(theta, "theta");
        return alone([&] { return plan_->train(t, s, rules, e, steps); });
    }

private:
    // Buffers belong to one caller at a time; the interpreter runs on meanwhile.
    template <class Work> decltype(std::declval<Work>()()) alone(Work&& work) {
        if (busy_.exchange(true)) throw std::runtime_error("this plan is at work in another thread: make a plan for each thread");
        struct Free {
            std::atomic<bool>& busy;
            ~Free() { busy.store(false); }
        } free{busy_};
        nb::gil_scoped_release released;
        return work();
    }

    bool of_type(const auto& a) const { return is_real(a, bytes_); }

    void* vector_out(const auto& a, const char* name) const {
        if (!of_type(a) || a.ndim() != 1 || int64_t(a.shape(0)) != parameters_ || !packed(a) || !aligned(a, bytes_))
            refuse(name, "a contiguous vector of all parameters, of the network's type");
        return const_cast<void*>(static_cast<const void*>(a.data()));
    }
    const void* vector(const In& a, const char* name) const { return vector_out(a, name); }

    void* rows_out(const Out& a, int64_t m, int64_t n, const char* name) const {
        if (!of_type(a) || a.ndim() != 2 || int64_t(a.shape(0)) != m || int64_t(a.shape(1)) != n || !packed(a) || !aligned(a, bytes_))
            refuse(name, "contiguous rows of the network's type");
        return a.data();
    }

    static const int64_t* indices(const In& a, const char* name) {
        if (a.dtype() != nb::dtype<int64_t>() || a.ndim() != 1 || !packed(a) || !aligned(a, 8)) refuse(name, "a contiguous vector of int64");
        return static_cast<const int64_t*>(a.data());
    }
    static const double* numbers(const auto& a, const char* name) {
        if (a.dtype() != nb::dtype<double>() || a.ndim() != 1 || !packed(a) || !aligned(a, 8)) refuse(name, "a contiguous vector of float64");
        return static_cast<const double*>(static_cast<const void*>(a.data()));
    }

    Examples rows(const In& X) const {
        if (!of_type(X) || X.ndim() != 2 || int64_t(X.shape(1)) != n_.front() || !aligned(X, bytes_)) refuse("X", "rows (m, n_0) of the network's type");
        Examples e{};
        e.X = X.data();
        e.m = int64_t(X.shape(0));
        e.x_stride = X.stride(0);
        e.x_step = X.stride(1);
        return e;
    }

    Examples rows(const Csr& X) const {
        const auto& [data, columns, starts] = X;
        if (!of_type(data) || data.ndim() != 1 || !packed(data) || !aligned(data, bytes_)) refuse("X's data", "a contiguous vector of the network's type");
        if (columns.dtype() != nb::dtype<int32_t>() || columns.ndim() != 1 || !packed(columns) || !aligned(columns, 4) || columns.size() != data.size())
            refuse("X's indices", "a contiguous vector of int32, as long as its data");
        Examples e{};
        e.X = data.data();
        e.columns = static_cast<const int32_t*>(columns.data());
        e.starts = indices(starts, "X's indptr");
        e.m = int64_t(starts.size()) - 1;
        if (e.m < 0 || e.starts[0] != 0 || e.starts[e.m] != int64_t(data.size())) refuse("X's indptr", "from 0 to the stored numbers");
        return e;
    }

    // The stored numbers of one row lie inside the arrays, and its columns inside the network. e.starts[m] is their number.
    void check_row(const Examples& e, int64_t row) const {
        if (!e.starts) return;
        if (e.starts[row] < 0 || e.starts[row] > e.starts[row + 1] || e.starts[row + 1] > e.starts[e.m]) refuse("X's indptr", "rising");
        for (int64_t t = e.starts[row]; t < e.starts[row + 1]; t++)
            if (e.columns[t] < 0 || e.columns[t] >= n_.front()) refuse("X's indices", "columns from 0 to n_0 - 1");
    }

    Examples examples(const Rows& X, const In* Y, const MaybeIn* weight) const {
        Examples e = std::visit([&](const auto& given) { return rows(given); }, X);
        if (Y && Y->ndim() == 1) e.indices = indices(*Y, "Y");
        else if (Y) {
            if (!of_type(*Y) || Y->ndim() != 2 || int64_t(Y->shape(1)) != n_.back() || !packed(*Y) || !aligned(*Y, bytes_))
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

    void check_steps(const Steps& s, const Examples& e, int64_t in_order, int64_t in_bounds, int64_t in_costs) const {
        if (in_bounds != s.count + 1 || in_costs != s.count) refuse("bounds", "one more than rates, and costs as many as rates");
        for (int64_t i = 0; i <= s.count; i++)
            if (s.bounds[i] < 0 || s.bounds[i] > in_order || (i && s.bounds[i] < s.bounds[i - 1])) refuse("bounds", "rising places in order");
        for (int64_t i = s.bounds[0]; i < s.bounds[s.count]; i++) {
            if (s.order[i] < 0 || s.order[i] >= e.m) refuse("order", "rows of X");
            check_row(e, s.order[i]);
            if (e.indices) check_index(e.indices[s.order[i]]);
        }
    }

    std::vector<int64_t> n_;
    std::vector<int> act_;
    int64_t bytes_, parameters_ = 0;
    std::unique_ptr<Plan> plan_;
    std::atomic<bool> busy_{false};
};

nb::dict numbered(const Names& names) {
    nb::dict out;
    for (int i = 0; i < names.count; i++) out[names.of[i]] = i;
    return out;
}

}  // namespace

NB_MODULE(_native, m) {
    using namespace nb::literals;
    m.doc() = "The compiled core: plans of BP1-BP4 on arrays.";
    m.def("instruction_sets", &instruction_sets, "Those of this build that this processor has, the fastest first.");
    m.def("activate", &activate, "instruction_set"_a, "activation"_a, "z"_a, "a"_a, "dsigma"_a.none(), "σ and σ' of each z, by the code that plans run; dsigma may be None.");
    m.def("allocations", &allocations, "How often memory was allocated since the library was loaded.");
    m.attr("ACTIVATIONS") = numbered(base::core.activations);
    m.attr("COSTS") = numbered(base::core.costs);
    m.attr("RULES") = numbered(base::core.rules);
    m.attr("COMPILER") = __VERSION__;
    nb::class_<Rules>(m, "_Rules");
    nb::class_<BoundRules, Rules>(m, "Rules")
        .def(nb::init<int, double, bool, double, double, double, double, double, double, double, std::vector<double>, uint64_t, bool>(), "rule"_a, "momentum"_a, "nesterov"_a,
             "beta1"_a, "beta2"_a, "epsilon"_a, "decay"_a, "l1"_a, "l2"_a, "clip_norm"_a, "dropout"_a, "seed"_a, "by_weight"_a);
    nb::class_<BoundPlan>(m, "Plan")
        .def(nb::init<const std::string&, std::vector<int64_t>, std::vector<int>, int, double, bool, int64_t, bool, int>(), "instruction_set"_a, "sizes"_a, "activations"_a,
             "cost"_a, "threshold"_a, "canonical"_a, "batch"_a, "is_double"_a, "threads"_a)
        .def("forward", &BoundPlan::forward, "theta"_a, "X"_a, "out"_a)
        .def("evaluate", &BoundPlan::evaluate, "theta"_a, "X"_a, "Y"_a, "weight"_a.none(), "out"_a)
        .def("gradients", &BoundPlan::gradients, "theta"_a, "X"_a, "Y"_a, "weight"_a.none(), "grad"_a.none(), "dX"_a.none())
        .def("train", &BoundPlan::train, "theta"_a, "slots"_a, "rules"_a, "X"_a, "Y"_a, "weight"_a.none(), "order"_a, "bounds"_a, "rates"_a, "first"_a, "costs"_a, "penalties"_a.none());
}
