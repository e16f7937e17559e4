// The last layer: a^L, C and δ^L of one example from z^L, as core/costs.py and core/equations.py define them.
#pragma once
#include <cmath>
#include "activation.hpp"
#include "api.hpp"

namespace {
using deltaprop::Spec;

template <class T> inline T xlogy(T y, T a) { return y == 0 ? T(0) : y * std::log(a); }

// A cost is a struct: `cost` is one output's part of C and `gradient` its ∂C/∂a; `threshold` is Huber's, or the
// quantile. One that is part of a canonical pair of σ and C (BP1 is a - y) has two more: `canonical_cost`, an output's
// part of C from z, without the logarithm of a vanishing a (softmax needs the whole row); and `canonical_error`, BP1 of
// one output.

// a - y.
struct Difference {
    template <class T> static T canonical_error(T a, T, T y) { return a - y; }
};

struct Quadratic : Difference {
    template <class T> static T cost(T a, T y, double) { return T(0.5) * (a - y) * (a - y); }
    template <class T> static T gradient(T a, T y, double) { return a - y; }
    template <class T> static T canonical_cost(T z, T y) { return T(0.5) * (z - y) * (z - y); }
};

struct Binary {
    template <class T> static T cost(T a, T y, double) { return -(xlogy(y, a) + xlogy(1 - y, 1 - a)); }
    template <class T> static T gradient(T a, T y, double) { return (a - y) / (a * (1 - a)); }
    template <class T> static T canonical_cost(T z, T y) {
        return (z < 0 ? T(0) : z) - y * z + std::log1p(std::exp(-std::fabs(z)));
    }
    // σ' = σ(z) σ(-z); with rest = σ(-z), a - y cancels no digits.
    template <class T> static T canonical_error(T a, T ds, T y) {
        const T rest = a > 0 ? ds / a : T(1);
        return (1 - y) * a - y * rest;
    }
};

struct Categorical : Difference {
    template <class T> static T cost(T a, T y, double) { return -xlogy(y, a); }
    template <class T> static T gradient(T a, T y, double) { return y == 0 ? T(0) : -y / a; }
    template <class T> static double canonical_cost_of_row(const T* z, const T* y, int64_t n) {
        int64_t top = 0;
        for (int64_t j = 1; j < n; j++) top = z[j] > z[top] || z[j] != z[j] ? j : top;
        T others = z[top] - z[top];  // NaN if z is not finite
        for (int64_t j = 0; j < n; j++) others += j == top ? T(0) : std::exp(z[j] - z[top]);
        const T log_sum = std::log1p(others);  // Σ e^(z - top) is 1 + others: keeps the small cost of a confident net
        double C = 0;
        for (int64_t j = 0; j < n; j++) C += y[j] == 0 ? 0 : y[j] * ((z[top] - z[j]) + log_sum);
        return log_sum != log_sum ? log_sum : C;
    }
};

struct Huber {
    template <class T> static T cost(T a, T y, double threshold) {
        const T r = a - y, t = T(threshold), size = std::fabs(r), inside = size < t ? size : t;
        return r != r ? r : inside * (size - T(0.5) * inside);
    }
    template <class T> static T gradient(T a, T y, double threshold) {
        const T r = a - y, t = T(threshold);
        return r > t ? t : r < -t ? -t : r;
    }
};

struct Poisson : Difference {
    template <class T> static T cost(T a, T y, double) { return (a - y) + xlogy(y, y) - xlogy(y, a); }
    template <class T> static T gradient(T a, T y, double) {
        return (a - y) / a;
    }  // 1 - y / a loses digits for y near a
    template <class T> static T canonical_cost(T z, T y) { return std::exp(z) - y + xlogy(y, y) - y * z; }
};

struct Absolute {
    template <class T> static T cost(T a, T y, double) { return std::fabs(a - y); }
    template <class T> static T gradient(T a, T y, double) {
        const T r = a - y;
        return r > 0 ? T(1) : r < 0 ? T(-1) : r;
    }
};

struct Quantile {  // T(1 - threshold): 1 - T(threshold) may be 0
    template <class T> static T cost(T a, T y, double threshold) {
        const T r = a - y;
        return r < 0 ? T(threshold) * -r : T(1 - threshold) * r;
    }
    template <class T> static T gradient(T a, T y, double threshold) {
        const T r = a - y;
        return r > 0 ? T(1 - threshold) : r < 0 ? -T(threshold) : r;
    }
};

// Every C: its name for engines/native.py and its struct. To add one: a struct above and a row here.
#define COSTS(row)                                                                                \
    row(quadratic, Quadratic) row(binary, Binary) row(categorical, Categorical) row(huber, Huber) \
        row(poisson, Poisson) row(absolute, Absolute) row(quantile, Quantile)

enum class Cost : int { COSTS(ENUMERATOR) };
constexpr const char* COST_NAMES[] = {COSTS(NAME)};

// work(a value of the cost's struct).
template <class Work> inline auto with_cost(int cost, Work&& work) {
    switch (Cost(cost)) {
#define CASE(name, Struct) \
    case Cost::name: return work(Struct{});
        COSTS(CASE)
#undef CASE
    }
    __builtin_unreachable();
}

template <class T> double cost_of_a(const Spec& s, const T* a, const T* y, int64_t n) {
    double C = 0;
    for (int64_t j = 0; j < n; j++)
        with_cost(s.cost, [&](auto cost) { C += cost.template cost<T>(a[j], y[j], s.threshold); });
    return C;
}

// C as a function of z^L, of a canonical pair of σ and C.
template <class T> double cost_of_z(const Spec& s, const T* z, const T* y, int64_t n) {
    if (Cost(s.cost) == Cost::categorical) return Categorical::canonical_cost_of_row<T>(z, y, n);
    double C = 0;
    for (int64_t j = 0; j < n; j++)
        with_cost(s.cost, [&](auto cost) {
            if constexpr (requires { cost.template canonical_cost<T>(z[j], y[j]); })
                C += cost.template canonical_cost<T>(z[j], y[j]);
        });
    return C;
}

// a = softmax(z) of one example, each element to about 2 ulp: z - top and the sum are carried in words. Rows are padded
// to whole vectors, and what is beyond n is not read.
template <class T> void softmax(const T* z, T* a, int64_t n, int64_t padded) {
    T top = z[0], total = 0, total_low = 0;
    for (int64_t j = 1; j < n; j++) top = z[j] > top ? z[j] : top;
    for (int64_t j = 0; j < padded; j += lanes<T>) {
        const Word<T> x = sum<T>(load<T>(z + j), splat<T>(-top));
        store<T>(a + j, exp<T>(exponential<T, true>({x.hi, x.hi > -FLAT<T> ? x.lo : Vec<T>{}})));
    }
    for (int64_t j = 0; j < n; j++) {
        const T next = total + a[j], part = next - total;
        total_low += (total - (next - part)) + (a[j] - part);
        total = next;
    }
    const Word<T> r = reciprocal<T>({splat<T>(total), splat<T>(total_low)});
    for (int64_t j = 0; j < padded; j += lanes<T>) store<T>(a + j, value<T>(product<T>(r, load<T>(a + j))));
}

// BP1 of one example: a and ds hold σ(z) and σ'(z) on entry; δ^L, times this example's share of the mean, goes to
// delta, which may be the same memory as ds.
template <class T> void output_error(const Spec& s, const T* a, const T* ds, const T* y, T share, T* delta, int64_t n) {
    const bool is_softmax = Act(s.act[s.L - 1]) == Act::softmax;
    with_cost(s.cost, [&](auto cost) {
        if constexpr (requires { cost.template canonical_error<T>(T(), T(), T()); })
            if (s.canonical) {
                for (int64_t j = 0; j < n; j++)
                    delta[j] = cost.template canonical_error<T>(a[j], ds[j], y[j]) * share;  // BP1
                return;
            }
        if (!is_softmax) {
            for (int64_t j = 0; j < n; j++)
                delta[j] = cost.template gradient<T>(a[j], y[j], s.threshold) * share * ds[j];  // BP1
            return;
        }
        T inner = 0;
        for (int64_t j = 0; j < n; j++) delta[j] = cost.template gradient<T>(a[j], y[j], s.threshold) * share;
        for (int64_t j = 0; j < n; j++) inner += a[j] * delta[j];
        for (int64_t j = 0; j < n; j++) delta[j] = a[j] * (delta[j] - inner);  // BP1
    });
}

}  // namespace
