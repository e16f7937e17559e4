// Dropout behind hidden layers: a and σ' times 0, or times 1 / (1 - p), by counted random words.
#pragma once
#include "network.hpp"

namespace {

constexpr uint64_t DROPOUT_TAG = 0x64726F70;

template <class T> class Dropout {
public:
    explicit Dropout(const Network<T>& net) : net_(net) {}

    // Draw the words of this step's masks, layer by layer, for the rows of its batch up to first + m. The rows of the
    // next pass are those from `first` on.
    void draw(int64_t step, int64_t first, int64_t m) {
        first_row_ = first;
        int64_t size = 0;
        for (int l = 1; l < net_.L; l++)
            if (net_.dropout(l) > 0) size += words_of(l, first + m);
        if (size > size_) {
            words_ = Memory<uint64_t>(size);
            size_ = size;
        }
        uint64_t* words = words_;
        for (int l = 1; l < net_.L; l++)
            if (net_.dropout(l) > 0) {
                net_.layers[l].words = words;
                deltaprop::philox(net_.parameters.rules().seed, DROPOUT_TAG, uint64_t(step), uint64_t(l), words,
                                  words_of(l, first + m));
                words += words_of(l, first + m);
            }
    }

    // Drop units of layer l in rows i0..i1.
    void drop(int l, int64_t i0, int64_t i1) const {
        const double p = net_.dropout(l);
        if (!(p > 0)) return;
        const Layer<T>& layer = net_.layers[l];
        const double least = std::nearbyint(p * 4294967296.0);
        const uint32_t threshold = least > 4294967295.0 ? 4294967295u : uint32_t(least);
        const T kept = T(1 / (1 - p));
        for (int64_t i = i0; i < i1; i++)
            for (int64_t j = 0; j < layer.n; j++) {
                const int64_t k = (first_row_ + i) * layer.n + j;
                const T factor = uint32_t(layer.words[k / 2] >> (k % 2 * 32)) >= threshold ? kept : T(0);
                layer.a[i * layer.stride + j] *= factor;
                layer.ds[i * layer.stride + j] *= factor;
            }
    }

private:
    int64_t words_of(int l, int64_t rows) const { return (rows * net_.layers[l].n + 1) / 2; }

    const Network<T>& net_;
    Memory<uint64_t> words_;
    int64_t size_ = 0, first_row_ = 0;
};

}  // namespace
