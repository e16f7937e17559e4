// exp, log1p and the normal distribution's tail on vectors, and words of two numbers to carry them beyond the type's precision.
#pragma once
#if defined(__x86_64__)
#include <immintrin.h>
#endif
#include "simd.hpp"

namespace {

// Highest power first; from tools/fit_polynomials.py, which says what each one is.
template <class T> struct Coefficients;
template <> struct Coefficients<float> {
    static constexpr float exponential[] = {
        0.000198910805f, 0.00139337307f, 0.00833331084f, 0.0416664642f, 0.166666667f, 0.500000001f};
    static constexpr float exponential_near_0[] = {
        0.00833643412f, 0.0416883734f, 0.166666661f, 0.499999958f};
    static constexpr float artanh[] = {
        0.116121646f, 0.108532879f, 0.14296179f, 0.199998532f, 0.333333337f};
    static constexpr float tail[] = {
        1.47602707e-5f, -1.61304586e-5f, -0.000218529134f, 0.000146321339f, 0.00162830215f, -0.00348388331f,
        -0.00754008928f, 0.0603971434f, -0.186521847f, 0.387137373f, -0.607896642f, 0.755285131f};
    static constexpr float slope[] = {
        -1.49076093e-6f, -1.93195746e-5f, -1.39146813e-5f, 0.000187704007f, -0.000155488409f,
        -0.00178886639f, 0.00950503551f, -0.0280832933f, 0.0604629337f, -0.1033659f, 0.462211244f};
    static constexpr float tail_low = -1.32125156e-8f;
};
template <> struct Coefficients<double> {
    static constexpr double exponential[] = {
        2.0914755325893202e-9, 2.5105312729622102e-8, 2.755727347871858e-7, 2.7557255170000887e-6,
        2.4801587325677462e-5, 0.00019841269875002279, 0.0013888888888883711, 0.0083333333333260831,
        0.04166666666666667, 0.16666666666666671, 0.5};
    static constexpr double exponential_near_0[] = {
        2.7564659654102527e-7, 2.7566127929189028e-6, 2.4801586441345774e-5, 0.00019841268808950877,
        0.0013888888888926226, 0.0083333333333781398, 0.041666666666666662, 0.16666666666666661, 0.5};
    static constexpr double artanh[] = {
        0.078152889004614252, 0.037460718977753837, 0.054225891974400074, 0.058671395306515987,
        0.066675893157246279, 0.076922719824302746, 0.090909099489813572, 0.11111111099118385,
        0.1428571428580005, 0.19999999999999761, 0.33333333333333333};
    static constexpr double tail[] = {
        -1.3354899339939052e-11, -7.2432325489307179e-10, -2.4177072625251235e-9, 1.955812008141458e-9,
        1.9344097647524551e-8, 1.3133081055503651e-8, -8.5033485643681248e-8, -1.5473170451533523e-7,
        2.7149901658695815e-7, 1.0213507766444333e-6, -6.2953745735736781e-7, -5.9200651547720374e-6,
        7.1661203002954828e-7, 3.5144649749618004e-5, -1.9082463627148211e-6, -0.00023109492753473919,
        0.00013334431068969733, 0.0016308184566237597, -0.0034796923672477302, -0.0075401889666598035,
        0.060396574890930033, -0.18652185795965938, 0.38713740074221466, -0.60789664197189209,
        0.75528513041575149};
    static constexpr double slope[] = {
        -7.2744667616420153e-11, -1.4952633410528729e-10, 5.6051614862410388e-10, 1.7133910963543351e-9,
        -1.7670917731144856e-9, -1.1435005380523004e-8, -7.6605040694247196e-10, 6.336474380392909e-8,
        5.2432179511719186e-8, -3.4943899576367947e-7, -4.9219441373092534e-7, 2.2167673430643128e-6,
        3.5389106606879143e-6, -1.8034946241635262e-5, -1.7477216476029132e-5, 0.00018577577566740916,
        -0.00015461331259328705, -0.0017882605413101803, 0.009504950375084591, -0.028083359953045726,
        0.060462936767851313, -0.10336589852195695, 0.4622112440495753};
    static constexpr double tail_low = -2.2635112797723395e-17;
};

// Even and odd powers apart, in two chains of half the length.
template <class T, int count> inline Vec<T> polynomial(const T (&c)[count], Vec<T> x) {
    const Vec<T> square = x * x;
    Vec<T> p = splat<T>(c[0]), q = splat<T>(c[1]);
#pragma GCC unroll 32
    for (int k = 2; k < count; k += 2) p = p * square + c[k];
#pragma GCC unroll 32
    for (int k = 3; k < count; k += 2) q = q * square + c[k];
    return count % 2 ? q * x + p : p * x + q;
}

template <class T> constexpr typename Simd<T>::Int SIGN = sizeof(T) == 4 ? typename Simd<T>::Int(0x80000000) : typename Simd<T>::Int(0x8000000000000000ULL);

template <class T> inline Vec<T> abs(Vec<T> x) { return from_bits<T>(bits<T>(x) & ~SIGN<T>); }
template <class T> inline Vec<T> with_sign(Vec<T> x, Vec<T> of) { return from_bits<T>((bits<T>(x) & ~SIGN<T>) | (bits<T>(of) & SIGN<T>)); }

// Both keep NaN. The hardware's own minimum is this comparison, but the compiler sees it as two instructions.
// (Here and below the zeroing form under a full mask: the plain one makes GCC 12 warn of its own uninitialised dummy.)
#if defined(__AVX512F__)
inline Vec<float> larger(Vec<float> x, Vec<float> y) { return _mm512_maskz_max_ps(0xffff, y, x); }
inline Vec<double> larger(Vec<double> x, Vec<double> y) { return _mm512_maskz_max_pd(0xff, y, x); }
inline Vec<float> smaller(Vec<float> x, Vec<float> y) { return _mm512_maskz_min_ps(0xffff, y, x); }
inline Vec<double> smaller(Vec<double> x, Vec<double> y) { return _mm512_maskz_min_pd(0xff, y, x); }
#elif defined(__AVX__)
inline Vec<float> larger(Vec<float> x, Vec<float> y) { return _mm256_max_ps(y, x); }
inline Vec<double> larger(Vec<double> x, Vec<double> y) { return _mm256_max_pd(y, x); }
inline Vec<float> smaller(Vec<float> x, Vec<float> y) { return _mm256_min_ps(y, x); }
inline Vec<double> smaller(Vec<double> x, Vec<double> y) { return _mm256_min_pd(y, x); }
#else
template <class V> inline V larger(V x, V y) { return x < y ? y : x; }
template <class V> inline V smaller(V x, V y) { return x > y ? y : x; }
#endif
template <class T> inline Vec<T> max(Vec<T> x, T y) { return larger(x, splat<T>(y)); }
template <class T> inline Vec<T> min(Vec<T> x, T y) { return smaller(x, splat<T>(y)); }

// ---- words: the unevaluated sum of a number and a small one, about twice the precision (T. Dekker, Numer. Math. 18 (1971) 224)

template <class T> struct Word { Vec<T> hi, lo; };

template <class T> inline Vec<T> value(Word<T> a) { return a.hi + a.lo; }
template <class T> inline Word<T> scale(Word<T> a, T by) { return {a.hi * by, a.lo * by}; }  // by a power of two
template <class T> inline Word<T> scale(Word<T> a, Vec<T> by) { return {a.hi * by, a.lo * by}; }
template <class T> inline Word<T> select(VecI<T> which, Word<T> a, Word<T> b) { return {which ? a.hi : b.hi, which ? a.lo : b.lo}; }

// a + b exactly; the quick one where |a| >= |b| or a = 0.
template <class T> inline Word<T> quick_sum(Vec<T> a, Vec<T> b) {
    const Vec<T> s = a + b;
    return {s, b - (s - a)};
}
template <class T> inline Word<T> sum(Vec<T> a, Vec<T> b) {
    const Vec<T> s = a + b, part = s - a;
    return {s, (a - (s - part)) + (b - part)};
}
template <class T> inline Word<T> quick_sum(Vec<T> a, Word<T> b) {
    const Word<T> s = quick_sum<T>(a, b.hi);
    return {s.hi, s.lo + b.lo};
}
template <class T> inline Word<T> sum(Word<T> a, Word<T> b) {
    const Word<T> s = sum<T>(a.hi, b.hi);
    return {s.hi, s.lo + (a.lo + b.lo)};
}

// a b - c, and c - a b, with one rounding. Fused by name, for the compiler may fuse where it likes but need not.
#if defined(__AVX512F__)
inline Vec<float> product_minus(Vec<float> a, Vec<float> b, Vec<float> c) { return _mm512_fmsub_ps(a, b, c); }
inline Vec<double> product_minus(Vec<double> a, Vec<double> b, Vec<double> c) { return _mm512_fmsub_pd(a, b, c); }
inline Vec<float> minus_product(Vec<float> c, Vec<float> a, Vec<float> b) { return _mm512_fnmadd_ps(a, b, c); }
inline Vec<double> minus_product(Vec<double> c, Vec<double> a, Vec<double> b) { return _mm512_fnmadd_pd(a, b, c); }
#elif defined(__FMA__) && defined(__AVX__)
inline Vec<float> product_minus(Vec<float> a, Vec<float> b, Vec<float> c) { return _mm256_fmsub_ps(a, b, c); }
inline Vec<double> product_minus(Vec<double> a, Vec<double> b, Vec<double> c) { return _mm256_fmsub_pd(a, b, c); }
inline Vec<float> minus_product(Vec<float> c, Vec<float> a, Vec<float> b) { return _mm256_fnmadd_ps(a, b, c); }
inline Vec<double> minus_product(Vec<double> c, Vec<double> a, Vec<double> b) { return _mm256_fnmadd_pd(a, b, c); }
#elif defined(__aarch64__)
template <class V> inline V product_minus(V a, V b, V c) {
    V r;
    for (size_t i = 0; i < sizeof(V) / sizeof(a[0]); i++) r[i] = sizeof(a[0]) == 4 ? __builtin_fmaf(a[i], b[i], -c[i]) : __builtin_fma(a[i], b[i], -c[i]);
    return r;
}
template <class V> inline V minus_product(V c, V a, V b) { return -product_minus(a, b, c); }
#else
// Veltkamp's halves, whose products are exact: right while |a| and |b| stay below 2^100 or so.
template <class V> inline V upper_half(V a) {
    const V t = a * (sizeof(a[0]) == 4 ? decltype(a[0] + 0)(4097) : decltype(a[0] + 0)(134217729));
    return t - (t - a);
}
template <class V> inline V product_minus(V a, V b, V c) {
    const V a1 = upper_half(a), a2 = a - a1, b1 = upper_half(b), b2 = b - b1, p = a * b;
    return (p - c) + (((a1 * b1 - p) + a1 * b2 + a2 * b1) + a2 * b2);
}
template <class V> inline V minus_product(V c, V a, V b) { return -product_minus(a, b, c); }
#endif

template <class T> inline Word<T> product(Vec<T> a, Vec<T> b) {
    const Vec<T> p = a * b;
    return {p, product_minus(a, b, p)};
}
template <class T> inline Word<T> product(Word<T> a, Vec<T> b) {
    const Word<T> p = product<T>(a.hi, b);
    return {p.hi, p.lo + a.lo * b};
}
template <class T> inline Word<T> product(Word<T> a, Word<T> b) {
    const Word<T> p = product<T>(a.hi, b.hi);
    return {p.hi, p.lo + (a.hi * b.lo + a.lo * b.hi)};
}
// a b rounded: one rounding where the machine fuses, at most two elsewhere.
template <class T> inline Vec<T> product_value(Word<T> a, Word<T> b) { return a.hi * b.hi + (a.hi * b.lo + a.lo * b.hi); }

// 1 / d for 1 <= d <= 8 to some bits, the rest of which is made up for by the second part.
template <class T> inline Vec<T> about_one_over(Vec<T> d) {
#if defined(__AVX512F__)
    if constexpr (sizeof(T) == 4) return _mm512_maskz_rcp14_ps(0xffff, d);  // its square, 2^-28, is small enough for float
#endif
    return T(1) / d;
}
template <class T> inline Word<T> reciprocal(Word<T> d) {
    const Vec<T> r = about_one_over<T>(d.hi);
    return {r, r * (minus_product(splat<T>(1), d.hi, r) - d.lo * r)};
}
template <class T> inline Word<T> normal(Word<T> a) { return quick_sum<T>(a.hi, a.lo); }  // makes hi the rounded value

// A polynomial in a word, the last two steps carried in words.
template <class T, int count> inline Word<T> polynomial(const T (&c)[count], T last_low, Word<T> x) {
    const Vec<T> square = x.hi * x.hi;
    Vec<T> p = splat<T>(c[0]), q = splat<T>(c[1]);
#pragma GCC unroll 32
    for (int k = 2; k < count - 2; k += 2) p = p * square + c[k];
#pragma GCC unroll 32
    for (int k = 3; k < count - 2; k += 2) q = q * square + c[k];
    p = count % 2 ? q * x.hi + p : p * x.hi + q;
    const Word<T> inner = quick_sum<T>(splat<T>(c[count - 2]), product<T>(x, p));
    const Word<T> all = quick_sum<T>(splat<T>(c[count - 1]), product<T>(inner, x));
    return {all.hi, all.lo + last_low};
}

// ---- e^x

// 2^n, multiplied with one rounding even where the product is subnormal.
#if defined(__AVX512F__)
template <class T> struct Power { Vec<T> n; };
inline Vec<float> times_power(Vec<float> x, Power<float> p) { return _mm512_maskz_scalef_ps(0xffff, x, p.n); }
inline Vec<double> times_power(Vec<double> x, Power<double> p) { return _mm512_maskz_scalef_pd(0xff, x, p.n); }
template <class T> inline Power<T> power_where(VecI<T> which, Power<T> p) { return {which ? p.n : Vec<T>{}}; }
#else
template <class T> struct Power { Vec<T> low, high; };  // two factors, none of them beyond the exponents
template <class V, class T> inline V times_power(V x, Power<T> p) { return x * p.low * p.high; }
template <class T> inline Power<T> power_where(VecI<T> which, Power<T> p) { return {which ? p.low : splat<T>(1), which ? p.high : splat<T>(1)}; }
#endif
template <class T> inline Word<T> times_power(Word<T> a, Power<T> p) { return {times_power(a.hi, p), times_power(a.lo, p)}; }

// 2^n from n + 1.5 2^23 (2^52) and n/2 + the same, whose last bits are the whole numbers.
template <class T> inline Power<T> power([[maybe_unused]] Vec<T> n, [[maybe_unused]] Vec<T> rounded, [[maybe_unused]] Vec<T> half, [[maybe_unused]] Vec<T> magic) {
#if defined(__AVX512F__)
    return {n};
#else
    constexpr int shift = sizeof(T) == 4 ? 23 : 52;
    constexpr typename Simd<T>::Int bias = sizeof(T) == 4 ? 127 : 1023;
    const VecI<T> n1 = bits<T>(half) - bits<T>(magic), n2 = bits<T>(rounded) - bits<T>(half);
    return {from_bits<T>((n1 + bias) << shift), from_bits<T>((n2 + bias) << shift)};
#endif
}

// e^x = (1 + r + q) 2^n: x = n ln 2 + r, |r| <= ln 2 / 2, r + q = e^r - 1.
template <class T> struct Reduced { Vec<T> r, q; Power<T> power; };

// Of e^(x.hi + x.lo), or of e^x.hi alone, for x below 90 (710). NaN stays NaN; far below 0 all is 0.
template <class T, bool has_low> inline Reduced<T> reduce(Word<T> x) {
    constexpr bool f = sizeof(T) == 4;
    const Vec<T> top = max<T>(x.hi, f ? T(-120) : T(-800));
    const Vec<T> magic = splat<T>(f ? T(12582912) : T(6755399441055744.0));  // 1.5 2^23, 1.5 2^52: adding it rounds, and leaves n in the last bits
    constexpr T per_ln2 = T(1.4426950408889634074);
    const Vec<T> rounded = top * per_ln2 + magic, half = top * (per_ln2 / 2) + magic, n = rounded - magic;
    constexpr T ln2_hi = f ? T(0.693359375) : T(0.693145751953125);  // few enough bits for n ln2_hi to be exact
    constexpr T ln2_lo = f ? T(-2.12194442e-4) : T(1.4286068203094173e-6);
    Word<T> t{top - n * ln2_hi, Vec<T>{}};
    if constexpr (has_low) t = sum<T>(t.hi, x.lo);
    const Vec<T> r = t.hi - n * ln2_lo;
    Vec<T> r_low = (t.hi - r) - n * ln2_lo;
    if constexpr (has_low) r_low += t.lo;
    const Vec<T> q = r * r * polynomial<T>(Coefficients<T>::exponential, r) + (r_low + r * r_low);
    return {r, q, power<T>(n, rounded, half, magic)};
}
template <class T> inline Reduced<T> reduce(Vec<T> x) { return reduce<T, false>({x, Vec<T>{}}); }

template <class T> inline Word<T> mantissa(const Reduced<T>& e) {
    const Word<T> m = quick_sum<T>(splat<T>(1), e.r);
    return quick_sum<T>(m.hi, m.lo + e.q);
}
template <class T> inline Vec<T> rounded_mantissa(const Reduced<T>& e) {
    const Word<T> m = quick_sum<T>(splat<T>(1), e.r);
    return m.hi + (m.lo + e.q);
}

template <class T> inline Vec<T> exp(const Reduced<T>& e) { return times_power(rounded_mantissa<T>(e), e.power); }
template <class T> inline Vec<T> exp(Vec<T> x) { return exp<T>(reduce<T>(min<T>(x, sizeof(T) == 4 ? T(90) : T(710)))); }

// e^x - 1 for x <= 0, from the parts of e^x.
template <class T> inline Word<T> minus_one(const Reduced<T>& e) {
    const Vec<T> power = times_power(splat<T>(1), e.power);
    const Word<T> m = quick_sum<T>(power - T(1), power * e.r);
    return quick_sum<T>(m.hi, m.lo + power * e.q);
}

// e^t - 1 for |t| <= 1/8.
template <class T> inline Vec<T> expm1_near_0(Vec<T> t) { return t + t * t * polynomial<T>(Coefficients<T>::exponential_near_0, t); }

// ---- log(1 + e) = 2 artanh(s), s = e / (2 + e) <= 1/3, for 0 <= e <= 1.
template <class T> inline Word<T> log1p(Word<T> e) {
    const Word<T> s = product<T>(e, normal<T>(reciprocal<T>(quick_sum<T>(splat<T>(2), e))));
    const Vec<T> square = s.hi * s.hi;
    return {T(2) * s.hi, T(2) * (s.lo + s.hi * square * polynomial<T>(Coefficients<T>::artanh, square))};
}

}  // namespace
