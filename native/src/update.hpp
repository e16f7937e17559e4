// The update rules on a run of parameters, as optim/optimizers.py defines them.
#pragma once
#include <cmath>
#include "activation.hpp"
#include "api.hpp"

namespace {
using deltaprop::Rules;

// The numbers of one step, in the type of the parameters.
template <class T> struct Stepped {
    T rate, momentum, beta1, rest1, beta2, rest2, epsilon, keep, scale;
    Stepped(const Rules& r, double eta, int64_t t, double shrink);

    // The same for a block whose learning rate is multiplied by `factor`.
    Stepped at(double factor) const {
        Stepped s = *this;
        if (factor == 1) return s;
        s.rate = T(rate_ * factor);
        s.keep = T(1 - eta_ * factor * decay_);
        return s;
    }

private:
    double eta_, rate_, decay_;
};

template <class T, class X> inline X load_as(const T* p) {
    if constexpr (sizeof(X) == sizeof(T)) return *p;
    else return load<T>(p);
}
template <class T, class X> inline void store_as(T* p, X x) {
    if constexpr (sizeof(X) == sizeof(T)) *p = x;
    else store<T>(p, x);
}
inline float root_of(float x) { return std::sqrt(x); }
inline double root_of(double x) { return std::sqrt(x); }
template <class V> inline V root_of(V v) {
    V r;
    for (unsigned i = 0; i < sizeof(V) / sizeof(v[0]); i++) r[i] = std::sqrt(v[i]);
    return r;
}

// Upper bounds of |theta| and of the optimiser's vectors, carried from step to step, so that no step has to read them
// all.
struct Reach {
    double theta = 0, slots[2] = {0, 0};

