// Words: sums of two numbers, used if one rounding would be too much; and the sign, |x|, minimum and maximum of
// vectors.
#pragma once
#if defined(__x86_64__)
#include <immintrin.h>
#endif
#include "simd.hpp"

namespace {

template <class T> constexpr typename Simd<T>::Int SIGN =
    sizeof(T) == 4 ? typename Simd<T>::Int(0x80000000) : typename Simd<T>::Int(0x8000000000000000ULL);

template <class T> inline Vec<T> minus_abs(Vec<T> x) { return from_bits<T>(bits<T>(x) | SIGN<T>); }
template <class T> inline Vec<T> abs(Vec<T> x) { return from_bits<T>(bits<T>(x) & ~SIGN<T>); }
template <class T> inline Vec<T> with_sign(Vec<T> x, Vec<T> of) {
    return from_bits<T>((bits<T>(x) & ~SIGN<T>) | (bits<T>(of) & SIGN<T>));
}

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

// ---- words: the unevaluated sum of a number and a small one, about twice the precision (T. Dekker, Numer. Math. 18
// (1971) 224)

template <class T> struct Word {
    Vec<T> hi, lo;
};

template <class T> inline Vec<T> value(Word<T> a) { return a.hi + a.lo; }
template <class T> inline Word<T> scale(Word<T> a, T by) { return {a.hi * by, a.lo * by}; }  // by a power of two
template <class T> inline Word<T> select(VecI<T> which, Word<T> a, Word<T> b) {
    return {which ? a.hi : b.hi, which ? a.lo : b.lo};
}

// a + b exactly; the quick one requires |a| >= |b| or a = 0.
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

// a b - c, c - a b and c + a b with one rounding. Fused explicitly, since the compiler may fuse an expression but need
// not.
#if defined(__AVX512F__)
inline Vec<float> product_minus(Vec<float> a, Vec<float> b, Vec<float> c) { return _mm512_fmsub_ps(a, b, c); }
inline Vec<double> product_minus(Vec<double> a, Vec<double> b, Vec<double> c) { return _mm512_fmsub_pd(a, b, c); }
inline Vec<float> minus_product(Vec<float> c, Vec<float> a, Vec<float> b) { return _mm512_fnmadd_ps(a, b, c); }
inline Vec<double> minus_product(Vec<double> c, Vec<double> a, Vec<double> b) { return _mm512_fnmadd_pd(a, b, c); }
inline Vec<float> plus_product(Vec<float> c, Vec<float> a, Vec<float> b) { return _mm512_fmadd_ps(a, b, c); }
inline Vec<double> plus_product(Vec<double> c, Vec<double> a, Vec<double> b) { return _mm512_fmadd_pd(a, b, c); }
#elif defined(__FMA__) && defined(__AVX__)
inline Vec<float> product_minus(Vec<float> a, Vec<float> b, Vec<float> c) { return _mm256_fmsub_ps(a, b, c); }
inline Vec<double> product_minus(Vec<double> a, Vec<double> b, Vec<double> c) { return _mm256_fmsub_pd(a, b, c); }
inline Vec<float> minus_product(Vec<float> c, Vec<float> a, Vec<float> b) { return _mm256_fnmadd_ps(a, b, c); }
inline Vec<double> minus_product(Vec<double> c, Vec<double> a, Vec<double> b) { return _mm256_fnmadd_pd(a, b, c); }
inline Vec<float> plus_product(Vec<float> c, Vec<float> a, Vec<float> b) { return _mm256_fmadd_ps(a, b, c); }
inline Vec<double> plus_product(Vec<double> c, Vec<double> a, Vec<double> b) { return _mm256_fmadd_pd(a, b, c); }
#elif defined(__aarch64__)
template <class V> inline V product_minus(V a, V b, V c) {
    V r;
    for (size_t i = 0; i < sizeof(V) / sizeof(a[0]); i++)
        r[i] = sizeof(a[0]) == 4 ? __builtin_fmaf(a[i], b[i], -c[i]) : __builtin_fma(a[i], b[i], -c[i]);
    return r;
}
template <class V> inline V minus_product(V c, V a, V b) { return -product_minus(a, b, c); }
template <class V> inline V plus_product(V c, V a, V b) { return product_minus(a, b, -c); }
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
template <class V> inline V plus_product(V c, V a, V b) { return product_minus(a, b, -c); }
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
// a b: one rounding if the machine has fused operations, else two.
template <class T> inline Vec<T> product_value(Word<T> a, Word<T> b) {
    return a.hi * b.hi + (a.hi * b.lo + a.lo * b.hi);
}
template <class T> inline Vec<T> product_value(Word<T> a, Vec<T> b) { return a.hi * b + a.lo * b; }
// The same with one rounding everywhere.
#if defined(__FMA__) || defined(__aarch64__)
template <class T, class Factor> inline Vec<T> rounded_product(Word<T> a, Factor b) { return product_value<T>(a, b); }
#else
template <class T, class Factor> inline Vec<T> rounded_product(Word<T> a, Factor b) {
    return value<T>(product<T>(a, b));
}
#endif

// 1 / d for a d that is neither tiny nor huge: hi has some bits, lo makes up for the rest.
template <class T> inline Vec<T> about_one_over(Vec<T> d) {
#if defined(__AVX512F__)
    if constexpr (sizeof(T) == 4)
        return _mm512_maskz_rcp14_ps(0xffff, d);  // its square, 2^-28, is small enough for float
#endif
    return T(1) / d;
}
template <class T> inline Word<T> reciprocal(Word<T> d) {
    const Vec<T> r = about_one_over<T>(d.hi);
    return {r, r * (minus_product(splat<T>(1), d.hi, r) - d.lo * r)};
}

}  // namespace
