// σ and σ' of a vector of z, as core/activations.py defines them, each to 2 ulp: docs/elementwise.md.
#pragma once
#include "vecmath.hpp"

namespace {

template <class T> struct Pair {
    Vec<T> a, ds;
};

// Below it each of z e^z, z Φ(z) and their like is 0, above it each σ is z; cut there, z = ±inf gives no 0 inf.
template <class T> constexpr T FLAT = sizeof(T) == 4 ? T(120) : T(800);
template <class T> inline Vec<T> cut(Vec<T> z) { return max<T>(min<T>(z, FLAT<T>), -FLAT<T>); }

// z a 2^n where a is a word; z or ±0 at the ends, with the sign of z.
template <class T> inline Vec<T> times(Vec<T> z, Word<T> a, Power<T> power) {
    const Vec<T> p = product_value<T>(a, cut<T>(z));
    return with_sign<T>(z > FLAT<T> ? z : times_power(p, power), z);
}

// σ and σ' of z from those of -|z|, where σ(z) = z + σ(-z) and σ'(z) = 1 - σ'(-z).
template <class T> inline Pair<T> of_both_sides(Vec<T> z, Vec<T> a, Vec<T> ds) {
    return {with_sign<T>(z < T(0) ? a : a + z, z), z < T(0) ? ds : T(1) - ds};
}

// z - zero, exact except for one rounding in the second part: zero is given to twice the precision.
template <class T> inline Word<T> from_zero(Vec<T> z, T zero, T zero_low) {
    return quick_sum<T>(z - zero, splat<T>(-zero_low));
}

// 1 / (1 + E) for 0 <= E <= 1.
template <class T> inline Word<T> logistic(Vec<T> E) { return reciprocal<T>(quick_sum<T>(splat<T>(1), E)); }

// s - factor s².
template <class T> inline Vec<T> minus_square(Word<T> s, T factor) {
    return s.hi + (s.lo - factor * s.hi * (value<T>(s) + s.lo));
}

// With s = σ(-|z|) = E / (1 + E), E = e^(-|z|): σ' = s - s².
struct Sigmoid {
    template <class T> [[gnu::always_inline]] static Pair<T> both(Vec<T> z) {
        const Vec<T> E = exp<T>(exponential<T>(minus_abs<T>(z)));
        const Word<T> s = product<T>(logistic<T>(E), E);
        return {z < T(0) ? value<T>(s) : T(1) - value<T>(s), minus_square<T>(s, T(1))};
    }
};

// tanh(y) = (1 - E) / (1 + E) with E = e^(-2y), and 4 (s - s²) with s = E / (1 + E).
struct Tanh {
    template <class T> [[gnu::always_inline]] static Pair<T> both(Vec<T> z) {
        const Exponential<T> e = exponential<T>(T(2) * minus_abs<T>(z));
        const Vec<T> fourfold = times_power(T(4) + T(4) * e.s.hi, e.power);  // 4 E before it is subnormal
        const Word<T> r = logistic<T>(T(0.25) * fourfold);
        return {with_sign<T>(value<T>(product<T>(r, minus_one<T>(e))), z),
                minus_square<T>(product<T>(r, fourfold), T(0.25))};
    }
};

// e^z - 1 and e^z for z <= 0.
struct Elu {
    template <class T> [[gnu::always_inline]] static Pair<T> both(Vec<T> z) {
        const Exponential<T> e = exponential<T>(min<T>(z, T(0)));
        return {z > T(0) ? z : with_sign<T>(minus_one<T>(e).hi, z), z > T(0) ? splat<T>(1) : exp<T>(e)};
    }
};

struct Selu {
    template <class T> [[gnu::always_inline]] static Pair<T> both(Vec<T> z) {
        constexpr T lambda = T(1.0507009873554804934);
        constexpr T both_hi = sizeof(T) == 4 ? T(1.75809932f) : T(1.7580993408473766),
                    both_lo = sizeof(T) == 4 ? T(2.32967175e-8) : T(5.7501464875647596e-17);
        const Word<T> both{splat<T>(both_hi), splat<T>(both_lo)};
        const Exponential<T> e = exponential<T>(min<T>(z, T(0)));
        Word<T> down = minus_one<T>(e);
        down.lo += times_power(e.s.lo, e.power);
        return {z > T(0) ? lambda * z : with_sign<T>(product_value<T>(both, down), z),
                z > T(0) ? splat<T>(lambda) : times_power(product_value<T>(both, mantissa<T>(e)), e.power)};
    }
};

// z σ(z) and σ(z) (1 + z σ(-z)): for z = -x they are -x s and s (1 - x (1 - s)) with s = σ(-x).
struct Silu {
    template <class T> [[gnu::always_inline]] static Pair<T> both(Vec<T> z) {
        constexpr bool f = sizeof(T) == 4;
        using C = Coefficients<T>;
        const Vec<T> minus_x = max<T>(minus_abs<T>(z), -FLAT<T>);
        const Exponential<T> parts = exponential<T>(minus_x);
        const Word<T> e = mantissa<T>(parts), r = logistic<T>(times_power(e.hi, parts.power)), s = product<T>(r, e);
        const Vec<T> a = times_power(product_value<T>(s, minus_x), parts.power);
        const Word<T> factor = quick_sum<T>(plus_product(splat<T>(1), minus_x, r.hi), minus_x * r.lo);
        const Vec<T> far = times_power(rounded_product<T>(s, factor), parts.power);
        // The factor cancels about its zero: there it is a polynomial in the distance from it.
        const Word<T> t = from_zero<T>(minus_x, f ? T(-1.27846456f) : T(-1.2784645427610737),
                                       f ? T(1.29792827e-8) : T(-1.0946994183093437e-16));
        const Vec<T> near = rounded_product<T>(
            t, polynomial<T>(C::silu_slope, C::silu_slope_1, C::silu_slope_0, C::silu_slope_low, {t.hi, Vec<T>{}}));
        return of_both_sides<T>(z, a, abs<T>(t.hi) < T(0.5) ? near : far);
    }
};

// z t with t = tanh(log(1 + e^z)) = n / d; σ' = (n d + 4 z (1 + E) w) w' / d² where w w' = E, or E² for z >= 0.
struct Mish {
    template <class T> [[gnu::always_inline]] static Pair<T> both(Vec<T> z) {
        constexpr bool f = sizeof(T) == 4;
        const Vec<T> near = cut<T>(z), one = splat<T>(1);
        const VecI<T> down = z < T(0);
        const Exponential<T> parts = exponential<T>(minus_abs<T>(near));
        const Power<T> power = power_where<T>(down, parts.power);
        const Word<T> e = mantissa<T>(parts), E = times_power(e, parts.power);
        const Word<T> unit{one, Vec<T>{}}, w = select<T>(down, e, unit);
        // n = 2 + E and d = 2 + E (2 + E), with a factor E of n in w; or n = 1 + 2E and d = 1 + E (2 + 2E).
        const Vec<T> first = down ? T(2) * one : one;
        const Word<T> slope = select<T>(down, E, scale<T>(E, T(2)));
        const Word<T> n = quick_sum<T>(first, slope);
        const Word<T> d = sum<T>({first, Vec<T>{}}, product<T>(E, quick_sum<T>(T(2) * one, slope)));
        const Word<T> r = reciprocal<T>(d), wr = product<T>(w, r);
        const Word<T> rest = product<T>(quick_sum<T>(one, E), T(4) * near);
        Word<T> numerator = sum<T>(product<T>(n, d), select<T>(down, rest, product<T>(rest, product<T>(E, E))));
        // It cancels about its zero: there it is expanded in t = z - zero and δ = e^z - e^zero = e^zero (e^t - 1).
        const Word<T> t = from_zero<T>(near, f ? T(-1.19243121f) : T(-1.1924312145154952),
                                       f ? T(-3.04393759e-9) : T(-4.8484829848031046e-17));
        const Word<T> c1{splat<T>(f ? T(5.21393013f) : T(5.2139301411261156)),
                         splat<T>(f ? T(1.11212329e-8) : T(7.9244697390576365e-17))};
        const Vec<T> delta = expm1_near_0<T>(t.hi) * T(0.30348253528152891);
        const Word<T> linear = product<T>(c1, t);
        const Word<T> about = quick_sum<T>(
            linear.hi, delta * (T(3.9344403718529639) + T(4) * t.hi + delta * (T(4.9104476058445865) + delta)));
        numerator = select<T>(abs<T>(t.hi) < T(0.125), {about.hi, about.lo + linear.lo}, numerator);
        return {times<T>(z, product<T>(n, wr), power),
                times_power(product_value<T>(product<T>(numerator, r), wr), power)};
    }
};

// z Φ(z) and Φ(z) + z φ(z). With x = |z| and E = e^(-x²/2): Φ(-x) = E h(u) / (x + 3), σ'(-x) = E (x0 - x) g(u), both
// polynomials in u = (x - 3) / (x + 3); x0 is where σ'(-x) vanishes.
struct Gelu {
    template <class T> [[gnu::always_inline]] static Pair<T> both(Vec<T> z) {
        constexpr bool f = sizeof(T) == 4;
        const Vec<T> x = min<T>(abs<T>(z), f ? T(15) : T(39));  // x e^(-x²/2) is 0 there
        const Word<T> square = product<T>(x, x), w = reciprocal<T>(quick_sum<T>(splat<T>(3), x));
        const Exponential<T> parts = exponential<T, true>(scale<T>(square, T(-0.5)));
        const Word<T> m = mantissa<T>(parts), e{m.hi, m.lo + parts.s.lo};
        const Word<T> u = quick_sum<T>(minus_product(splat<T>(1), splat<T>(6), w.hi), T(-6) * w.lo);
        using C = Coefficients<T>;
        const Word<T> tail = polynomial<T>(C::tail, C::tail_1, C::tail_0, C::tail_low, u),
                      slope = polynomial<T>(C::slope, C::slope_1, C::slope_0, C::slope_low, u);
        const Word<T> t = from_zero<T>(x, f ? T(0.751791537f) : T(0.75179152469356447),
                                       f ? T(-1.21144495e-8) : T(-1.4956759177009883e-17));
        const Vec<T> a = rounded_product<T>(product<T>(product<T>(e, w), tail), -x),
                     ds = rounded_product<T>(product<T>(e, t), slope);
        return of_both_sides<T>(z, times_power(a, parts.power), times_power(ds, parts.power));
    }
};

// log(1 + e^z) = max(z, 0) + log(1 + E), E = e^(-|z|); σ' is the sigmoid.
struct Softplus {
    template <class T> [[gnu::always_inline]] static Pair<T> both(Vec<T> z) {
        const Vec<T> E = exp<T>(exponential<T>(minus_abs<T>(z))), log = value<T>(log1p<T>(E)),
                     s = value<T>(product<T>(logistic<T>(E), E));
        return {z > T(0) ? z + log : log, z > T(0) ? T(1) - s : s};
    }
};

struct Identity {
    template <class T> [[gnu::always_inline]] static Pair<T> both(Vec<T> z) { return {z, splat<T>(1)}; }
};

// 1 for z > 0, 0 for z <= 0, NaN for NaN.
template <class T> inline Vec<T> step(Vec<T> z) { return z > T(0) ? splat<T>(1) : z <= T(0) ? Vec<T>{} : z; }

struct Relu {
    template <class T> [[gnu::always_inline]] static Pair<T> both(Vec<T> z) {
        return {z < T(0) ? Vec<T>{} : z, step<T>(z)};
    }
};

struct LeakyRelu {
    template <class T> [[gnu::always_inline]] static Pair<T> both(Vec<T> z) {
        return {z > T(0) ? z : z * T(0.01), z <= T(0) ? splat<T>(T(0.01)) : step<T>(z)};
    }
};

struct Exp {
    template <class T> [[gnu::always_inline]] static Pair<T> both(Vec<T> z) {
        const Vec<T> e = exp<T>(z);
        return {e, e};
    }
};

// Every σ: its name in Python, its struct, and whether |σ(z)| <= 1 for all z. To add one: a struct above and a row
// here.
#define ACTIVATIONS(row)                                                                                     \
    row(identity, Identity, false) row(sigmoid, Sigmoid, true) row(tanh, Tanh, true) row(relu, Relu, false)  \
        row(leaky_relu, LeakyRelu, false) row(elu, Elu, false) row(selu, Selu, false) row(gelu, Gelu, false) \
            row(silu, Silu, false) row(mish, Mish, false) row(softplus, Softplus, false) row(exp, Exp, false)

#define ENUMERATOR(name, ...) name,
enum class Act : int { ACTIVATIONS(ENUMERATOR) softmax };  // softmax is not elementwise: cost.hpp

#define NAME(name, ...) #name,
constexpr const char* ACTIVATION_NAMES[] = {ACTIVATIONS(NAME) "softmax"};

// a and σ' of `count` values of z (a multiple of the lanes); ds may be null.
template <class T, class Sigma> void activate(const T* z, T* a, T* ds, int64_t count) {
    if (!ds) {
        for (int64_t i = 0; i < count; i += lanes<T>) store<T>(a + i, Sigma::template both<T>(load<T>(z + i)).a);
        return;
    }
    for (int64_t i = 0; i < count; i += lanes<T>) {
        const Pair<T> p = Sigma::template both<T>(load<T>(z + i));
        store<T>(a + i, p.a);
        store<T>(ds + i, p.ds);
    }
}

template <class T> using Activate = void (*)(const T*, T*, T*, int64_t);

template <class T> Activate<T> activation(int act) {
#define FUNCTION(name, Sigma, bounded) activate<T, Sigma>,
    static constexpr Activate<T> functions[] = {ACTIVATIONS(FUNCTION) nullptr};
    return functions[act];
}

#define BOUNDED(name, Sigma, bounded) bounded,
constexpr bool IS_BOUNDED[] = {ACTIVATIONS(BOUNDED) true};

// The same for any count: a rest shorter than a vector goes through a whole one.
template <class T> void activate_any(Activate<T> activate, const T* z, T* a, T* ds, int64_t count) {
    const int64_t whole = count / lanes<T> * lanes<T>, rest = count - whole;
    activate(z, a, ds, whole);
    if (!rest) return;
    T z_end[lanes<T>] = {}, a_end[lanes<T>], ds_end[lanes<T>];
    std::memcpy(z_end, z + whole, rest * sizeof(T));
    activate(z_end, a_end, ds ? ds_end : nullptr, lanes<T>);
    std::memcpy(a + whole, a_end, rest * sizeof(T));
    if (ds) std::memcpy(ds + whole, ds_end, rest * sizeof(T));
}

}  // namespace
