// The last layer: a^L, C and δ^L of one example from z^L, as core/costs.py and core/equations.py define them.
#pragma once
#include <cmath>
#include "activation.hpp"

namespace {
using deltaprop::Cost;
using deltaprop::Spec;

template <class T> inline T xlogy(T y, T a) { return y == 0 ? T(0) : y * std::log(a); }

template <class T> double cost_of_a(const Spec& s, const T* a, const T* y, int64_t n) {
    double C = 0;
    for (int64_t j = 0; j < n; j++) {
        const T r = a[j] - y[j], t = T(s.threshold), size = std::fabs(r), inside = size < t ? size : t;
        switch (Cost(s.cost)) {
            case Cost::quadratic: C += T(0.5) * r * r; break;
            case Cost::binary: C -= xlogy(y[j], a[j]) + xlogy(1 - y[j], 1 - a[j]); break;
            case Cost::categorical: C -= xlogy(y[j], a[j]); break;
            case Cost::huber: C += r != r ? r : inside * (size - T(0.5) * inside); break;
            case Cost::poisson: C += r + xlogy(y[j], y[j]) - xlogy(y[j], a[j]); break;
            case Cost::absolute: C += size; break;
            case Cost::quantile: C += r < 0 ? t * -r : T(1 - s.threshold) * r; break;  // 1 - t in T may be 0
        }
    }
    return C;
}

template <class T> inline T cost_gradient(const Spec& s, T a, T y) {
    const T r = a - y, t = T(s.threshold);
    switch (Cost(s.cost)) {
        case Cost::quadratic: return r;
        case Cost::binary: return r / (a * (1 - a));
        case Cost::categorical: return y == 0 ? T(0) : -y / a;
        case Cost::huber: return r > t ? t : r < -t ? -t : r;
        case Cost::poisson: return (a - y) / a;  // 1 - y / a loses digits where they are close
        case Cost::quantile: return r > 0 ? T(1 - s.threshold) : r < 0 ? -t : r;
        default: return r > 0 ? T(1) : r < 0 ? T(-1) : r;
    }
}

// C as a function of z^L where the pair of σ and C is canonical: no logarithm of a vanishing a.
template <class T> double cost_of_z(const Spec& s, const T* z, const T* y, int64_t n) {
    double C = 0;
    if (Cost(s.cost) == Cost::categorical) {
        int64_t top = 0;
        for (int64_t j = 1; j < n; j++) top = z[j] > z[top] || z[j] != z[j] ? j : top;
        T others = z[top] - z[top];  // NaN where z is not finite
        for (int64_t j = 0; j < n; j++) others += j == top ? T(0) : std::exp(z[j] - z[top]);
        const T log_sum = std::log1p(others);  // Σ e^(z - top) is 1 and these: keeps what a confident net has left to learn
        for (int64_t j = 0; j < n; j++) C += y[j] == 0 ? 0 : y[j] * ((z[top] - z[j]) + log_sum);
        return log_sum != log_sum ? log_sum : C;
    }
    for (int64_t j = 0; j < n; j++) switch (Cost(s.cost)) {
        case Cost::binary: C += (z[j] < 0 ? T(0) : z[j]) - y[j] * z[j] + std::log1p(std::exp(-std::fabs(z[j]))); break;
        case Cost::poisson: C += std::exp(z[j]) - y[j] + xlogy(y[j], y[j]) - y[j] * z[j]; break;
        default: C += T(0.5) * (z[j] - y[j]) * (z[j] - y[j]);
    }
    return C;
}

// a = softmax(z) of one example, each element to about 2 ulp: z - top and the sum are carried in words. Rows are padded to
// whole vectors, and what is beyond n is not read.
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

// BP1 of one example: a and ds hold σ(z) and σ'(z) on entry; δ^L, this example's share of the mean in it, goes to delta.
template <class T> void output_error(const Spec& s, const T* a, const T* ds, const T* y, T share, T* delta, int64_t n) {
    if (s.canonical && Cost(s.cost) == Cost::binary) {  // σ' = σ(z) σ(-z); with rest = σ(-z), a - y cancels no digits
        for (int64_t j = 0; j < n; j++) {
            const T rest = a[j] > 0 ? ds[j] / a[j] : T(1);
            delta[j] = ((1 - y[j]) * a[j] - y[j] * rest) * share;  // BP1
        }
        return;
    }
    if (s.canonical) {
        for (int64_t j = 0; j < n; j++) delta[j] = (a[j] - y[j]) * share;  // BP1
        return;
    }
    if (Act(s.act[s.L - 1]) != Act::softmax) {  // delta may lie where ds does
        for (int64_t j = 0; j < n; j++) delta[j] = cost_gradient<T>(s, a[j], y[j]) * share * ds[j];  // BP1
        return;
    }
    T inner = 0;
    for (int64_t j = 0; j < n; j++) delta[j] = cost_gradient<T>(s, a[j], y[j]) * share;
    for (int64_t j = 0; j < n; j++) inner += a[j] * delta[j];
    for (int64_t j = 0; j < n; j++) delta[j] = a[j] * (delta[j] - inner);  // BP1
}

}  // namespace
