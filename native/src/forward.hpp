// Forward through all layers: a and σ' of each hidden one; of the last z alone, stored in its a.
#pragma once
#include "dropout.hpp"
#include "kinds.hpp"

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
            auto epilogue = [&](const T* tile, int64_t first, int rows, int64_t j0, int width) {
                const int wide = width * lanes<T>;
                for (int i = 0; i < rows; i++) {
                    T* a = layer.a + (first + i) * layer.stride + j0;
                    if (last) std::memcpy(a, tile + i * wide, wide * sizeof(T));
                    else
                        layer.activate(tile + i * wide, a, keep ? layer.ds + (first + i) * layer.stride + j0 : nullptr,
                                       wide);
                }
            };
            const Link<T> link = batch_.link(l);
            with_kind<T>(layer.kind, [&](auto kind) { kind.forward(link, i0, i1, epilogue); });
            if (!last && keep) dropout_.drop(l, i0, i1);
        }
    }

    // The first m rows from theta in place.
    void few(const T* theta, int64_t m) {
        for (int l = 1; l <= net_.L; l++) {
            const Layer<T>& layer = net_.layers[l];
            const Link<T> link = batch_.link(l);
            with_kind<T>(layer.kind, [&](auto kind) { kind.forward_few(link, theta, m); });
            if (l < net_.L) layer.activate(layer.a, layer.a, nullptr, m * layer.stride);
        }
    }

private:
    Network<T>& net_;
    Batch<T>& batch_;
    Dropout<T> dropout_;
};

}  // namespace
