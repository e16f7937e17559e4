// A scale layer, z = s ⊙ a: one factor for each unit below, no W and no b. s is stored as a dense layer's b is.
#pragma once
#include "batch.hpp"
#include "few.hpp"
#include "norms.hpp"

namespace {

constexpr int64_t SCALE_WORK = 32;  // operations of a unit with its σ, about

template <class T> struct Scale {
    static constexpr bool has_W = false, square = true;

    // z = s ⊙ a_prev of rows i0..i1, tile by tile to epilogue(tile, first row, rows, first unit, width in vectors).
    template <class Epilogue> static void forward(const Link<T>& at, int64_t i0, int64_t i1, Epilogue&& epilogue) {
        over_tiles(at, at.below.a, at.below.stride, i0, i1, epilogue);
    }

    // z of a few rows, into the layer's a, from theta in place.
    static void forward_few(const Link<T>& at, const T* theta, int64_t m) {
        const T* s = theta + at.layer.flat_b;
        for (int64_t i = 0; i < m; i++)
            for (int64_t j = 0; j < at.layer.n; j++)
                at.layer.a[i * at.layer.stride + j] = s[j] * at.below.a[i * at.below.stride + j];
    }

    // BP2's product, s ⊙ δ of rows i0..i1, to epilogue as above.
    template <class Epilogue> static void errors_below(const Link<T>& at, int64_t i0, int64_t i1, Epilogue&& epilogue) {
        over_tiles(at, at.layer.ds, at.layer.stride, i0, i1, epilogue);  // BP2
    }

    // ‖∂C_i/∂s‖ of row i: ‖δ ⊙ a_prev‖.
    static double gradient_norm(const Link<T>& at, int64_t i) {
        const T *delta = at.layer.ds + i * at.layer.stride, *a = at.below.a + i * at.below.stride;
        return length(at.layer.n, [&](int64_t j) { return double(delta[j]) * double(a[j]); });
    }

    // BP4 of m rows, into the gradient: ∂C/∂s = Σ δ ⊙ a_prev over the examples.
    static void gradient(const Link<T>& at, int64_t m) {
        const Layer<T>&layer = at.layer, &below = at.below;
        T* ds = at.net.parameters.grad() + layer.b;
        const int64_t vectors = layer.stride / lanes<T>;
        const int threads = at.net.workers.threads_for(16.0 * m * layer.n);
        at.net.workers.share_out(threads, [&](int t) {
            for (int64_t v = vectors * t / threads; v < vectors * (t + 1) / threads; v++) {
                const int64_t j = v * lanes<T>;
                Vec<T> sum{};
                for (int64_t i = 0; i < m; i++)
                    sum += load<T>(layer.ds + i * layer.stride + j) * load<T>(below.a + i * below.stride + j);  // BP4
                store<T>(ds + j, sum);
            }
        });
    }

    // BP4 and the update.
    static void update(const Link<T>& at, int64_t m, const Stepped<T>& stepped) {
        Parameters<T>& parameters = at.net.parameters;
        gradient(at, m);
        parameters.move(stepped.at(at.layer.b_rate), at.layer.b, parameters.grad() + at.layer.b, at.layer.stride,
                        false);
    }

private:
    // s ⊙ each of the rows i0..i1 of x, `stride` apart.
    template <class Epilogue>
    static void over_tiles(const Link<T>& at, const T* x, int64_t stride, int64_t i0, int64_t i1, Epilogue&& epilogue) {
        const Layer<T>& layer = at.layer;
        const T* s = at.net.parameters.theta() + layer.b;
        at.net.workers.over_rows(i0, i1, SCALE_WORK * layer.n, [&](int64_t i) {
            alignas(64) T tile[widest<T>];
            for (int64_t p = 0; p < layer.units.count; p++) {
                const int64_t j0 = layer.units.begin(p), wide = layer.units.width(p) * lanes<T>;
                for (int64_t j = 0; j < wide; j += lanes<T>)
                    store<T>(tile + j, load<T>(s + j0 + j) * load<T>(x + i * stride + j0 + j));
                epilogue(tile, i, 1, j0, layer.units.width(p));
            }
        });
    }
};

}  // namespace
