// Backward through all layers: BP2, then BP3 and BP4 into the gradient or straight into the update.
#pragma once
#include "kinds.hpp"

namespace {

template <class T> class Backward {
public:
    Backward(Network<T>& net, Batch<T>& batch)
        : net_(net), batch_(batch), bounds_(net.workers.threads() * (net.L + 1)) {}

    // W for BP2, of layers first..L, after the parameters moved: layer 1 needs it only for the errors of the inputs.
    void refresh(int first) {
        net_.parameters.over_units(first, [&](const Layer<T>& l, int64_t v, int64_t end) {
            for_bp2<T>(l, net_.parameters.theta(), l.below, v, end);
        });
    }

    // BP2 of rows i0..i1 from δ^L down: δ^l replaces σ' of each hidden layer.
    void errors(int64_t i0, int64_t i1) {
        for (int l = net_.L; l > 1; l--) {
            const Layer<T>& below = net_.layers[l - 1];
            auto epilogue = [&](const T* tile, int64_t first, int rows, int64_t j0, int width) {
                const int64_t wide = width * lanes<T>;
                for (int i = 0; i < rows; i++) {
                    T* ds = below.ds + (first + i) * below.stride + j0;
                    for (int64_t j = 0; j < wide; j += lanes<T>)
                        store<T>(ds + j, load<T>(tile + i * wide + j) * load<T>(ds + j));  // BP2
                }
            };
            at(l, [&](auto kind, const Link<T>& link) { kind.errors_below(link, i0, i1, epilogue); });
        }
    }

    // ∂C/∂x of m rows, n_0 numbers each: BP2's product, without a σ'.
    void input_errors(int64_t m, T* dX) {
        const int64_t n = net_.layers[0].n;
        auto epilogue = [&](const T* tile, int64_t first, int rows, int64_t j0, int width) {
            const int64_t wide = width * lanes<T>, have = n - j0 < wide ? n - j0 : wide;
            for (int i = 0; i < rows; i++) std::memcpy(dX + (first + i) * n + j0, tile + i * wide, have * sizeof(T));
        };
        at(1, [&](auto kind, const Link<T>& link) { kind.errors_below(link, 0, m, epilogue); });
    }

    // ‖∂C_i/∂θ‖ of rows i0..i1 from their δ and a, without BP3 and BP4.
    void gradient_norms(int64_t i0, int64_t i1, double* norms) {
        int64_t units = 0;
        for (int l = 0; l <= net_.L; l++) units += net_.layers[l].n;
        net_.workers.over_rows(i0, i1, 8 * units, [&](int64_t i) {
            norms[i] = 0;
            for (int l = 1; l <= net_.L; l++)
                at(l, [&](auto kind, const Link<T>& link) {
                    norms[i] = length_of_both(norms[i], kind.gradient_norm(link, i));
                });
        });
    }

    // BP3 and BP4 of m rows, into the gradient.
    void gradients(int64_t m) {
        for (int l = 1; l <= net_.L; l++) at(l, [&](auto kind, const Link<T>& link) { kind.gradient(link, m); });
    }

    // BP3, BP4 and the update.
    void update(int64_t m, const Stepped<T>& stepped) {
        for (int l = 1; l <= net_.L; l++) at(l, [&](auto kind, const Link<T>& link) { kind.update(link, m, stepped); });
    }

    // More than any element of BP3 and BP4 can be; NaN or Inf if an a or a δ is. (The cost is finite, so no a is NaN.)
    double gradient_bound(int64_t m) {
        const int L = net_.L;
        int64_t numbers = 0;
        for (int l = 0; l <= L; l++) numbers += 2 * m * net_.layers[l].stride;
        const int threads = net_.workers.threads_for(4.0 * numbers);
        net_.workers.share_out(threads, [&](int t) {
            const int64_t first = m * t / threads, count = m * (t + 1) / threads - first;
            for (int l = 1; l <= L; l++) {
                const Layer<T>& layer = net_.layers[l];
                const double a = largest_a(l - 1, first, count);
                const double delta = largest<T>(layer.ds + first * layer.stride, count * layer.stride);
                bounds_[t * (L + 1) + l] = double(m) * delta * (a > 1 ? a : 1);
            }
        });
        double most = 0;
        for (int t = 0; t < threads; t++)
            for (int l = 1; l <= L; l++)
                if (!(bounds_[t * (L + 1) + l] <= most)) most = bounds_[t * (L + 1) + l];
        return most;
    }

private:
    double largest_a(int l, int64_t first, int64_t count) {
        if (Stored<T>* stored = batch_.link(l + 1).stored) return stored->largest_number();
        if (l && IS_BOUNDED[net_.spec.act[l - 1]]) return 1 / (1 - net_.dropout(l));
        const Layer<T>& layer = net_.layers[l];
        return largest<T>(layer.a + first * layer.stride, count * layer.stride);
    }

    // work(the struct of layer l's kind, the layer at work).
    template <class Work> void at(int l, Work&& work) {
        const Link<T> link = batch_.link(l);
        with_kind<T>(link.layer.kind, [&](auto kind) { work(kind, link); });
    }

    Network<T>& net_;
    Batch<T>& batch_;
    Memory<double> bounds_;
};

}  // namespace
