// The module _native: instruction sets, names, and plans for Python. No maths.
#include <nanobind/stl/string.h>
#include "bound_plan.hpp"

namespace {

// The instruction sets that this library was compiled for and this processor has, the fastest first.
const std::vector<const Core*>& cores() {
    static const auto found = [] {
        std::vector<const Core*> out;
#ifdef DELTAPROP_HAS_AVX512
        if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
            __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("fma"))
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

// σ and σ' of each z by the code that plans run; dsigma may be None.
void activate(const std::string& set, int activation, const In& z, const Out& a, const MaybeOut& dsigma) {
    if (activation < 0 || activation >= base::core.activations.count - 1)
        refuse("activation", "one of ACTIVATIONS, and elementwise");
    const bool is_double = is_real(z, 8);
    const int64_t bytes = is_double ? 8 : 4;
    auto fits = [&](const auto& x) {
        return is_real(x, bytes) && x.ndim() == 1 && x.size() == z.size() && packed(x) && aligned(x, bytes);
    };
    if (!fits(z)) refuse("z", "a contiguous vector of float32 or float64");
    if (!fits(a)) refuse("a", "a contiguous vector like z");
    if (dsigma && !fits(*dsigma)) refuse("dsigma", "a contiguous vector like z");
    named(set).activate(activation, is_double, z.data(), a.data(), dsigma ? dsigma->data() : nullptr,
                        int64_t(z.size()));
}

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
    m.def("activate", &activate, "instruction_set"_a, "activation"_a, "z"_a, "a"_a, "dsigma"_a.none(),
          "σ and σ' of each z, by the code that plans run; dsigma may be None.");
    m.def("allocations", &allocations, "How often memory was allocated since the library was loaded.");
    m.attr("ACTIVATIONS") = numbered(base::core.activations);
    m.attr("COSTS") = numbered(base::core.costs);
    m.attr("RULES") = numbered(base::core.rules);
    m.attr("KINDS") = numbered(base::core.kinds);
    m.attr("COMPILER") = __VERSION__;
    nb::class_<Rules>(m, "_Rules");
    nb::class_<BoundRules, Rules>(m, "Rules")
        .def(
            "__init__",
            [](BoundRules* at, int rule, double momentum, bool nesterov, double beta1, double beta2, double epsilon,
               double decay, double l1, double l2, double clip_norm, std::vector<double> dropout, uint64_t seed,
               bool by_weight) {
                const Rules rules{rule, momentum,  beta1,    beta2,   epsilon, decay,    l1,
                                  l2,   clip_norm, nesterov, nullptr, seed,    by_weight};
                new (at) BoundRules(rules, std::move(dropout));
            },
            "rule"_a, "momentum"_a, "nesterov"_a, "beta1"_a, "beta2"_a, "epsilon"_a, "decay"_a, "l1"_a, "l2"_a,
            "clip_norm"_a, "dropout"_a, "seed"_a, "by_weight"_a);
    nb::class_<BoundPlan>(m, "Plan")
        .def(
            "__init__",
            [](BoundPlan* at, const std::string& set, std::vector<int64_t> sizes, std::vector<int> activations,
               std::vector<int> kinds, const std::vector<double>& rates, int cost, double threshold, bool canonical,
               int64_t batch, bool is_double, int threads) {
                new (at) BoundPlan(named(set), std::move(sizes), std::move(activations), std::move(kinds), rates, cost,
                                   threshold, canonical, batch, is_double, threads);
            },
            "instruction_set"_a, "sizes"_a, "activations"_a, "kinds"_a, "rates"_a, "cost"_a, "threshold"_a,
            "canonical"_a, "batch"_a, "is_double"_a, "threads"_a)
        .def("forward", &BoundPlan::forward, "theta"_a, "X"_a, "out"_a)
        .def("evaluate", &BoundPlan::evaluate, "theta"_a, "X"_a, "Y"_a, "weight"_a.none(), "out"_a)
        .def("gradient_norms", &BoundPlan::gradient_norms, "theta"_a, "X"_a, "Y"_a, "norms"_a)
        .def("gradients", &BoundPlan::gradients, "theta"_a, "X"_a, "Y"_a, "weight"_a.none(), "grad"_a.none(),
             "dX"_a.none())
        .def("train", &BoundPlan::train, "theta"_a, "slots"_a, "rules"_a, "X"_a, "Y"_a, "weight"_a.none(), "order"_a,
             "bounds"_a, "rates"_a, "shares"_a.none(), "first"_a, "costs"_a, "penalties"_a.none())
        .def("gradient", &BoundPlan::gradient, "theta"_a, "rules"_a, "X"_a, "Y"_a, "weight"_a.none(), "rows"_a,
             "shares"_a.none(), "step"_a, "grad"_a)
        .def("apply", &BoundPlan::apply, "theta"_a, "slots"_a, "rules"_a, "gradient"_a, "weight"_a, "rate"_a, "step"_a);
}
