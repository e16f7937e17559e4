// A batch of rows of which only some numbers are stored (CSR): by example for forward, by input for BP4.
//
// Both are one operation: the sum over a list of stored numbers, each times the row of a panel that its index names.
// One thread adds up a list, in its order, so the bits do not depend on the number of threads.
#pragma once
#include "gemm.hpp"

namespace {
using deltaprop::Examples;

// List i holds x[t] at index[t] for t from starts[i] to starts[i + 1]. `used`: the lists that are not empty, rising.
template <class T> struct Lists {
    int64_t count = 0, n_used = 0, *starts = nullptr;
    int32_t *index = nullptr, *used = nullptr;
    T* x = nullptr;

    int64_t stored() const { return starts[count]; }
};

// out = start + Σ_t x_t B[index_t]; a row of B is NV vectors of a panel. Four partial sums: one would wait for itself.
template <class T, int NV>
void add_up(int64_t count, const T* x, const int32_t* index, Panel<T> panel, const T* start, T* out) {
    constexpr int SUMS = 4;
    Vec<T> sum[SUMS][NV];
    UNROLL(4)
    for (int s = 0; s < SUMS; s++) {
        UNROLL(4)
        for (int j = 0; j < NV; j++) sum[s][j] = start && !s ? load<T>(start + j * lanes<T>) : Vec<T>{};
    }
    auto add = [&](Vec<T>(&to)[NV], int64_t t) {
        const T* b = panel.B + index[t] * panel.step;
        const T a = x[t];
        UNROLL(4)
        for (int j = 0; j < NV; j++) to[j] += a * load<T>(b + j * lanes<T>);
    };
    int64_t t = 0;
    for (; t + SUMS <= count; t += SUMS) {
        UNROLL(4)
        for (int s = 0; s < SUMS; s++) add(sum[s], t + s);
    }
    for (; t < count; t++) add(sum[0], t);
    UNROLL(4)
    for (int j = 0; j < NV; j++) store<T>(out + j * lanes<T>, (sum[0][j] + sum[1][j]) + (sum[2][j] + sum[3][j]));
}

template <class T> void add_up_list(const Lists<T>& A, int64_t i, Panel<T> panel, int width, const T* start, T* out) {
    const int64_t from = A.starts[i], count = A.starts[i + 1] - from;
    switch (width) {
        case 1: return add_up<T, 1>(count, A.x + from, A.index + from, panel, start, out);
        case 2: return add_up<T, 2>(count, A.x + from, A.index + from, panel, start, out);
        default: return add_up<T, MOST_VECTORS>(count, A.x + from, A.index + from, panel, start, out);
    }
}

// One panel of C = start + A B: lists i0..i1 of A in tiles, or, if `used`, those of A.used[i0..i1] one by one.
// epilogue(tile, i, rows, j0, width in vectors) as in gemm.hpp.
template <class T, class Epilogue> void stored_panel(const Lists<T>& A, bool used, int64_t i0, int64_t i1,
                                                     Panel<T> panel, int64_t j0, int width, const T* start,
                                                     Epilogue& epilogue) {
    alignas(64) T tile[ACCUMULATORS * lanes<T>];
    const int most = used ? 1 : rows_for(width), wide = width * lanes<T>;
    for (int64_t at = i0; at < i1; at += most) {
        const int64_t i = used ? A.used[at] : at;
        const int rows = i1 - at < most ? int(i1 - at) : most;
        for (int r = 0; r < rows; r++)
            add_up_list<T>(A, i + r, panel, width, start ? start + j0 : nullptr, tile + r * wide);
        epilogue(tile, i, rows, j0, width);
    }
}

// z = b + A Wᵀ of a few lists, with W (n x n_prev) in theta: what few.hpp does for dense rows.
template <class T>
void stored_inputs(const T* W, const T* b, int64_t n, int64_t n_prev, const Lists<T>& A, T* z, int64_t z_stride) {
    for (int64_t i = 0; i < A.count; i++)
        for (int64_t j = 0; j < n; j++) {
            T sum = b[j];
            for (int64_t t = A.starts[i]; t < A.starts[i + 1]; t++) sum += A.x[t] * W[j * n_prev + A.index[t]];
            z[i * z_stride + j] = sum;
        }
}

// The batch's stored numbers, in memory of its own, which grows by half or more when a batch with more of them comes.
template <class T> class Stored {
public:
    Stored() = default;
    Stored(const Stored&) = delete;
    ~Stored() {
        for (Lists<T>* lists : {&examples_, &inputs_}) {
            deltaprop::release(lists->starts);
            deltaprop::release(lists->used);
            drop(*lists);
        }
    }

    bool here() const { return here_; }
    void leave() { here_ = false; }

    // The rows of a batch: m of them, of n_0 inputs, from `first` on (of those that `rows` names, if it is not null).
    void gather(const Examples& e, const int64_t* rows, int64_t first, int64_t m, int64_t batch, int64_t n_0) {
        if (!examples_.starts) make(batch, n_0);
        auto row = [&](int64_t i) { return rows ? rows[first + i] : first + i; };
        examples_.count = m;
        for (int64_t i = 0; i < m; i++)
            examples_.starts[i + 1] = examples_.starts[i] + e.starts[row(i) + 1] - e.starts[row(i)];
        reserve(examples_.stored());
        for (int64_t i = 0; i < m; i++) {
            const int64_t from = e.starts[row(i)], to = examples_.starts[i], count = examples_.starts[i + 1] - to;
            if (!count) continue;
            std::memcpy(examples_.index + to, e.columns + from, count * sizeof(int32_t));
            std::memcpy(examples_.x + to, static_cast<const T*>(e.X) + from, count * sizeof(T));
        }
        std::memset(examples_.x + examples_.stored(), 0, lanes<T> * sizeof(T));
        here_ = true;
    }

    const Lists<T>& by_example() const { return examples_; }

    // The same numbers by input, each list in the order of the examples: one pass to count, one to place.
    const Lists<T>& by_input() {
        int64_t* begin = inputs_.starts + 1;  // begin[k] moves from the begin of list k to its end
        std::memset(inputs_.starts, 0, (inputs_.count + 2) * sizeof(int64_t));
        for (int64_t t = 0; t < examples_.stored(); t++) begin[examples_.index[t] + 1]++;
        inputs_.n_used = 0;
        for (int64_t k = 0; k < inputs_.count; k++) {
            if (begin[k + 1]) inputs_.used[inputs_.n_used++] = int32_t(k);
            begin[k + 1] += begin[k];
        }
        for (int64_t i = 0; i < examples_.count; i++)
            for (int64_t t = examples_.starts[i]; t < examples_.starts[i + 1]; t++) {
                const int64_t place = begin[examples_.index[t]]++;
                inputs_.index[place] = int32_t(i);
                inputs_.x[place] = examples_.x[t];
            }
        return inputs_;
    }

    T largest_number() const { return largest<T>(examples_.x, round_up(examples_.stored(), lanes<T>)); }

private:
    void make(int64_t batch, int64_t n_0) {
        inputs_.count = n_0;
        if (!inputs_.used) inputs_.used = static_cast<int32_t*>(deltaprop::allocate(n_0 * sizeof(int32_t)));
        if (!inputs_.starts) inputs_.starts = static_cast<int64_t*>(deltaprop::allocate((n_0 + 2) * sizeof(int64_t)));
        examples_.starts = static_cast<int64_t*>(deltaprop::allocate((batch + 1) * sizeof(int64_t)));
    }

    static void drop(Lists<T>& lists) {
        deltaprop::release(lists.index);
        deltaprop::release(lists.x);
        lists.index = nullptr;
        lists.x = nullptr;
    }

    void reserve(int64_t count) {
        if (count <= room_ && examples_.x) return;
        const int64_t room = count > room_ + room_ / 2 ? count : room_ + room_ / 2;
        room_ = 0;  // until both have their memory
        for (Lists<T>* lists : {&examples_, &inputs_}) {
            drop(*lists);
            lists->index = static_cast<int32_t*>(deltaprop::allocate(room * sizeof(int32_t)));
            lists->x = static_cast<T*>(deltaprop::allocate((room + lanes<T>)*sizeof(T)));
        }
        room_ = room;
    }

    Lists<T> examples_, inputs_;
    int64_t room_ = 0;
    bool here_ = false;
};

}  // namespace
