// What becomes of z^L: a^L, the cost of each example, and BP1.
#pragma once
#include "batch.hpp"
#include "cost.hpp"

namespace {

constexpr int64_t OUTPUT_WORK = 1200;  // operations that σ, C and their logarithms take per output, about

template <class T> class Output {
public:
    Output(Network<T>& net, Batch<T>& batch) : net_(net), batch_(batch), costs_(net.batch) {}

    // C of rows i0..i1 from z^L; then a^L takes the place of z^L, and σ' goes to ds.
    void costs(int64_t i0, int64_t i1) {
        const Layer<T>& last = net_.last();
        const Spec& spec = net_.spec;
        net_.workers.over_rows(i0, i1, OUTPUT_WORK * last.n, [&](int64_t i) {
            const T *a = last.a + i * last.stride, *y = batch_.y(i);
            if (spec.canonical) costs_[i] = cost_of_z<T>(spec, a, y, last.n) * batch_.share(i);
            activate(i);
            if (!spec.canonical) costs_[i] = cost_of_a<T>(spec, a, y, last.n) * batch_.share(i);
        });
    }

    // a^L alone.
    void outputs(int64_t i0, int64_t i1) {
        net_.workers.over_rows(i0, i1, OUTPUT_WORK * net_.last().n, [&](int64_t i) { activate(i); });
    }

    // Σ share C over the first m rows.
    double total(int64_t m) const {
        double C = 0;
        for (int64_t i = 0; i < m; i++) C += costs_[i];
        return C;
    }

    // BP1: δ^L replaces σ'.
    void errors(int64_t i0, int64_t i1) {
        const Layer<T>& last = net_.last();
        net_.workers.over_rows(i0, i1, 8 * last.n, [&](int64_t i) {
            T* ds = last.ds + i * last.stride;
            output_error<T>(net_.spec, last.a + i * last.stride, ds, batch_.y(i), batch_.share(i), ds, last.n);  // BP1
            std::memset(ds + last.n, 0, (last.stride - last.n) * sizeof(T));
        });
    }

private:
    void activate(int64_t i) {
        const Layer<T>& last = net_.last();
        T* a = last.a + i * last.stride;
        if (Act(net_.spec.act[net_.L - 1]) == Act::softmax) softmax<T>(a, a, last.n, last.stride);
        else last.activate(a, a, last.ds + i * last.stride, last.stride);
    }

    Network<T>& net_;
    Batch<T>& batch_;
    Memory<double> costs_;
};

}  // namespace
