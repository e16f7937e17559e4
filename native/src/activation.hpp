// σ and σ' of a vector of z, as core/activations.py defines them.
#pragma once
#include "api.hpp"
#include "vecmath.hpp"

namespace {
using deltaprop::Act;

template <class T> struct Pair { Vec<T> a, ds; };

// Below it each of z e^z, z Φ(z) and their like is 0, above it each σ is z; cut there, z = ±inf gives no 0 inf.
template <class T> constexpr T FLAT = sizeof(T) == 4 ? T(120) : T(800);
template <class T> inline Vec<T> cut(Vec<T> z) { return max<T>(min<T>(z, FLAT<T>), -FLAT<T>); }

// z a 2^n where a is a word; z or ±0 at the ends, with the sign of z.
template <class T> inline Vec<T> times(Vec<T> z, Word<T> a, Power<T> power) {
    const Vec<T> p = product_value<T>(a, {cut<T>(z), Vec<T>{}});
    return with_sign<T>(z > FLAT<T> ? z : times_power(p, power), z);
}

// z - zero, exact but for one rounding in the second part: zero is given to twice the precision.
template <class T> inline Word<T> from_zero(Vec<T> z, T zero, T zero_low) { return quick_sum<T>(z - zero, splat<T>(-zero_low)); }

// What the logistic family shares, for 0 <= E = e^(-|z|) <= 1: r = 1 / (1 + E) and E r. Where E is subnormal, r is 1.
template <class T> struct Logistic { Word<T> r, Er; };

template <class T> inline Logistic<T> logistic(Vec<T> E) {
    const Word<T> r = reciprocal<T>(quick_sum<T>(splat<T>(1), E));
    return {r, product<T>(r, E)};
}

template <class T> [[gnu::always_inline]] inline Pair<T> sigmoid(Vec<T> z) {
    const Logistic<T> s = logistic<T>(exp<T>(reduce<T>(-abs<T>(z))));
    return {value<T>(select<T>(z >= T(0), s.r, s.Er)), product_value<T>(s.Er, s.r)};
}

// tanh(y) = (1 - E) / (1 + E) with E = e^(-2y), and 4 E / (1 + E)².
template <class T> [[gnu::always_inline]] inline Pair<T> tanh(Vec<T> z) {
    const Reduced<T> e = reduce<T>(T(-2) * abs<T>(z));
    const Vec<T> fourfold = times_power(T(4) * rounded_mantissa<T>(e), e.power);  // before it is subnormal
    const Logistic<T> s = logistic<T>(T(0.25) * fourfold);
    const Vec<T> a = product_value<T>(minus_one<T>(e), s.r);
    constexpr T tiny = sizeof(T) == 4 ? T(0x1p-13) : T(0x1p-28);  // tanh(z) = z (1 - z²/3 + ...)
    return {abs<T>(z) < tiny ? z : with_sign<T>(a, z), product_value<T>(product<T>(s.r, fourfold), s.r)};
}

// e^z - 1 and e^z for z <= 0.
template <class T> [[gnu::always_inline]] inline Pair<T> elu(Vec<T> z) {
    const Reduced<T> e = reduce<T>(min<T>(z, T(0)));
    return {z > T(0) ? z : with_sign<T>(value<T>(minus_one<T>(e)), z), z > T(0) ? splat<T>(1) : exp<T>(e)};
}

template <class T> [[gnu::always_inline]] inline Pair<T> selu(Vec<T> z) {
    constexpr T lambda = T(1.0507009873554804934);
    constexpr T both_hi = sizeof(T) == 4 ? T(1.75809932f) : T(1.7580993408473766), both_lo = sizeof(T) == 4 ? T(2.32967175e-8) : T(5.7501464875647596e-17);
    const Word<T> both{splat<T>(both_hi), splat<T>(both_lo)};
    const Reduced<T> e = reduce<T>(min<T>(z, T(0)));
    const Vec<T> a = product_value<T>(both, minus_one<T>(e));
    return {z > T(0) ? lambda * z : with_sign<T>(a, z), z > T(0) ? splat<T>(lambda) : times_power(product_value<T>(both, mantissa<T>(e)), e.power)};
}

// z s and s (1 + z s(-z)) = E r² (1 + E + z) where z < 0, r² (1 + E + z E) elsewhere; r = 1 / (1 + E).
template <class T> [[gnu::always_inline]] inline Pair<T> silu(Vec<T> z) {
    constexpr bool f = sizeof(T) == 4;
    const Vec<T> near = cut<T>(z);
    const Reduced<T> parts = reduce<T>(-abs<T>(near));
    const Word<T> e = mantissa<T>(parts), E = times_power(e, parts.power), d = quick_sum<T>(splat<T>(1), E), r = reciprocal<T>(d);
    const VecI<T> down = z < T(0);
    const Power<T> power = power_where<T>(down, parts.power);
    const Word<T> a = select<T>(down, product<T>(e, r), r);
    Word<T> numerator = sum<T>(d, select<T>(down, {near, Vec<T>{}}, product<T>(E, near)));
    // 1 + E + z cancels about its zero: there it is t + e^zero (e^t - 1), t = z - zero.
    const Word<T> t = from_zero<T>(near, f ? T(-1.27846456f) : T(-1.2784645427610737), f ? T(1.29792827e-8) : T(-1.0946994183093437e-16));
    const Word<T> about = quick_sum<T>(t.hi, expm1_near_0<T>(t.hi) * T(0.27846454276107380));
    numerator = select<T>(abs<T>(t.hi) < T(0.125), {about.hi, about.lo + t.lo}, numerator);
    return {times<T>(z, a, power), times_power(product_value<T>(product<T>(a, r), numerator), power)};
}

// z t with t = tanh(log(1 + e^z)) = n / d; σ' = (n d + 4 z (1 + E) w) w' / d² where w w' = E, or E² for z >= 0.
template <class T> [[gnu::always_inline]] inline Pair<T> mish(Vec<T> z) {
    constexpr bool f = sizeof(T) == 4;
    const Vec<T> near = cut<T>(z), one = splat<T>(1);
    const VecI<T> down = z < T(0);
    const Reduced<T> parts = reduce<T>(-abs<T>(near));
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
    const Word<T> t = from_zero<T>(near, f ? T(-1.19243121f) : T(-1.1924312145154952), f ? T(-3.04393759e-9) : T(-4.8484829848031046e-17));
    const Word<T> c1{splat<T>(f ? T(5.21393013f) : T(5.2139301411261156)), splat<T>(f ? T(1.11212329e-8) : T(7.9244697390576365e-17))};
    const Vec<T> delta = expm1_near_0<T>(t.hi) * T(0.30348253528152891);
    const Word<T> linear = product<T>(c1, t);
    const Word<T> about = quick_sum<T>(linear.hi, delta * (T(3.9344403718529639) + T(4) * t.hi + delta * (T(4.9104476058445865) + delta)));
    numerator = select<T>(abs<T>(t.hi) < T(0.125), {about.hi, about.lo + linear.lo}, numerator);
    return {times<T>(z, product<T>(n, wr), power), times_power(product_value<T>(product<T>(numerator, r), wr), power)};
}

// z Φ(z) and Φ(z) + z φ(z). With x = |z| and E = e^(-x²/2): Φ(-x) = E h(u) / (x + 4), σ'(-x) = E (x0 - x) g(u), both
// polynomials in u = (x - 4) / (x + 4), and σ'(x) = 1 - σ'(-x); x0 is where σ'(-x) vanishes.
template <class T> [[gnu::always_inline]] inline Pair<T> gelu(Vec<T> z) {
    constexpr bool f = sizeof(T) == 4;
    const Vec<T> x = min<T>(abs<T>(z), f ? T(15) : T(39)), one = splat<T>(1);  // x e^(-x²/2) is 0 there
    const VecI<T> down = z < T(0);
    const Word<T> square = product<T>(x, x);
    const Reduced<T> parts = reduce<T, true>(scale<T>(square, T(-0.5)));
    const Word<T> e = mantissa<T>(parts), w = normal<T>(reciprocal<T>(sum<T>(x, splat<T>(4))));
    const Word<T> u = quick_sum<T>(one, scale<T>(w, T(-8)));
    const Word<T> tail = polynomial<T>(Coefficients<T>::tail, Coefficients<T>::tail_low, u), slope = polynomial<T>(Coefficients<T>::slope, T(0), u);
    const Word<T> below = product<T>(e, product<T>(tail, w));
    const Word<T> t = from_zero<T>(x, f ? T(0.751791537f) : T(0.75179152469356447), f ? T(-1.21144495e-8) : T(-1.4956759177009883e-17));
    const Word<T> down_slope = product<T>(e, product<T>(slope, Word<T>{-t.hi, -t.lo}));
    const Vec<T> minus = times_power(-one, parts.power);
    const Word<T> above = quick_sum<T>(one, scale<T>(below, minus)), up_slope = quick_sum<T>(one, scale<T>(down_slope, minus));
    const Power<T> power = power_where<T>(down, parts.power);
    return {times<T>(z, select<T>(down, below, above), power), times_power(value<T>(select<T>(down, down_slope, up_slope)), power)};
}

// log(1 + e^z) = max(z, 0) + log(1 + E), which is E where E is tiny; σ' is the sigmoid.
template <class T> [[gnu::always_inline]] inline Pair<T> softplus(Vec<T> z) {
    const Reduced<T> parts = reduce<T>(-abs<T>(z));
    const Word<T> E = times_power(mantissa<T>(parts), parts.power), l = log1p<T>(E), up = sum<T>({z, Vec<T>{}}, l);
    const Logistic<T> s = logistic<T>(E.hi);
    constexpr T tiny = sizeof(T) == 4 ? T(0x1p-30) : T(0x1p-60);
    const Vec<T> down = E.hi < tiny ? E.hi : value<T>(l);
    return {z > FLAT<T> ? z : z > T(0) ? value<T>(up) : down, value<T>(select<T>(z >= T(0), s.r, s.Er))};
}

template <class T, Act kind> [[gnu::always_inline]] inline Pair<T> both(Vec<T> z) {
    const Vec<T> one = splat<T>(1), zero{};
    const Vec<T> step = z > T(0) ? one : z <= T(0) ? zero : z;
    if constexpr (kind == Act::sigmoid) return sigmoid<T>(z);
    else if constexpr (kind == Act::tanh) return tanh<T>(z);
    else if constexpr (kind == Act::relu) return {z < T(0) ? zero : z, step};
    else if constexpr (kind == Act::leaky_relu) return {z > T(0) ? z : z * T(0.01), z <= T(0) ? splat<T>(T(0.01)) : step};
    else if constexpr (kind == Act::elu) return elu<T>(z);
    else if constexpr (kind == Act::selu) return selu<T>(z);
    else if constexpr (kind == Act::gelu) return gelu<T>(z);
    else if constexpr (kind == Act::silu) return silu<T>(z);
    else if constexpr (kind == Act::mish) return mish<T>(z);
    else if constexpr (kind == Act::softplus) return softplus<T>(z);
    else if constexpr (kind == Act::exp) { const Vec<T> e = exp<T>(z); return {e, e}; }
    else return {z, one};
}

// a and σ' of `count` values of z (a multiple of the lanes); ds may be null.
template <class T, Act kind> void activate(const T* z, T* a, T* ds, int64_t count) {
    if (!ds) {
        for (int64_t i = 0; i < count; i += lanes<T>) store<T>(a + i, both<T, kind>(load<T>(z + i)).a);
        return;
    }
    for (int64_t i = 0; i < count; i += lanes<T>) {
        const Pair<T> p = both<T, kind>(load<T>(z + i));
        store<T>(a + i, p.a);
        store<T>(ds + i, p.ds);
    }
}

template <class T> using Activate = void (*)(const T*, T*, T*, int64_t);

template <class T> Activate<T> activation(int kind) {
    switch (Act(kind)) {
        case Act::sigmoid: return activate<T, Act::sigmoid>;
        case Act::tanh: return activate<T, Act::tanh>;
        case Act::relu: return activate<T, Act::relu>;
        case Act::leaky_relu: return activate<T, Act::leaky_relu>;
        case Act::elu: return activate<T, Act::elu>;
        case Act::selu: return activate<T, Act::selu>;
        case Act::gelu: return activate<T, Act::gelu>;
        case Act::silu: return activate<T, Act::silu>;
        case Act::mish: return activate<T, Act::mish>;
        case Act::softplus: return activate<T, Act::softplus>;
        case Act::exp: return activate<T, Act::exp>;
        default: return activate<T, Act::identity>;
    }
}

}  // namespace
