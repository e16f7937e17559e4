// exp, log1p and polynomials on vectors.
#pragma once
#include "coefficients.hpp"
#include "words.hpp"

namespace {

// Even and odd powers apart, in two chains of half the length.
template <class T, int count> inline Vec<T> polynomial(const T (&c)[count], Vec<T> x) {
    const Vec<T> square = x * x;
    Vec<T> p = splat<T>(c[0]), q = splat<T>(c[1]);
    UNROLL(32)
    for (int k = 2; k < count; k += 2) p = p * square + c[k];
    UNROLL(32)
    for (int k = 3; k < count; k += 2) q = q * square + c[k];
    return count % 2 ? q * x + p : p * x + q;
}

// A polynomial in a word, its last step carried in one.
template <class T, int count>
inline Word<T> polynomial(const T (&c)[count], T before_last, T last, T last_low, Word<T> x) {
    const Vec<T> inner = polynomial<T>(c, x.hi) * x.hi + before_last, value = plus_product(splat<T>(last), inner, x.hi);
    return {value, plus_product((last - value) + last_low, inner, x.hi) + inner * x.lo};
}

// ---- e^x

// 2^n, multiplied with one rounding even if the product is subnormal.
#if defined(__AVX512F__)
template <class T> struct Power {
    Vec<T> n;
};
inline Vec<float> times_power(Vec<float> x, Power<float> p) { return _mm512_maskz_scalef_ps(0xffff, x, p.n); }
inline Vec<double> times_power(Vec<double> x, Power<double> p) { return _mm512_maskz_scalef_pd(0xff, x, p.n); }
template <class T> inline Power<T> power_where(VecI<T> which, Power<T> p) { return {which ? p.n : Vec<T>{}}; }
#else
template <class T> struct Power {
    Vec<T> low, high;
};  // two factors, none of them beyond the exponents
template <class V, class T> inline V times_power(V x, Power<T> p) { return x * p.low * p.high; }
template <class T> inline Power<T> power_where(VecI<T> which, Power<T> p) {
    return {which ? p.low : splat<T>(1), which ? p.high : splat<T>(1)};
}
#endif
template <class T> inline Word<T> times_power(Word<T> a, Power<T> p) {
    return {times_power(a.hi, p), times_power(a.lo, p)};
}

// 2^n from n + 1.5 2^23 (2^52) and n/2 + the same, whose last bits are the whole numbers.
template <class T> inline Power<T> power([[maybe_unused]] Vec<T> n, [[maybe_unused]] Vec<T> rounded,
                                         [[maybe_unused]] Vec<T> half, [[maybe_unused]] Vec<T> magic) {
#if defined(__AVX512F__)
    return {n};
#else
    constexpr int shift = sizeof(T) == 4 ? 23 : 52;
    constexpr typename Simd<T>::Int bias = sizeof(T) == 4 ? 127 : 1023;
    const VecI<T> n1 = bits<T>(half) - bits<T>(magic), n2 = bits<T>(rounded) - bits<T>(half);
    return {from_bits<T>((n1 + bias) << shift), from_bits<T>((n2 + bias) << shift)};
#endif
}

// e^x = (1 + s) 2^n: x = n ln 2 + r, |r| <= ln 2 / 2, s = e^r - 1.
template <class T> struct Exponential {
    Word<T> s;
    Power<T> power;
};

// Of e^(x.hi + x.lo), or of e^x.hi alone, for x below 90 (710). NaN stays NaN; far below 0 all is 0.
template <class T, bool has_low> inline Exponential<T> exponential(Word<T> x) {
    constexpr bool f = sizeof(T) == 4;
    const Vec<T> top = max<T>(x.hi, f ? T(-120) : T(-800));
    const Vec<T> magic =
        splat<T>(f ? T(12582912)
                   : T(6755399441055744.0));  // 1.5 2^23, 1.5 2^52: adding it rounds, and leaves n in the last bits
    constexpr T per_ln2 = T(1.4426950408889634074);
    const Vec<T> rounded = top * per_ln2 + magic, half = top * (per_ln2 / 2) + magic, n = rounded - magic;
    constexpr T ln2_hi = f ? T(0.693359375) : T(0.693145751953125);  // few enough bits for n ln2_hi to be exact
    constexpr T ln2_lo = f ? T(-2.12194442e-4) : T(1.4286068203094173e-6);
    const Vec<T> t = top - n * ln2_hi;
    Vec<T> r;
    if constexpr (has_low) r = t - (n * ln2_lo - x.lo);
    else r = t - n * ln2_lo;
    return {quick_sum<T>(r, r * r * polynomial<T>(Coefficients<T>::exponential, r)), power<T>(n, rounded, half, magic)};
}
template <class T> inline Exponential<T> exponential(Vec<T> x) { return exponential<T, false>({x, Vec<T>{}}); }

template <class T> inline Word<T> mantissa(const Exponential<T>& e) { return quick_sum<T>(splat<T>(1), e.s.hi); }
template <class T> inline Vec<T> exp(const Exponential<T>& e) { return times_power(T(1) + e.s.hi, e.power); }
template <class T> inline Vec<T> exp(Vec<T> x) {
    return exp<T>(exponential<T>(min<T>(x, sizeof(T) == 4 ? T(90) : T(710))));
}

// e^x - 1 for x <= 0.
template <class T> inline Word<T> minus_one(const Exponential<T>& e) {
    const Vec<T> power = times_power(splat<T>(1), e.power), up = power * e.s.hi;
    return quick_sum<T>(power - T(1), up);
}

// e^t - 1 for |t| <= 1/8.
template <class T> inline Vec<T> expm1_near_0(Vec<T> t) {
    return t + t * t * polynomial<T>(Coefficients<T>::exponential_near_0, t);
}

// ---- log(1 + e) = 2 artanh(s / 2), s = e / (1 + e / 2) <= 2/3, for 0 <= e <= 1.
template <class T> inline Word<T> log1p(Vec<T> e) {
    const Word<T> s = product<T>(reciprocal<T>(quick_sum<T>(splat<T>(1), T(0.5) * e)), e);
    const Vec<T> middle = value<T>(s), quarter = T(0.25) * middle * middle;
    return {s.hi, s.lo + middle * quarter * polynomial<T>(Coefficients<T>::artanh, quarter)};
}

}  // namespace
