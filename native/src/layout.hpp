// How a plan stores what is laid out like theta: every W transposed and cut into the panels that forward multiplies by,
// then every b, or s of a scale layer, padded to whole vectors. W^l is (n_(l-1) x n_l) in panels of
// some units; pads are 0 and stay 0.
#pragma once
#include "activation.hpp"
#include "api.hpp"
#include "gemm.hpp"

namespace {

inline bool has_W(int kind);  // whether layers of this kind have a W: kinds.hpp

template <class T> struct LayerLayout {
    int kind;
    int64_t n, n_prev, stride;  // units, inputs, units rounded up to whole vectors
    int64_t flat_W, flat_b;     // where W (n x n_prev, row by row, if there is one) and b, or s, begin in theta
    int64_t W, b;               // where they begin here
    double W_rate, b_rate;      // what multiplies their learning rate
    Panels<T> units, inputs;    // panels over units (forward, BP4) and over inputs (BP2)

    int64_t panel(int64_t p) const { return W + units.begin(p) * n_prev; }
    // Where the vector of units that holds unit j begins for input k.
    int64_t place(int64_t k, int64_t j) const {
        const int64_t vector = j / lanes<T>, p = units.of_vector(vector);
        return panel(p) + k * units.width(p) * lanes<T> + (vector - units.first_vector(p)) * lanes<T>;
    }
};

// A layer and its buffers, rows `stride` apart. a: σ(z), or z of the last layer before its σ; ds: σ', later δ; below: W
// for BP2.
template <class T> struct Layer : LayerLayout<T> {
    T *a, *ds, *below;
    const uint64_t* words;  // of this step's dropout
    Activate<T> activate;
};

// Layers 0..L of a network laid out: where each begins, here and in theta. Every W comes first, then every b or s.
template <class T> void lay_out(const deltaprop::Spec& spec, Layer<T>* layers) {
    int64_t flat = 0, here = 0;
    const double* rate = spec.rates;
    for (int l = 0; l <= spec.L; l++) {
        Layer<T>& layer = layers[l];
        layer.n = spec.n[l];
        layer.n_prev = l ? spec.n[l - 1] : 0;
        layer.stride = round_up(layer.n, lanes<T>);
        if (!l) continue;
        layer.kind = spec.kinds ? spec.kinds[l - 1] : 0;
        layer.units = Panels<T>(layer.n);
        layer.inputs = Panels<T>(layer.n_prev);
        layer.activate = activation<T>(spec.act[l - 1]);
        layer.flat_W = flat;
        layer.W = here;
        if (!has_W(layer.kind)) continue;
        layer.W_rate = rate ? *rate++ : 1;
        flat += layer.n * layer.n_prev;
        here += layer.stride * layer.n_prev;
    }
    for (int l = 1; l <= spec.L; l++) {
        layers[l].flat_b = flat;
        layers[l].b = here;
        layers[l].b_rate = rate ? *rate++ : 1;
        flat += layers[l].n;
        here += layers[l].stride;
    }
}

// One layer of theta into the plan's layout, and back.
template <class T>
void take_in(const LayerLayout<T>& l, const T* flat, T* store, int64_t first_vector, int64_t end_vector) {
    constexpr int n = lanes<T>;
    for (int64_t v = first_vector; v < end_vector; v++) {
        const int64_t j = v * n, rows = l.n - j < n ? l.n - j : n, step = l.units.width(l.units.of_vector(v)) * n;
        for (int64_t k = 0; k < l.n_prev; k += n) {
            const int64_t columns = l.n_prev - k < n ? l.n_prev - k : n;
            turn<T>(flat + l.flat_W + j * l.n_prev + k, l.n_prev, rows, columns, store + l.place(k, j), step, columns);
        }
    }
}

template <class T>
void give_back(const LayerLayout<T>& l, const T* store, T* flat, int64_t first_vector, int64_t end_vector) {
    constexpr int n = lanes<T>;
    alignas(64) T square[n * n];
    for (int64_t v = first_vector; v < end_vector; v++) {
        const int64_t j = v * n, units = l.n - j < n ? l.n - j : n, step = l.units.width(l.units.of_vector(v)) * n;
        for (int64_t k = 0; k < l.n_prev; k += n) {
            const int64_t inputs = l.n_prev - k < n ? l.n_prev - k : n;
            T* to = flat + l.flat_W + j * l.n_prev + k;
            const bool whole = inputs == n;
            turn<T>(store + l.place(k, j), step, inputs, n, whole ? to : square, whole ? l.n_prev : n, units);
            for (int64_t r = 0; !whole && r < units; r++)
                std::memcpy(to + r * l.n_prev, square + r * n, inputs * sizeof(T));
        }
    }
}

// W as BP2 multiplies by it: panels over the inputs, one row per unit. `below` begins at the layer's own panels.
template <class T>
void for_bp2(const LayerLayout<T>& l, const T* store, T* below, int64_t first_vector, int64_t end_vector) {
    constexpr int n = lanes<T>;
    for (int64_t v = first_vector; v < end_vector; v++) {
        const int64_t j = v * n, units = l.n - j < n ? l.n - j : n, step = l.units.width(l.units.of_vector(v)) * n;
        const T* from = store + l.place(0, j);
        for (int64_t p = 0; p < l.inputs.count; p++) {
            const int64_t wide = l.inputs.width(p) * n;
            T* panel = below + l.inputs.begin(p) * l.n + j * wide;
            for (int64_t k = l.inputs.begin(p), c = 0; c < wide; k += n, c += n)
                turn<T>(from + k * step, step, l.n_prev - k < n ? l.n_prev - k : n, n, panel + c, wide, units);
        }
    }
}

}  // namespace
