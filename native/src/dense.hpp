// A dense layer, z = W a + b: its forward, BP2, BP3 and BP4 as products. W is read from theta in place for BP2, and
// turned, in panels, for forward.
#pragma once
#include "batch.hpp"
#include "few.hpp"
#include "norms.hpp"

namespace {

constexpr int64_t FAR_APART = 1024;  // bytes between the rows of δ above which BP4 packs them first

template <class T> struct Dense {
    static constexpr bool has_W = true, square = false;

    // z = W a_prev + b of rows i0..i1, tile by tile to epilogue(tile, first row, rows, first unit, width in vectors).
    template <class Epilogue> static void forward(const Link<T>& at, int64_t i0, int64_t i1, Epilogue&& epilogue) {
        const Layer<T>& layer = at.layer;
        const T *theta = at.net.parameters.theta(), *b = theta + layer.b;
        auto panel_of = [&](int64_t p) { return Panel<T>{theta + layer.panel(p), layer.units.width(p) * lanes<T>}; };
        if (!at.stored)
            return product(at, layer.units, i0, i1, layer.n_prev, at.below.a, at.below.stride, b, panel_of, epilogue);
        const Lists<T>& A = at.stored->by_example();
        at.net.workers.over_panels(layer.units, i1 - i0, double(A.stored() + A.count),
                                   [&](int, int64_t p, int64_t from, int64_t to) {
                                       stored_panel<T>(A, false, i0 + from, i0 + to, panel_of(p), layer.units.begin(p),
                                                       layer.units.width(p), b, epilogue);
                                   });
    }

    // z of a few rows, into the layer's a, from theta in place.
    static void forward_few(const Link<T>& at, const T* theta, int64_t m) {
        const Layer<T>& layer = at.layer;
        const T *W = theta + layer.flat_W, *b = theta + layer.flat_b;
        if (at.stored) stored_inputs<T>(W, b, layer.n, layer.n_prev, at.stored->by_example(), layer.a, layer.stride);
        else weighted_inputs<T>(W, b, layer.n, layer.n_prev, at.below.a, at.below.stride, layer.a, layer.stride, m);
    }

    // BP2's product, Wᵀ δ of rows i0..i1, to epilogue as above.
    template <class Epilogue> static void errors_below(const Link<T>& at, int64_t i0, int64_t i1, Epilogue&& epilogue) {
        const Layer<T>& layer = at.layer;
        auto panel_of = [&](int64_t p) {
            return Panel<T>{layer.below + layer.inputs.begin(p) * layer.n, layer.inputs.width(p) * lanes<T>};
        };
        product(at, layer.inputs, i0, i1, layer.n, layer.ds, layer.stride, nullptr, panel_of, epilogue);  // BP2
    }

    // ‖∂C_i/∂(W, b)‖ of row i: √(‖δ‖² (‖a_prev‖² + 1)), as ‖δ a_prevᵀ‖ = ‖δ‖ ‖a_prev‖.
    static double gradient_norm(const Link<T>& at, int64_t i) {
        const Layer<T>&layer = at.layer, &below = at.below;
        const double delta = length(layer.ds + i * layer.stride, layer.n);
        if (!at.stored) return delta * length_of_both(length(below.a + i * below.stride, below.n), 1);
        const Lists<T>& A = at.stored->by_example();
        return delta * length_of_both(length(A.x + A.starts[i], A.starts[i + 1] - A.starts[i]), 1);
    }

    // BP3 and BP4 of m rows, into the gradient.
    static void gradient(const Link<T>& at, int64_t m) {
        T* grad = at.net.parameters.grad();
        weight_gradient(at, m, true, [&](int64_t place, const T* tile, int64_t count) {
            std::memcpy(grad + place, tile, count * sizeof(T));
        });
        bias_gradient(at, m, grad + at.layer.b);
    }

    // BP3 and BP4 with the update at the end of each tile, so that no gradient is written and read again.
    static void update(const Link<T>& at, int64_t m, const Stepped<T>& stepped) {
        Parameters<T>& parameters = at.net.parameters;
        const Stepped<T> own = stepped.at(at.layer.W_rate);
        const bool plain = parameters.plain();
        if (plain && !at.stored) descend_weights(at, m, own.rate);
        else
            weight_gradient(at, m, !plain, [&](int64_t place, T* tile, int64_t count) {
                parameters.move(own, place, tile, count, true);
            });
        T* db = parameters.grad() + at.layer.b;
        bias_gradient(at, m, db);
        parameters.move(stepped.at(at.layer.b_rate), at.layer.b, db, at.layer.stride, false);
    }

private:
    // C (rows i0..i1 x N) = start + A B, rows of A some stride apart; `panel_of(p)` gives panel p of B.
    template <class PanelOf, class Epilogue>
    static void product(const Link<T>& at, const Panels<T>& cut, int64_t i0, int64_t i1, int64_t K, const T* A,
                        int64_t stride, const T* start, PanelOf&& panel_of, Epilogue&& epilogue) {
        at.net.workers.over_panels(cut, i1 - i0, double(i1 - i0) * K, [&](int, int64_t p, int64_t from, int64_t to) {
            panel_product<T>(i0 + from, i0 + to, K, A, stride, 1, panel_of(p), cut.begin(p), cut.width(p), start,
                             epilogue);
        });
    }

    // BP4, turned: (∂C/∂W)ᵀ = a_prev δᵀ, tile by tile to take(place, tile, count). Of a sparse a^0 without the rows
    // that are 0, unless `zeros` asks for them.
    template <class Take> static void weight_gradient(const Link<T>& at, int64_t m, bool zeros, Take&& take) {
        const Layer<T>&layer = at.layer, &below = at.below;
        auto epilogue = [&](T* tile, int64_t i0, int rows, int64_t j0, int width) {
            take(tile_place(layer, i0, j0, width), tile, int64_t(rows) * width * lanes<T>);  // BP4
        };
        if (at.stored) {
            const Lists<T>& A = at.stored->by_input();
            const int64_t M = zeros ? A.count : A.n_used;
            return at.net.workers.over_panels(
                layer.units, M, double(A.stored() + M), [&](int thread, int64_t p, int64_t i0, int64_t i1) {
                    stored_panel<T>(A, !zeros, i0, i1, delta_panel(at, m, thread, p), layer.units.begin(p),
                                    layer.units.width(p), nullptr, epilogue);
                });
        }
        at.net.workers.over_panels(
            layer.units, layer.n_prev, double(layer.n_prev) * m, [&](int thread, int64_t p, int64_t i0, int64_t i1) {
                panel_product<T>(i0, i1, m, below.a, 1, below.stride, delta_panel(at, m, thread, p),
                                 layer.units.begin(p), layer.units.width(p), nullptr, epilogue);
            });
    }

    // BP4 and the update of plain gradient descent in one: Wᵀ -= η a_prev δᵀ.
    static void descend_weights(const Link<T>& at, int64_t m, T rate) {
        const Layer<T>&layer = at.layer, &below = at.below;
        T* theta = at.net.parameters.theta();
        auto place = [&](int64_t i0, int64_t j0, int width) { return theta + tile_place(layer, i0, j0, width); };
        at.net.workers.over_panels(layer.units, layer.n_prev, double(layer.n_prev) * m,
                                   [&](int thread, int64_t p, int64_t i0, int64_t i1) {
                                       panel_sum<T>(i0, i1, m, below.a, 1, below.stride, delta_panel(at, m, thread, p),
                                                    layer.units.begin(p), layer.units.width(p), -rate, place);  // BP4
                                   });
    }

    static int64_t tile_place(const Layer<T>& layer, int64_t i0, int64_t j0, int width) {
        return layer.W + j0 * layer.n_prev + i0 * width * lanes<T>;
    }

    // Panel p of δ, in place or packed.
    static Panel<T> delta_panel(const Link<T>& at, int64_t m, int thread, int64_t p) {
        const Layer<T>& layer = at.layer;
        const Panel<T> lying{layer.ds + layer.units.begin(p), layer.stride};
        if (layer.stride * int64_t(sizeof(T)) <= FAR_APART) return lying;
        T* packed = at.net.packed + thread * at.net.batch * widest<T>;
        pack<T>(lying.B, layer.stride, m, layer.units.width(p), packed);
        return {packed, layer.units.width(p) * lanes<T>};
    }

    // BP3: ∂C/∂b = Σ δ over the examples.
    static void bias_gradient(const Link<T>& at, int64_t m, T* db) {
        const Layer<T>& layer = at.layer;
        const int64_t vectors = layer.stride / lanes<T>;
        const int threads = at.net.workers.threads_for(8.0 * m * layer.n);
        at.net.workers.share_out(threads, [&](int t) {
            int64_t v = vectors * t / threads;
            const int64_t end = vectors * (t + 1) / threads;
            for (; v + 4 <= end; v += 4) sum_columns<4>(layer, m, v * lanes<T>, db);
            for (; v < end; v++) sum_columns<1>(layer, m, v * lanes<T>, db);
        });
    }

    template <int NV> static void sum_columns(const Layer<T>& layer, int64_t m, int64_t j, T* db) {
        Vec<T> sum[NV] = {};
        const T* delta = layer.ds + j;
        for (int64_t i = 0; i < m; i++, delta += layer.stride) {
            UNROLL(4)
            for (int v = 0; v < NV; v++) sum[v] += load<T>(delta + v * lanes<T>);  // BP3
        }
        for (int v = 0; v < NV; v++) store<T>(db + j + v * lanes<T>, sum[v]);
    }
};

}  // namespace
