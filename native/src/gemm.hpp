// C = start + A B, every product of the forward and backward pass, by one microkernel: a scalar of A times a vector of
// B.
//
// A (M x K) has any strides. B (K x N) is cut into panels of a few vectors' width, packed so that each step of k reads
// one contiguous run. A tile of C lives in registers for all of K; every element is summed over k in the
// same order in every tile and thread, so the bits do not depend on either. An epilogue takes each finished tile.
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

// Vectors of B, the rows of one panel `step` apart.
template <class T> struct Panel {
    const T* B;
    int64_t step;
};

template <class T> using Kernel = void (*)(int64_t, const T*, int64_t, int64_t, Panel<T>, const T*, T*, T);

// tile = start + A B; or, if `adds`, tile += factor A B: the update of plain gradient descent, with no gradient in
// memory.
template <class T, int MR, int NV, bool adds> void kernel(int64_t K, const T* A, int64_t a_row, int64_t a_col,
                                                          Panel<T> panel, const T* start, T* tile,
                                                          [[maybe_unused]] T factor) {
    const T* B = panel.B;
    Vec<T> acc[MR][NV];
    UNROLL(16)
    for (int i = 0; i < MR; i++) {
        UNROLL(4)
        for (int j = 0; j < NV; j++) acc[i][j] = start ? load<T>(start + j * lanes<T>) : Vec<T>{};
    }
    for (int64_t k = 0; k < K; k++, B += panel.step, A += a_col) {
        Vec<T> b[NV];
        UNROLL(4)
        for (int j = 0; j < NV; j++) b[j] = load<T>(B + j * lanes<T>);
        UNROLL(16)
        for (int i = 0; i < MR; i++) {
            const T a = A[i * a_row];
            UNROLL(4)
            for (int j = 0; j < NV; j++) acc[i][j] += a * b[j];
        }
    }
    UNROLL(16)
    for (int i = 0; i < MR; i++) {
        UNROLL(4)
        for (int j = 0; j < NV; j++) {
            T* place = tile + (i * NV + j) * lanes<T>;
            store<T>(place, adds ? load<T>(place) + factor * acc[i][j] : acc[i][j]);
        }
    }
}

template <class T, int NV, int MR, bool adds> struct KernelRow {
    static void fill(Kernel<T>* table) {
        table[MR] = kernel<T, MR, NV, adds>;
        if constexpr (MR > 1) KernelRow<T, NV, MR - 1, adds>::fill(table);
    }
};

template <class T, bool adds> struct Kernels {
    Kernel<T> of[MOST_VECTORS + 1][MOST_ROWS + 1] = {};
    Kernels() {
        KernelRow<T, 1, rows_for(1), adds>::fill(of[1]);
        KernelRow<T, 2, rows_for(2), adds>::fill(of[2]);
        if constexpr (MOST_VECTORS >= 3)
            KernelRow<T, MOST_VECTORS, rows_for(MOST_VECTORS), adds>::fill(of[MOST_VECTORS]);
    }
};

// How N columns are cut: `count` panels of nearly equal numbers of vectors.
template <class T> struct Panels {
    int64_t n = 0, vectors = 0, count = 0;
    Panels() = default;
    explicit Panels(int64_t columns)
        : n(columns), vectors(round_up(columns, lanes<T>) / lanes<T>),
          count((vectors + MOST_VECTORS - 1) / MOST_VECTORS) {}
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

// K rows of B, ldb apart, each a few vectors wide, one after another.
template <class T> void pack(const T* B, int64_t ldb, int64_t K, int width, T* panel) {
    for (int64_t k = 0; k < K; k++)
        for (int j = 0; j < width; j++, panel += lanes<T>) store<T>(panel, load<T>(B + k * ldb + j * lanes<T>));
}

// Transposes a square of lanes x lanes numbers: log2(lanes) rounds in which rows `apart` swap halves, quarters, ...
template <class T, int apart = 1> inline void turn_square(Vec<T> (&row)[lanes<T>]) {
    constexpr int n = lanes<T>;
    UNROLL(16)
    for (int i = 0; i < n; i++)
        if (!(i & apart)) {
            const Vec<T> a = row[i], b = row[i + apart];
            row[i] = shuffle<T>(a, b, [](int k) constexpr { return k & apart ? n + k - apart : k; });
            row[i + apart] = shuffle<T>(a, b, [](int k) constexpr { return k & apart ? n + k : k + apart; });
        }
    if constexpr (2 * apart < n) turn_square<T, 2 * apart>(row);
}

// Up to lanes x lanes numbers transposed: rows of `from` (from_step apart) become columns of `to`; what is missing is
// 0.
template <class T> inline void turn(const T* from, int64_t from_step, int64_t rows, int64_t columns, T* to,
                                    int64_t to_step, int64_t to_rows) {
    constexpr int n = lanes<T>;
    Vec<T> square[n];
    if (columns >= n) {
        UNROLL(16)
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

// Rows i0..i1 in blocks that fit the registers: block(first, rows).
template <class Block> void row_blocks(int64_t i0, int64_t i1, int width, Block&& block) {
    const int64_t M = i1 - i0, most = rows_for(width), blocks = (M + most - 1) / most;
    for (int64_t b = 0; b < blocks; b++) {
        const int64_t first = i0 + M * b / blocks;
        block(first, int(i0 + M * (b + 1) / blocks - first));
    }
}

// One panel of C: rows i0..i1, all of K. epilogue(tile, i, rows, j0, width in vectors) takes each finished tile.
template <class T, class Epilogue> void panel_product(int64_t i0, int64_t i1, int64_t K, const T* A, int64_t a_row,
                                                      int64_t a_col, Panel<T> panel, int64_t j0, int width,
                                                      const T* start, Epilogue& epilogue) {
    static const Kernels<T, false> kernels;
    alignas(64) T tile[ACCUMULATORS * lanes<T>];
    row_blocks(i0, i1, width, [&](int64_t first, int rows) {
        kernels.of[width][rows](K, A + first * a_row, a_row, a_col, panel, start ? start + j0 : nullptr, tile, T(0));
        epilogue(tile, first, rows, j0, width);
    });
}

// C += factor A B; the tiles of C lie one after another, at place(i, j0, width).
template <class T, class Place> void panel_sum(int64_t i0, int64_t i1, int64_t K, const T* A, int64_t a_row,
                                               int64_t a_col, Panel<T> panel, int64_t j0, int width, T factor,
                                               Place& place) {
    static const Kernels<T, true> kernels;
    row_blocks(i0, i1, width, [&](int64_t first, int rows) {
        kernels.of[width][rows](K, A + first * a_row, a_row, a_col, panel, nullptr, place(first, j0, width), factor);
    });
}

}  // namespace
