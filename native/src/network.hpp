// What all phases of a plan work on: the layers with their buffers, the parameters and the threads.
//
// Rows are examples. a, z, σ' and δ of a layer are (m x stride), the stride a whole number of vectors; nothing reads a
// result beyond the layer's width.
#pragma once
#include "parameters.hpp"

namespace {
using deltaprop::Spec;

constexpr int64_t FEWEST_ROWS = 24;  // rows per thread from which each thread takes its own through all layers
constexpr int64_t CHUNK = 96;        // rows that go through all layers together, at least

template <class T> struct Network {
    Network(const Spec& s, int64_t most_rows, int threads)
        : batch(most_rows), L(s.L), workers(threads), n(L + 1), act(L), layers(L + 1), spec(copied(s)),
          parameters(layers, L, workers), rows(size_of_rows()), packed(threads * batch * widest<T>) {
        T* next = rows;
        for (int l = 1; l <= L; l++) {
            Layer<T>& layer = layers[l];
            for (T** place : {&layer.a, &layer.ds}) {
                *place = next;
                next += batch * layer.stride;
            }
            layer.below = next;
            next += size_of_below(layer);
        }
    }

    // work(i0, i1) over chunks of m rows that stay in the processor's cache from layer to layer: each thread its own
    // chunks. Too few rows for that go all at once: then each layer divides its panels among the threads.
    template <class Work> void over_chunks(int64_t m, Work&& work) const {
        int64_t weights = 0, units = 0;
        for (int l = 1; l <= L; l++) {
            weights += layers[l].n * (has_W(layers[l].kind) ? layers[l].n_prev : 1);
            units += layers[l].n;
        }
        const int threads = workers.threads_for(4.0 * double(m) * weights);
        if (m / threads < FEWEST_ROWS) return work(0, m);
        // A chunk reads all of W again, and saves its a and σ' a way to memory and back.
        const int64_t size = threads * (weights / units > CHUNK ? weights / units : CHUNK);
        const int64_t chunks = threads * ((m + size - 1) / size);
        workers.share_out(threads, [&](int t) {
            for (int64_t c = chunks * t / threads; c < chunks * (t + 1) / threads; c++)
                work(m * c / chunks, m * (c + 1) / chunks);
        });
    }

    // The probability of dropout behind layer l: 0 outside of training.
    double dropout(int l) const {
        return parameters.trains() && parameters.rules().dropout ? parameters.rules().dropout[l - 1] : 0;
    }

    Layer<T>& last() const { return layers[L]; }

    const int64_t batch;  // rows at once, at most
    const int L;
    const Workers workers;
    const Memory<int64_t> n;
    const Memory<int> act;
    const Memory<Layer<T>> layers;  // 0..L
    const Spec spec;                // points to n and act; kinds and rates are the layers'
    Parameters<T> parameters;
    const Memory<T> rows;    // the layers' buffers
    const Memory<T> packed;  // panels of δ, per thread

private:
    // The description with sizes and activations of its own, and the layers laid out by it.
    Spec copied(Spec s) {
        std::memcpy(n, s.n, (L + 1) * sizeof(int64_t));
        std::memcpy(act, s.act, L * sizeof(int));
        s.n = n;
        s.act = act;
        lay_out<T>(s, layers);
        s.kinds = nullptr;  // the layers know them now
        s.rates = nullptr;
        return s;
    }

    static int64_t size_of_below(const Layer<T>& layer) {
        return has_W(layer.kind) ? layer.inputs.vectors * lanes<T> * layer.n : 0;
    }

    // Numbers in the buffers of layers 1..L; a^0 is made when dense rows come.
    int64_t size_of_rows() const {
        int64_t size = 0;
        for (int l = 1; l <= L; l++) size += 2 * batch * layers[l].stride + size_of_below(layers[l]);
        return size;
    }
};

}  // namespace
