// The update rules on a run of parameters, as optim/optimizers.py defines them.
#pragma once
#include <cmath>
#include "api.hpp"
#include "simd.hpp"

namespace {
using deltaprop::Rule;
using deltaprop::Rules;

// What one step's numbers come to: the rates in the type of the parameters.
template <class T> struct Stepped {
    T rate, momentum, beta1, rest1, beta2, rest2, epsilon, keep, scale;
    Stepped(const Rules& r, double eta, int64_t t, double shrink)
        : rate(T(eta)), momentum(T(r.momentum)), beta1(T(r.beta1)), rest1(T(1 - r.beta1)), beta2(T(r.beta2)),
          rest2(T(1 - r.beta2)), epsilon(T(r.epsilon)), keep(T(1 - eta * r.decay)), scale(T(shrink)) {
        if (Rule(r.rule) == Rule::adam) rate = T(eta * std::sqrt(1 - std::pow(r.beta2, double(t))) / (1 - std::pow(r.beta1, double(t))));
    }
};

template <class T, class X> inline X load_as(const T* p) { if constexpr (sizeof(X) == sizeof(T)) return *p; else return load<T>(p); }
template <class T, class X> inline void store_as(T* p, X x) { if constexpr (sizeof(X) == sizeof(T)) *p = x; else store<T>(p, x); }
inline float root_of(float x) { return std::sqrt(x); }
inline double root_of(double x) { return std::sqrt(x); }
template <class V> inline V root_of(V v) { V r; for (unsigned i = 0; i < sizeof(V) / sizeof(v[0]); i++) r[i] = std::sqrt(v[i]); return r; }

// One lane group (a vector, or a single number at the end of a run).
template <class T, class X, Rule rule, bool momentum> inline void move(const Rules& r, const Stepped<T>& s, T* theta, const T* g, T* m, T* v, bool decays) {
    X w = load_as<T, X>(theta);
    const X grad = load_as<T, X>(g) * s.scale;
    if (decays) w = w * s.keep;
    if constexpr (rule == Rule::sgd) {
        X change = grad * -s.rate;
        if constexpr (momentum) {
            const X velocity = load_as<T, X>(m) * s.momentum + change;
            store_as<T, X>(m, velocity);
            change = r.nesterov ? velocity * s.momentum + change : velocity;
        }
        w = w + change;
    } else if constexpr (rule == Rule::rmsprop) {
        const X mean = load_as<T, X>(m) * s.beta2 + grad * grad * s.rest2;
        store_as<T, X>(m, mean);
        w = w - grad * s.rate / (root_of(mean) + s.epsilon);
    } else {
        const X first = load_as<T, X>(m) * s.beta1 + grad * s.rest1, second = load_as<T, X>(v) * s.beta2 + grad * grad * s.rest2;
        store_as<T, X>(m, first);
        store_as<T, X>(v, second);
        w = w - first / (root_of(second) + s.epsilon) * s.rate;
    }
    store_as<T, X>(theta, w);
}

template <class T, Rule rule, bool momentum>
void update_run(const Rules& r, const Stepped<T>& s, T* theta, const T* g, T* m, T* v, int64_t count, bool decays) {
    int64_t i = 0;
    for (; i + lanes<T> <= count; i += lanes<T>) move<T, Vec<T>, rule, momentum>(r, s, theta + i, g + i, m + i, v + i, decays);
    for (; i < count; i++) move<T, T, rule, momentum>(r, s, theta + i, g + i, m + i, v + i, decays);
}

template <class T>
void update(const Rules& r, const Stepped<T>& s, T* theta, const T* g, T* m, T* v, int64_t count, bool weights) {
    const bool decays = weights && r.decay != 0;
    switch (Rule(r.rule)) {
        case Rule::sgd:
            if (r.momentum != 0) update_run<T, Rule::sgd, true>(r, s, theta, g, m, v, count, decays);
            else update_run<T, Rule::sgd, false>(r, s, theta, g, m, v, count, decays);
            break;
        case Rule::rmsprop: update_run<T, Rule::rmsprop, false>(r, s, theta, g, m, v, count, decays); break;
        case Rule::adam: update_run<T, Rule::adam, false>(r, s, theta, g, m, v, count, decays); break;
    }
}

// Upper bounds of |theta| and of the optimiser's vectors, carried from step to step, so that no step has to look at them all.
struct Reach {
    double theta = 0, slots[2] = {0, 0};

    // What they come to after a step whose gradient (scaled) stays below g; Inf or NaN where that is not certain to be a number.
    Reach after(const Rules& r, double eta, double decay_keep, double g) const {
        Reach next = *this;
        const double kept = theta * std::fmax(1, std::fabs(decay_keep));
        switch (Rule(r.rule)) {
            case Rule::sgd:
                next.slots[0] = slots[0] * r.momentum + eta * g;
                next.theta = kept + next.slots[0] * (1 + r.momentum) + eta * g;
                break;
            case Rule::rmsprop:
                next.slots[0] = std::fmax(slots[0], g * g);
                next.theta = kept + eta * g / r.epsilon;
                break;
            case Rule::adam:
                next.slots[0] = std::fmax(slots[0], g);
                next.slots[1] = std::fmax(slots[1], g * g);
                next.theta = kept + eta * next.slots[0] / r.epsilon;
                break;
        }
        return next;
    }

    bool within(double limit) const { return theta < limit && slots[0] < limit && slots[1] < limit; }
};

}  // namespace
