// exp, log1p and polynomials on vectors, and words of two numbers where one rounding would be too much.
#pragma once
#if defined(__x86_64__)
#include <immintrin.h>
#endif
#include "simd.hpp"

namespace {

// Highest power first; from tools/fit_polynomials.py, which says what each one is. What ends a polynomial that is carried in
// a word stands apart: name_1 and name_0, the coefficients of x and 1, and name_low, what rounding took from name_0.
template <class T> struct Coefficients;
template <> struct Coefficients<float> {
    static constexpr float exponential[] = {0.00137511503f, 0.00836898723f, 0.0416695443f, 0.166665179f, 0.499999885f};
    static constexpr float exponential_near_0[] = {0.00833720946f, 0.0416883737f, 0.166666652f, 0.499999958f};
    static constexpr float artanh[] = {0.116195253f, 0.108516575f, 0.142962917f, 0.199998507f, 0.333333337f};
    static constexpr float tail[] = {
        5.73717598e-6f, 6.45627538e-5f, 0.000128610383f, -0.000256220832f, -0.00103375155f, 0.00102946468f,
        0.00697011323f, -0.0104633307f, -0.047262805f, 0.230017751f};
    static constexpr float tail_1 = -0.509331988f, tail_0 = 0.729083717f, tail_low = -2.70388787e-8f;
    static constexpr float slope[] = {
        -1.11653757e-5f, -4.29896113e-6f, 0.000122706738f, 9.25282409e-5f, -0.00109259334f, -0.000203551695f,
        0.0140744486f, -0.053596158f};
    static constexpr float slope_1 = 0.11997544f, slope_0 = -0.478297681f, slope_low = 3.49050797e-9f;
    static constexpr float silu_slope[] = {
        0.000169483649f, 0.000777596745f, 0.000129638074f, -0.00660329612f, -0.0152228632f, 0.018874649f};
    static constexpr float silu_slope_1 = 0.146648801f, silu_slope_0 = 0.217811704f, silu_slope_low = 3.33125599e-9f;
};
template <> struct Coefficients<double> {
    static constexpr double exponential[] = {
        2.5024585741429218e-8, 2.7631272551070282e-7, 2.7557508052114819e-6, 2.4801489959754243e-5,
        0.00019841269595636864, 0.0013888888947024378, 0.0083333333334523864, 0.041666666666515124, 0.16666666666666481,
        0.50000000000000129};
    static constexpr double exponential_near_0[] = {
        2.7565475362483916e-7, 2.7566127953699111e-6, 2.4801586186437589e-5, 0.00019841268808944175, 0.001388888888895112,
        0.0083333333333781403, 0.041666666666666655, 0.16666666666666661, 0.5};
    static constexpr double artanh[] = {
        0.07821056687403345, 0.037428719610706891, 0.054233435831002723, 0.058670410874358209, 0.066675970769560505,
        0.076922716038322892, 0.090909099602204528, 0.11111111098926833, 0.14285714285801707, 0.19999999999999756,
        0.33333333333333333};
    static constexpr double tail[] = {
        8.354305694188779e-10, 5.8502030762502428e-10, -9.3849811427505238e-9, -1.6088003227818047e-8,
        2.7807165157235779e-8, 1.0138106703169809e-7, 4.0805882566021064e-8, -2.815128045652538e-7,
        -5.9268087057060955e-7, 1.5012076147623118e-8, 2.2565535289996511e-6, 3.6362041851842234e-6,
        -3.5176985212029532e-6, -2.0687786997328473e-5, -1.324607077912645e-5, 7.8812368787989754e-5,
        0.00015439447709499768, -0.00025657530430258265, -0.0010458286245046484, 0.001027592255735611,
        0.0069726212405846748, -0.010462867023173267, -0.047263025142975004, 0.23001771997460152};
    static constexpr double tail_1 = -0.50933198191748944, tail_0 = 0.72908369013337304, tail_low = -3.9626160819831624e-17;
    static constexpr double slope[] = {
        4.4440525303265697e-10, 9.0948330544105341e-10, -2.6573071819464625e-9, -8.8862621143517279e-9,
        9.6384175022845563e-10, 3.8131811831129343e-8, 5.3623804648632735e-8, -6.8358363972254139e-8,
        -3.4016826855526212e-7, -2.4234972400913813e-7, 1.2392646295359461e-6, 3.0168135714173824e-6,
        -2.539870820362338e-6, -2.0092339096456067e-5, -4.764500086724681e-6, 0.00013002428893459076,
        9.4074071320121225e-5, -0.0010950104712481313, -0.00020407134799954782, 0.014074772490183913,
        -0.053596109834969375};
    static constexpr double slope_1 = 0.11997542713544503, slope_0 = -0.4782976777552484, slope_low = -1.0010022075156275e-17;
    static constexpr double silu_slope[] = {
        -1.5926399488066995e-8, -8.7925750570177068e-8, -3.1782010002067899e-8, 8.5802847693247061e-7,
        2.3463219039123874e-6, -2.9422197711149224e-6, -2.973358065058017e-5, -4.0905390772127557e-5,
        0.00018570724648479393, 0.00079852188492390922, 0.0001266274099671378, -0.0066065891384531678, -0.015222655223186,
        0.018874814223783463};
    static constexpr double silu_slope_1 = 0.14664879699694689, silu_slope_0 = 0.2178117057198001, silu_slope_low = -6.2202531879009258e-18;
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

template <class T> inline Vec<T> minus_abs(Vec<T> x) { return from_bits<T>(bits<T>(x) | SIGN<T>); }
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

// a b - c, c - a b and c + a b with one rounding. Fused by name, for the compiler may fuse where it likes but need not.
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
    for (size_t i = 0; i < sizeof(V) / sizeof(a[0]); i++) r[i] = sizeof(a[0]) == 4 ? __builtin_fmaf(a[i], b[i], -c[i]) : __builtin_fma(a[i], b[i], -c[i]);
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
// a b: one rounding where the machine fuses, two elsewhere.
template <class T> inline Vec<T> product_value(Word<T> a, Word<T> b) { return a.hi * b.hi + (a.hi * b.lo + a.lo * b.hi); }
template <class T> inline Vec<T> product_value(Word<T> a, Vec<T> b) { return a.hi * b + a.lo * b; }
// The same with one rounding everywhere.
#if defined(__FMA__) || defined(__aarch64__)
template <class T, class Factor> inline Vec<T> rounded_product(Word<T> a, Factor b) { return product_value<T>(a, b); }
#else
template <class T, class Factor> inline Vec<T> rounded_product(Word<T> a, Factor b) { return value<T>(product<T>(a, b)); }
#endif

// 1 / d for a d that is neither tiny nor huge: hi has some bits, lo makes up for the rest.
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

// A polynomial in a word, its last step carried in one.
template <class T, int count> inline Word<T> polynomial(const T (&c)[count], T before_last, T last, T last_low, Word<T> x) {
    const Vec<T> inner = polynomial<T>(c, x.hi) * x.hi + before_last, value = plus_product(splat<T>(last), inner, x.hi);
    return {value, plus_product((last - value) + last_low, inner, x.hi) + inner * x.lo};
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

// e^x = (1 + s) 2^n: x = n ln 2 + r, |r| <= ln 2 / 2, s = e^r - 1.
template <class T> struct Exponential { Word<T> s; Power<T> power; };

// Of e^(x.hi + x.lo), or of e^x.hi alone, for x below 90 (710). NaN stays NaN; far below 0 all is 0.
template <class T, bool has_low> inline Exponential<T> exponential(Word<T> x) {
    constexpr bool f = sizeof(T) == 4;
    const Vec<T> top = max<T>(x.hi, f ? T(-120) : T(-800));
    const Vec<T> magic = splat<T>(f ? T(12582912) : T(6755399441055744.0));  // 1.5 2^23, 1.5 2^52: adding it rounds, and leaves n in the last bits
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
template <class T> inline Vec<T> exp(Vec<T> x) { return exp<T>(exponential<T>(min<T>(x, sizeof(T) == 4 ? T(90) : T(710)))); }

// e^x - 1 for x <= 0.
template <class T> inline Word<T> minus_one(const Exponential<T>& e) {
    const Vec<T> power = times_power(splat<T>(1), e.power), up = power * e.s.hi;
    return quick_sum<T>(power - T(1), up);
}

// e^t - 1 for |t| <= 1/8.
template <class T> inline Vec<T> expm1_near_0(Vec<T> t) { return t + t * t * polynomial<T>(Coefficients<T>::exponential_near_0, t); }

// ---- log(1 + e) = 2 artanh(s / 2), s = e / (1 + e / 2) <= 2/3, for 0 <= e <= 1.
template <class T> inline Word<T> log1p(Vec<T> e) {
    const Word<T> s = product<T>(reciprocal<T>(quick_sum<T>(splat<T>(1), T(0.5) * e)), e);
    const Vec<T> middle = value<T>(s), quarter = T(0.25) * middle * middle;
    return {s.hi, s.lo + middle * quarter * polynomial<T>(Coefficients<T>::artanh, quarter)};
}

}  // namespace
