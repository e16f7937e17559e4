// The batch at hand: its rows gathered as a^0, its targets, and each example's share of its cost.
#pragma once
#include "network.hpp"
#include "sparse.hpp"

namespace {

// The examples of one step or of one call: the m that `rows` names, or all m in their order if it is null. An example's
// share is that in `shares`, or weight / divisor if there are none.
struct Chosen {
    const Examples& e;
    const int64_t* rows;
    int64_t m;
    double divisor = 1;
    const double* shares = nullptr;

    int64_t row(int64_t i) const { return rows ? rows[i] : i; }
    double weight(int64_t i) const { return e.weight ? e.weight[row(i)] : 1.0; }
    double share(int64_t i) const { return shares ? shares[i] : weight(i) / divisor; }

    double total_weight() const {
        if (!e.weight) return double(m);
        double total = 0;
        for (int64_t i = 0; i < m; i++) total += weight(i);
        return total;
    }

    // The same with the divisor of a weighted mean; 1 if the examples weigh nothing.
    Chosen mean() const {
        const double total = total_weight();
        return {e, rows, m, total > 0 ? total : 1, shares};
    }
};

// A layer and the layer below, whose a is its input. `stored`: that input if it is sparse, else null.
template <class T> struct Link {
    Network<T>& net;
    const Layer<T>&layer, &below;
    Stored<T>* stored;
};

template <class T> class Batch {
public:
    explicit Batch(Network<T>& net) : net_(net), share_(net.batch), y_(net.batch * net.last().n) {}

    // As many of the chosen rows from `first` on as fit become a^0; returns their number.
    int64_t gather(const Chosen& chosen, int64_t first) {
        const Examples& e = chosen.e;
        const int64_t m = chosen.m - first < net_.batch ? chosen.m - first : net_.batch;
        const bool in_products = has_W(net_.layers[1].kind);  // else layer 1 reads whole vectors of dense rows
        Layer<T>& input = net_.layers[0];
        stored_.leave();
        if (e.starts && in_products) {
            stored_.gather(e, chosen.rows, first, m, net_.batch, input.n);
            return m;
        }
        if (!e.starts && !chosen.rows && e.x_step == 1 && in_products) {  // rows in their own order are read in place
            input.a = const_cast<T*>(static_cast<const T*>(e.X)) + first * e.x_stride;
            input.stride = e.x_stride;
            return m;
        }
        input.stride = round_up(input.n, lanes<T>);
        if (!inputs_) inputs_ = Memory<T>(net_.batch * input.stride);
        input.a = inputs_;
        net_.workers.over_rows(0, m, 32 * input.n,
                               [&](int64_t i) { copy_row(e, chosen.row(first + i), input.a + i * input.stride); });
        return m;
    }

    // Targets and shares of the m chosen rows from `first` on.
    void take_targets(const Chosen& chosen, int64_t first, int64_t m) {
        const Examples& e = chosen.e;
        const int64_t n = net_.last().n;
        for (int64_t i = 0; i < m; i++) {
            const int64_t row = chosen.row(first + i);
            share_[i] = T(chosen.share(first + i));
            T* y = y_ + i * n;
            if (e.indices) {
                std::memset(y, 0, n * sizeof(T));
                y[e.indices[row]] = 1;
            } else std::memcpy(y, static_cast<const T*>(e.targets) + row * n, n * sizeof(T));
        }
    }

    const T* y(int64_t i) const { return y_ + i * net_.last().n; }
    T share(int64_t i) const { return share_[i]; }

    Link<T> link(int l) {
        return {net_, net_.layers[l], net_.layers[l - 1], l == 1 && stored_.here() ? &stored_ : nullptr};
    }

private:
    void copy_row(const Examples& e, int64_t row, T* a) const {
        const int64_t n = net_.layers[0].n;
        if (e.starts) {
            std::memset(a, 0, n * sizeof(T));
            for (int64_t t = e.starts[row]; t < e.starts[row + 1]; t++)
                a[e.columns[t]] += static_cast<const T*>(e.X)[t];
            return;
        }
        const T* x = static_cast<const T*>(e.X) + row * e.x_stride;
        if (e.x_step == 1) std::memcpy(a, x, n * sizeof(T));
        else
            for (int64_t k = 0; k < n; k++) a[k] = x[k * e.x_step];
    }

    Network<T>& net_;
    Memory<T> share_, y_;
    Memory<T> inputs_;  // a^0 of rows that were gathered: made when it is needed
    Stored<T> stored_;
};

}  // namespace