    bool within(double limit) const { return theta < limit && slots[0] < limit && slots[1] < limit; }
};

// A rule is a struct. `slots`: how many vectors it keeps. `rate`: η of step t. `step`: the new w of a lane group (X is
// a vector, or a single number at the end of a run) from its gradient g, m and v the places in the vectors that it
// keeps; `plain_step`: the same if it keeps none, for rules that may. `reach`: the bounds after a step with |gradient|
// <= g, from those before and the bound `kept` of w after its decay; Inf or NaN if the results are not sure to be
// finite.

struct Sgd {
    static int slots(const Rules& r) { return r.momentum != 0; }
    static double rate(const Rules&, double eta, double) { return eta; }
    template <class T, class X> static X plain_step(const Stepped<T>& s, X w, X g) { return w + g * -s.rate; }
    template <class T, class X> static X step(const Rules& r, const Stepped<T>& s, X w, X g, T* m, T*) {
        const X change = g * -s.rate, velocity = load_as<T, X>(m) * s.momentum + change;
        store_as<T, X>(m, velocity);
        return w + (r.nesterov ? velocity * s.momentum + change : velocity);
    }
    static Reach reach(const Rules& r, Reach before, double eta, double kept, double g) {
        Reach next = before;
        next.slots[0] = before.slots[0] * r.momentum + eta * g;
        next.theta = kept + next.slots[0] * (1 + r.momentum) + eta * g;
        return next;
    }
};

struct Rmsprop {
    static int slots(const Rules&) { return 1; }
    static double rate(const Rules&, double eta, double) { return eta; }
    template <class T, class X> static X step(const Rules&, const Stepped<T>& s, X w, X g, T* m, T*) {
        const X mean = load_as<T, X>(m) * s.beta2 + g * g * s.rest2;
        store_as<T, X>(m, mean);
        return w - g * s.rate / (root_of(mean) + s.epsilon);
    }
    static Reach reach(const Rules& r, Reach before, double eta, double kept, double g) {
        Reach next = before;
        next.slots[0] = std::fmax(before.slots[0], g * g);
        next.theta = kept + eta * g / r.epsilon;
        return next;
    }
};

struct Adam {
    static int slots(const Rules&) { return 2; }
    static double rate(const Rules& r, double eta, double t) {
        return eta * std::sqrt(1 - std::pow(r.beta2, t)) / (1 - std::pow(r.beta1, t));
    }
    template <class T, class X> static X step(const Rules&, const Stepped<T>& s, X w, X g, T* m, T* v) {
        const X first = load_as<T, X>(m) * s.beta1 + g * s.rest1, second = load_as<T, X>(v) * s.beta2 + g * g * s.rest2;
        store_as<T, X>(m, first);
        store_as<T, X>(v, second);
        return w - first / (root_of(second) + s.epsilon) * s.rate;
    }
    static Reach reach(const Rules& r, Reach before, double eta, double kept, double g) {
        Reach next = before;
        next.slots[0] = std::fmax(before.slots[0], g);
        next.slots[1] = std::fmax(before.slots[1], g * g);
        next.theta = kept + eta * next.slots[0] / r.epsilon;
        return next;
    }
};

// Every rule: its name for engines/native.py and its struct. To add one: a struct above and a row here.
#define RULES(row) row(sgd, Sgd) row(rmsprop, Rmsprop) row(adam, Adam)

enum class Rule : int { RULES(ENUMERATOR) };
constexpr const char* RULE_NAMES[] = {RULES(NAME)};

// work(a value of the rule's struct).
template <class Work> inline auto with_rule(const Rules& r, Work&& work) {
    switch (Rule(r.rule)) {
#define CASE(name, Struct) \
    case Rule::name: return work(Struct{});
        RULES(CASE)
#undef CASE
    }
    __builtin_unreachable();
}

inline int slots_of(const Rules& r) {
    return with_rule(r, [&](auto rule) { return rule.slots(r); });
}

template <class T> Stepped<T>::Stepped(const Rules& r, double eta, int64_t t, double shrink)
    : momentum(T(r.momentum)), beta1(T(r.beta1)), rest1(T(1 - r.beta1)), beta2(T(r.beta2)), rest2(T(1 - r.beta2)),
      epsilon(T(r.epsilon)), keep(T(1 - eta * r.decay)), scale(T(shrink)), eta_(eta),
      rate_(with_rule(r, [&](auto rule) { return rule.rate(r, eta, double(t)); })), decay_(r.decay) {
    rate = T(rate_);
}

// The bounds after a step whose gradient, clipped, is at most g.
inline Reach reach_after(const Rules& r, const Reach& before, double eta, double decay_keep, double g) {
    const double kept = before.theta * std::fmax(1, std::fabs(decay_keep));
    return with_rule(r, [&](auto rule) { return rule.reach(r, before, eta, kept, g); });
}

template <class T, class X, class Of, bool keeps>
inline void move(const Rules& r, const Stepped<T>& s, T* theta, const T* g, T* m, T* v, bool decays) {
    X w = load_as<T, X>(theta);
    const X grad = load_as<T, X>(g) * s.scale;
    if (decays) w = w * s.keep;
    if constexpr (keeps) store_as<T, X>(theta, Of::template step<T, X>(r, s, w, grad, m, v));
    else store_as<T, X>(theta, Of::template plain_step<T, X>(s, w, grad));
}

template <class T, class Of, bool keeps>
void update_run(const Rules& r, const Stepped<T>& s, T* theta, const T* g, T* m, T* v, int64_t count, bool decays) {
    int64_t i = 0;
    for (; i + lanes<T> <= count; i += lanes<T>)
        move<T, Vec<T>, Of, keeps>(r, s, theta + i, g + i, m + i, v + i, decays);
    for (; i < count; i++) move<T, T, Of, keeps>(r, s, theta + i, g + i, m + i, v + i, decays);
}

template <class T>
void update(const Rules& r, const Stepped<T>& s, T* theta, const T* g, T* m, T* v, int64_t count, bool weights) {
    const bool decays = weights && r.decay != 0;
    with_rule(r, [&](auto rule) {
        using Of = decltype(rule);
        if (rule.slots(r)) update_run<T, Of, true>(r, s, theta, g, m, v, count, decays);
        else if constexpr (requires { rule.template plain_step<T, T>(s, T(), T()); })
            update_run<T, Of, false>(r, s, theta, g, m, v, count, decays);
    });
}

}  // namespace
