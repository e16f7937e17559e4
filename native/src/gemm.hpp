// C = start + A B for every product of the forward and backward pass: one microkernel, "a scalar of A times a vector of B".
//
// A (M x K) has any strides. B (K x N) is cut into panels of a few vectors' width, packed so that each step of k reads one
// contiguous run. A tile of C lives in registers for all of K; every element is summed over k in the same order whatever
// tile or thread it falls to, so the bits do not depend on either. An epilogue takes each finished tile from a small buffer.
#pragma once
#include "api.hpp"
#include "simd.hpp"

namespace {

#if defined(__AVX512F__)
constexpr int ACCUMULATORS = 24, MOST_VECTORS = 3, MOST_ROWS = 12;
#else
constexpr int ACCUMULATORS = 12, MOST_VECTORS = 2, MOST_ROWS = 6;
#endif

constexpr int rows_for(int vectors) { return ACCUMULATORS / vectors < MOST_ROWS ? ACCUMULATORS / vectors : MOST_ROWS; }
template <class T> constexpr int widest = MOST_VECTORS * lanes<T>;

template <class T> using Kernel = void (*)(int64_t, const T*, int64_t, int64_t, const T*, const T*, T*);

template <class T, int MR, int NV>
void kernel(int64_t K, const T* A, int64_t a_row, int64_t a_col, const T* B, const T* start, T* tile) {
    constexpr int W = NV * lanes<T>;
    Vec<T> acc[MR][NV];
#pragma GCC unroll 16
    for (int i = 0; i < MR; i++)
#pragma GCC unroll 4
        for (int j = 0; j < NV; j++) acc[i][j] = start ? load<T>(start + j * lanes<T>) : Vec<T>{};
    for (int64_t k = 0; k < K; k++, B += W, A += a_col) {
        Vec<T> b[NV];
#pragma GCC unroll 4
        for (int j = 0; j < NV; j++) b[j] = load<T>(B + j * lanes<T>);
#pragma GCC unroll 16
        for (int i = 0; i < MR; i++) {
            const T a = A[i * a_row];
#pragma GCC unroll 4
            for (int j = 0; j < NV; j++) acc[i][j] += a * b[j];
        }
    }
#pragma GCC unroll 16
    for (int i = 0; i < MR; i++)
#pragma GCC unroll 4
        for (int j = 0; j < NV; j++) store<T>(tile + (i * NV + j) * lanes<T>, acc[i][j]);
}

template <class T, int NV, int MR> struct KernelRow {
    static void fill(Kernel<T>* table) {
        table[MR] = kernel<T, MR, NV>;
        if constexpr (MR > 1) KernelRow<T, NV, MR - 1>::fill(table);
    }
};

template <class T> struct Kernels {
    Kernel<T> of[MOST_VECTORS + 1][MOST_ROWS + 1] = {};
    Kernels() {
        KernelRow<T, 1, rows_for(1)>::fill(of[1]);
        KernelRow<T, 2, rows_for(2)>::fill(of[2]);
        if constexpr (MOST_VECTORS >= 3) KernelRow<T, MOST_VECTORS, rows_for(MOST_VECTORS)>::fill(of[MOST_VECTORS]);
    }
};

// How N columns are cut: `count` panels of nearly equal numbers of vectors.
template <class T> struct Panels {
    int64_t n = 0, vectors = 0, count = 0;
    Panels() = default;
    explicit Panels(int64_t columns)
        : n(columns), vectors(round_up(columns, lanes<T>) / lanes<T>), count((vectors + MOST_VECTORS - 1) / MOST_VECTORS) {}
    int64_t first_vector(int64_t p) const { return vectors * p / count; }
    int64_t of_vector(int64_t v) const {  // the panel that holds vector v
        int64_t p = v * count / vectors;
        while (first_vector(p + 1) <= v) p++;
        while (first_vector(p) > v) p--;
        return p;
    }
    int64_t begin(int64_t p) const { return first_vector(p) * lanes<T>; }
    int width(int64_t p) const { return int(first_vector(p + 1) - first_vector(p)); }  // in vectors
};

// Columns j0.. of a row-major B (K x N, rows ldb apart, readable to whole vectors) as a panel.
template <class T> void pack(const T* B, int64_t ldb, int64_t K, int64_t j0, int width, T* panel) {
    for (int64_t k = 0; k < K; k++)
        for (int j = 0; j < width; j++, panel += lanes<T>) store<T>(panel, load<T>(B + k * ldb + j0 + j * lanes<T>));
}

// A square of lanes x lanes numbers, turned: log2(lanes) rounds in which rows a distance apart swap halves, quarters, ...
template <class T> inline void turn_square(Vec<T> (&row)[lanes<T>]) {
    constexpr int n = lanes<T>;
#pragma GCC unroll 4
    for (int s = 1; s < n; s *= 2) {
        VecI<T> low{}, high{};
        for (int i = 0; i < n; i++) {
            low[i] = i & s ? n + i - s : i;
            high[i] = i & s ? n + i : i + s;
        }
#pragma GCC unroll 16
        for (int i = 0; i < n; i++)
            if (!(i & s)) {
                const Vec<T> a = row[i], b = row[i + s];
                row[i] = __builtin_shuffle(a, b, low);
                row[i + s] = __builtin_shuffle(a, b, high);
            }
    }
}

// Up to lanes x lanes numbers turned: rows of `from` (from_step apart) become columns of `to`; what is missing is 0.
template <class T>
inline void turn(const T* from, int64_t from_step, int64_t rows, int64_t columns, T* to, int64_t to_step, int64_t to_rows) {
    constexpr int n = lanes<T>;
    Vec<T> square[n];
    if (columns >= n) {
#pragma GCC unroll 16
        for (int r = 0; r < n; r++) square[r] = r < rows ? load<T>(from + r * from_step) : Vec<T>{};
    } else {
        for (int r = 0; r < n; r++) {
            square[r] = Vec<T>{};
            for (int64_t c = 0; r < rows && c < columns; c++) square[r][c] = from[r * from_step + c];
        }
    }
    turn_square<T>(square);
    for (int r = 0; r < to_rows; r++) store<T>(to + r * to_step, square[r]);
}

// One panel of C: rows i0..i1, all of K. epilogue(tile, i, rows, j0, width in vectors) takes each finished tile.
template <class T, class Epilogue>
void panel_product(int64_t i0, int64_t i1, int64_t K, const T* A, int64_t a_row, int64_t a_col, const T* panel, int64_t j0,
                   int width, const T* start, Epilogue& epilogue) {
    static const Kernels<T> kernels;
    alignas(64) T tile[ACCUMULATORS * lanes<T>];
    const int64_t M = i1 - i0, most = rows_for(width), blocks = (M + most - 1) / most;
    for (int64_t b = 0; b < blocks; b++) {
        const int64_t first = i0 + M * b / blocks, rows = i0 + M * (b + 1) / blocks - first;
        kernels.of[width][rows](K, A + first * a_row, a_row, a_col, panel, start ? start + j0 : nullptr, tile);
        epilogue(tile, first, int(rows), j0, width);
    }
}

}  // namespace
