// Forward through all layers: a and σ' of each hidden one; of the last z alone, in the place of its a.
#pragma once
#include "dense.hpp"
#include "dropout.hpp"

namespace {

template <class T> class Forward {
public:
    Forward(Network<T>& net, Batch<T>& batch) : net_(net), batch_(batch), dropout_(net) {}

    // Before the pass of a training's step: its dropout masks, for m rows of its batch from `first` on.
    void begin(int64_t step, int64_t first, int64_t m) { dropout_.draw(step, first, m); }

    // Rows i0..i1 by the parameters in the plan's layout; `keep`: σ' too, and dropout.
    void pass(int64_t i0, int64_t i1, bool keep) {
        for (int l = 1; l <= net_.L; l++) {
            const Layer<T>& layer = net_.layers[l];
            const bool last = l == net_.L;
            Dense<T>::forward(link(l), i0, i1, [&](const T* tile, int64_t first, int rows, int64_t j0, int width) {
                const int wide = width * lanes<T>;
                for (int i = 0; i < rows; i++) {
                    T* a = layer.a + (first + i) * layer.stride + j0;
                    if (last) std::memcpy(a, tile + i * wide, wide * sizeof(T));
                    else
                        layer.activate(tile + i * wide, a, keep ? layer.ds + (first + i) * layer.stride + j0 : nullptr,
                                       wide);
                }
            });
            if (!last && keep) dropout_.drop(l, i0, i1);
        }
    }

    // The first m rows by theta as it lies.
    void few(const T* theta, int64_t m) {
        for (int l = 1; l <= net_.L; l++) {
            const Layer<T>& layer = net_.layers[l];
            Dense<T>::forward_few(link(l), theta, m);
            if (l < net_.L) layer.activate(layer.a, layer.a, nullptr, m * layer.stride);
        }
    }

private:
    Link<T> link(int l) { return {net_, net_.layers[l], net_.layers[l - 1], batch_.stored(l)}; }

    Network<T>& net_;
    Batch<T>& batch_;
    Dropout<T> dropout_;
};

}  // namespace
