// Forward for a few examples: dot products with the rows of W in theta, so that nothing is transposed and packed first.
#pragma once
#include "simd.hpp"

namespace {

constexpr int64_t FEW = 8;  // examples up to which transposing W costs more than it gains
constexpr int UNITS = 4;
#if defined(__AVX512F__)
constexpr int ROWS = 4;
#else
constexpr int ROWS = 2;
#endif

// The first `count` < lanes numbers, 0 beyond.
template <class T> inline Vec<T> load_part(const T* p, int64_t count) {
    Vec<T> v{};
    std::memcpy(&v, p, count * sizeof(T));
    return v;
}

// The sum of all lanes, added in halves, always in the same order.
template <class T> inline T total(Vec<T> v) {
    T part[lanes<T>];
    store<T>(part, v);
    for (int half = lanes<T> / 2; half; half /= 2)
        for (int i = 0; i < half; i++) part[i] += part[i + half];
    return part[0];
}

// z = a Wᵀ + b of R examples and U units.
template <class T, int R, int U>
void dots(const T* W, const T* b, int64_t n_prev, const T* a, int64_t a_stride, T* z, int64_t z_stride) {
    Vec<T> sum[R][U] = {};
    const int64_t whole = n_prev / lanes<T> * lanes<T>;
    auto add = [&](auto&& at) {
        Vec<T> w[U];
        UNROLL(4)
        for (int u = 0; u < U; u++) w[u] = at(W + u * n_prev);
        UNROLL(4)
        for (int r = 0; r < R; r++) {
            const Vec<T> x = at(a + r * a_stride);
            UNROLL(4)
            for (int u = 0; u < U; u++) sum[r][u] += w[u] * x;
        }
    };
    for (int64_t k = 0; k < whole; k += lanes<T>) add([k](const T* row) { return load<T>(row + k); });
    if (whole < n_prev) add([&](const T* row) { return load_part<T>(row + whole, n_prev - whole); });
    for (int r = 0; r < R; r++)
        for (int u = 0; u < U; u++) z[r * z_stride + u] = total<T>(sum[r][u]) + b[u];
}

template <class T, int R> void weighted_inputs_of(const T* W, const T* b, int64_t n, int64_t n_prev, const T* a,
                                                  int64_t a_stride, T* z, int64_t z_stride) {
    int64_t j = 0;
    for (; j + UNITS <= n; j += UNITS) dots<T, R, UNITS>(W + j * n_prev, b + j, n_prev, a, a_stride, z + j, z_stride);
    for (; j < n; j++) dots<T, R, 1>(W + j * n_prev, b + j, n_prev, a, a_stride, z + j, z_stride);
}

// z = a Wᵀ + b of m examples, with a stride between the rows of a and of z.
template <class T> void weighted_inputs(const T* W, const T* b, int64_t n, int64_t n_prev, const T* a, int64_t a_stride,
                                        T* z, int64_t z_stride, int64_t m) {
    int64_t i = 0;
    for (; i + ROWS <= m; i += ROWS)
        weighted_inputs_of<T, ROWS>(W, b, n, n_prev, a + i * a_stride, a_stride, z + i * z_stride, z_stride);
    for (; i < m; i++)
        weighted_inputs_of<T, 1>(W, b, n, n_prev, a + i * a_stride, a_stride, z + i * z_stride, z_stride);
}

}  // namespace
