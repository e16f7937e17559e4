// Vectors of the instruction set that this file is compiled for, by the compiler's own vector types.
#pragma once
#include <cstdint>
#include <cstring>
#include <utility>

// UNROLL(n) before a loop: n turns side by side.
#define PRAGMA(text) _Pragma(#text)
#if defined(__clang__)
#define UNROLL(n) PRAGMA(unroll n)
#else
#define UNROLL(n) PRAGMA(GCC unroll n)
#endif

namespace {

#if defined(__AVX512F__)
constexpr int VECTOR_BYTES = 64;
#elif defined(__AVX__)
constexpr int VECTOR_BYTES = 32;
#else
constexpr int VECTOR_BYTES = 16;
#endif

template <class T> struct Bits;
template <> struct Bits<float> {
    using type = int32_t;
};
template <> struct Bits<double> {
    using type = int64_t;
};

template <class T> struct Simd {
    static constexpr int lanes = VECTOR_BYTES / sizeof(T);
    using Int = typename Bits<T>::type;
    typedef T V __attribute__((vector_size(VECTOR_BYTES)));
    typedef Int I __attribute__((vector_size(VECTOR_BYTES)));
};
template <class T> using Vec = typename Simd<T>::V;
template <class T> using VecI = typename Simd<T>::I;
template <class T> constexpr int lanes = Simd<T>::lanes;

template <class T> inline Vec<T> load(const T* p) {
    Vec<T> v;
    std::memcpy(&v, p, sizeof v);
    return v;
}
template <class T> inline void store(T* p, Vec<T> v) { std::memcpy(p, &v, sizeof v); }
template <class T> inline Vec<T> splat(T x) { return Vec<T>{} + x; }
template <class T> inline VecI<T> bits(Vec<T> v) {
    VecI<T> i;
    std::memcpy(&i, &v, sizeof i);
    return i;
}
template <class T> inline Vec<T> from_bits(VecI<T> i) {
    Vec<T> v;
    std::memcpy(&v, &i, sizeof v);
    return v;
}

// Lane i of the result is lane at(i) of a and b, those of b counted on from a's.
template <class T, class At> inline Vec<T> shuffle(Vec<T> a, Vec<T> b, [[maybe_unused]] At at) {
    return [&]<int... i>(std::integer_sequence<int, i...>) {
#if defined(__clang__)
        return __builtin_shufflevector(a, b, At()(i)...);
#else
        return __builtin_shuffle(a, b, VecI<T>{at(i)...});
#endif
    }(std::make_integer_sequence<int, lanes<T>>());
}

// The largest |x| of whole vectors; Inf or NaN if one is among them, since their bits exceed those of every finite
// number.
template <class T> inline T largest(const T* x, int64_t count) {
    using Int = typename Simd<T>::Int;
    constexpr Int size = sizeof(T) == 4 ? Int(0x7fffffff) : Int(0x7fffffffffffffffLL);
    VecI<T> top{};
    for (int64_t i = 0; i < count; i += lanes<T>) {
        const VecI<T> b = bits<T>(load<T>(x + i)) & size;
        top = b > top ? b : top;
    }
    Int most = 0;
    for (int j = 0; j < lanes<T>; j++) most = top[j] > most ? top[j] : most;
    T out;
    std::memcpy(&out, &most, sizeof out);
    return out;
}

constexpr int64_t round_up(int64_t n, int64_t to) { return (n + to - 1) / to * to; }

}  // namespace
