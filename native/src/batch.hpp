// The batch at hand: its rows gathered as a^0, its targets, and each example's share of the mean.
#pragma once
#include "network.hpp"
#include "sparse.hpp"

namespace {

template <class T> class Batch {
public:
    explicit Batch(Network<T>& net) : net_(net), share_(net.batch), y_(net.batch * net.last().n) {}

    // The rows `first`.. of a batch of `end` (of the rows that `rows` names, or of all) become a^0; returns how many
    // fit.
    int64_t gather(const Examples& e, const int64_t* rows, int64_t first, int64_t end) {
        const int64_t m = end - first < net_.batch ? end - first : net_.batch;
        Layer<T>& input = net_.layers[0];
        stored_.leave();
        if (e.starts) {
            stored_.gather(e, rows, first, m, net_.batch, input.n);
            return m;
        }
        if (!rows && e.x_step == 1) {  // rows in their own order are read in place
            input.a = const_cast<T*>(static_cast<const T*>(e.X)) + first * e.x_stride;
            input.stride = e.x_stride;
            return m;
        }
        input.stride = round_up(input.n, lanes<T>);
        if (!inputs_) inputs_ = Memory<T>(net_.batch * input.stride);
        input.a = inputs_;
        net_.workers.over_rows(0, m, 32 * input.n, [&](int64_t i) {
            T* a = input.a + i * input.stride;
            const T* x = static_cast<const T*>(e.X) + (rows ? rows[first + i] : first + i) * e.x_stride;
            if (e.x_step == 1) std::memcpy(a, x, input.n * sizeof(T));
            else
                for (int64_t k = 0; k < input.n; k++) a[k] = x[k * e.x_step];
        });
        return m;
    }

    // Targets of the m rows from `first` on, and their shares of the mean: weight / total.
    void take_targets(const Examples& e, const int64_t* rows, int64_t first, int64_t m, double total) {
        const int64_t n = net_.last().n;
        for (int64_t i = 0; i < m; i++) {
            const int64_t row = rows ? rows[first + i] : first + i;
            share_[i] = T((e.weight ? e.weight[row] : 1.0) / total);
            T* y = y_ + i * n;
            if (e.indices) {
                std::memset(y, 0, n * sizeof(T));
                y[e.indices[row]] = 1;
            } else std::memcpy(y, static_cast<const T*>(e.targets) + row * n, n * sizeof(T));
        }
    }

    // The sum of the weights of m rows.
    static double weight_of(const Examples& e, const int64_t* rows, int64_t m) {
        if (!e.weight) return double(m);
        double total = 0;
        for (int64_t i = 0; i < m; i++) total += e.weight[rows ? rows[i] : i];
        return total;
    }

    // The same, or 1 if that is 0: what a mean is divided by.
    static double divisor(const Examples& e, const int64_t* rows, int64_t m) {
        const double total = weight_of(e, rows, m);
        return total > 0 ? total : 1;
    }

    const T* y(int64_t i) const { return y_ + i * net_.last().n; }
    T share(int64_t i) const { return share_[i]; }

    // The stored numbers of a^0 if it is sparse, as layer l's input; else null.
    Stored<T>* stored(int l) { return l == 1 && stored_.here() ? &stored_ : nullptr; }

private:
    Network<T>& net_;
    Memory<T> share_, y_;
    Memory<T> inputs_;  // a^0 of dense rows that were gathered: made when it is needed
    Stored<T> stored_;
};

}  // namespace
