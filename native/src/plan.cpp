// A plan: the buffers of one network, and forward, BP1..BP4 and the update on them. Compiled once per instruction set;
// INSTRUCTION_SET names the namespace, and everything else is local to the file, so that no two compilations mix.
//
// Rows are examples. a, z, σ' and δ of a layer are (m x stride), the stride a whole number of vectors; what lies beyond the
// layer's width is never read as a result. W is read as it lies in theta for BP2, and turned, in panels, for forward.
#include "cost.hpp"
#include "few.hpp"
#include "parameters.hpp"
#include "sparse.hpp"

#ifndef INSTRUCTION_SET
#error "compile with -DINSTRUCTION_SET=avx512, avx2 or base"
#endif

namespace {
using namespace deltaprop;

constexpr uint64_t DROPOUT_TAG = 0x64726F70;
constexpr int64_t FAR_APART = 1024;    // bytes between the rows of δ above which BP4 packs them first
constexpr int64_t FEWEST_ROWS = 24;    // rows per thread from which each takes its own through all layers
constexpr int64_t CHUNK = 96;          // rows that go through all layers together, at least
constexpr int64_t OUTPUT_WORK = 1200;  // operations that σ, C and their logarithms take per output, about

template <class T> class NativePlan final : public Plan {
public:
    NativePlan(const Spec& s, int64_t batch, int threads)
        : batch_(batch), L_(s.L), workers_(threads), n_(L_ + 1), act_(L_), layers_(L_ + 1), spec_(copied(s)), parameters_(layers_, L_, workers_),
          rows_(size_of_rows()), share_(batch), y_(batch * n_[L_]), panels_(threads * batch * widest<T>), costs_(batch), bounds_(threads * (L_ + 1)) {
        T* next = rows_;
        for (int l = 1; l <= L_; l++) {
            Layer<T>& layer = layers_[l];
            for (T** place : {&layer.a, &layer.ds}) {
                *place = next;
                next += batch_ * layer.stride;
            }
            layer.below = next;
            next += layer.inputs.vectors * lanes<T> * layer.n;
        }
    }

    void forward(const void* theta, const Examples& e, void* out) override { pass(static_cast<const T*>(theta), e, static_cast<T*>(out), false); }

    double evaluate(const void* theta, const Examples& e, void* out) override { return pass(static_cast<const T*>(theta), e, static_cast<T*>(out), true); }

    double gradients(const void* theta, const Examples& e, void* grad, void* dX) override {
        parameters_.take_in_theta(static_cast<const T*>(theta));
        refresh_below(dX ? 1 : 2);
        const double C = batch_gradient(e, nullptr, e.m, grad != nullptr, static_cast<T*>(dX));
        if (grad) parameters_.give_back_gradient(static_cast<T*>(grad));
        return C;
    }

    int64_t train(void* theta, void* const* slots, const Rules& rules, const Examples& e, const Steps& steps) override {
        struct Training {
            Parameters<T>& of;
            ~Training() { of.end(); }  // also where memory runs out in the middle of a step
        } training{parameters_};
        parameters_.begin(rules, static_cast<const T*>(theta), slots);
        int64_t done = 0;
        while (done < steps.count && one_step(e, steps, done)) done++;
        parameters_.give_back(static_cast<T*>(theta), slots);
        return done;
    }

private:
    // The description with sizes and activations of its own, and the layers laid out by it.
    Spec copied(Spec s) {
        std::memcpy(n_, s.n, (L_ + 1) * sizeof(int64_t));
        std::memcpy(act_, s.act, L_ * sizeof(int));
        s.n = n_;
        s.act = act_;
        lay_out<T>(s, layers_);
        return s;
    }

    // Numbers in the buffers of layers 1..L; a^0 is made when dense rows come.
    int64_t size_of_rows() const {
        int64_t size = 0;
        for (int l = 1; l <= L_; l++) size += 2 * batch_ * layers_[l].stride + layers_[l].inputs.vectors * lanes<T> * layers_[l].n;
        return size;
    }

    // One whole step, or nothing: false where its cost, its gradient or its update is not finite.
    bool one_step(const Examples& e, const Steps& steps, int64_t s) {
        const int64_t* rows = steps.order + steps.bounds[s];
        const int64_t m = steps.bounds[s + 1] - steps.bounds[s];
        step_ = steps.first + s;
        refresh_below(2);
        if (parameters_.rules().by_weight) parameters_.share_penalties(weight_of(e, rows, 0, m));
        if (steps.penalties) steps.penalties[s] = parameters_.penalty();
        double C;
        const bool fused = m <= batch_ && !parameters_.clips();
        if (!(fused ? fused_step(e, rows, m, steps.rates[s], &C) : plain_step(e, rows, m, steps.rates[s], &C))) return false;
        steps.costs[s] = C;
        return true;
    }

    // All errors first, and from their size whether the gradient can be anything but finite; then BP4 with the update.
    bool fused_step(const Examples& e, const int64_t* rows, int64_t m, double rate, double* C) {
        gather(e, rows, 0, m);
        targets(e, rows, 0, m, weigh(e, rows, 0, m));
        *C = there_and_back(0, m);
        if (!std::isfinite(*C)) return false;
        const Stepped<T> stepped(parameters_.rules(), rate, step_ + 1, 1);
        if (parameters_.surely_moves(stepped, gradient_bound(m))) {
            update_from(m, stepped);
            return true;
        }
        for (int l = 1; l <= L_; l++) parameter_gradients(l, m);
        return parameters_.checked_move(rate, step_ + 1);
    }

    bool plain_step(const Examples& e, const int64_t* rows, int64_t m, double rate, double* C) {
        *C = batch_gradient(e, rows, m, true, nullptr);
        return std::isfinite(*C) && parameters_.checked_move(rate, step_ + 1);
    }

    // C of these rows and its gradient in parameters_.grad() (and towards the inputs in dX); what is longer than planned goes in parts.
    double batch_gradient(const Examples& e, const int64_t* rows, int64_t m, bool parameters, T* dX) {
        const double total = weigh(e, rows, 0, m);
        if (m > batch_ && parameters) {
            if (!sum_) sum_ = Memory<T>(parameters_.total());
            std::memset(sum_, 0, parameters_.total() * sizeof(T));
        }
        double C = 0;
        for (int64_t first = 0; first < m; first += batch_) {
            const int64_t part = gather(e, rows, first, m);
            targets(e, rows, first, part, total);
            C += there_and_back(first, part);
            for (int l = 1; l <= L_ && parameters; l++) parameter_gradients(l, part);
            if (m > batch_ && parameters) for (int64_t i = 0; i < parameters_.total(); i++) sum_[i] += parameters_.grad()[i];
            if (dX) error_below(1, 0, part, dX + first * n_[0], n_[0], nullptr);
        }
        if (m > batch_ && parameters) std::memcpy(parameters_.grad(), sum_, parameters_.total() * sizeof(T));
        return C;
    }

    // Forward, BP1 and BP2 for the m rows that were gathered, `first` of their batch having come before; returns Σ share C.
    double there_and_back(int64_t first, int64_t m) {
        draw_words(first, m);
        over_chunks(m, [&](int64_t i0, int64_t i1) {
            forward_pass(i0, i1, true);
            output_costs(i0, i1);
            output_errors(i0, i1);
            errors(i0, i1);
        });
        return total_cost(m);
    }

    // work(i0, i1) over chunks of rows that stay in the processor's cache from layer to layer: each thread its own chunks. Of
    // rows too few for that, all at once: then each layer shares out its panels.
    template <class Work> void over_chunks(int64_t m, Work&& work) {
        int64_t weights = 0, units = 0;
        for (int l = 1; l <= L_; l++) {
            weights += n_[l] * n_[l - 1];
            units += n_[l];
        }
        const int threads = workers_.threads_for(4.0 * double(m) * weights);
        if (m / threads < FEWEST_ROWS) return work(0, m);
        // A chunk reads all of W again, and saves its a and σ' a way to memory and back.
        const int64_t rows = weights / units > CHUNK ? weights / units : CHUNK, chunks = threads * ((m + rows * threads - 1) / (rows * threads));
        workers_.share_out(threads, [&](int t) {
            for (int64_t c = chunks * t / threads; c < chunks * (t + 1) / threads; c++) work(m * c / chunks, m * (c + 1) / chunks);
        });
    }

    // C (rows i0..i1 x N) = start + A B, rows of A some stride apart; `panel_of(p)` gives panel p of B.
    template <class PanelOf, class Epilogue>
    void product(const Panels<T>& cut, int64_t i0, int64_t i1, int64_t K, const T* A, int64_t stride, const T* start, PanelOf&& panel_of, Epilogue&& epilogue) {
        workers_.over_panels(cut, i1 - i0, double(i1 - i0) * K, [&](int, int64_t p, int64_t from, int64_t to) {
            panel_product<T>(i0 + from, i0 + to, K, A, stride, 1, panel_of(p), cut.begin(p), cut.width(p), start, epilogue);
        });
    }

    // The same with A by its stored numbers.
    template <class PanelOf, class Epilogue>
    void product(const Panels<T>& cut, int64_t i0, int64_t i1, const Lists<T>& A, const T* start, PanelOf&& panel_of, Epilogue&& epilogue) {
        workers_.over_panels(cut, i1 - i0, double(A.stored() + A.count), [&](int, int64_t p, int64_t from, int64_t to) {
            stored_panel<T>(A, false, i0 + from, i0 + to, panel_of(p), cut.begin(p), cut.width(p), start, epilogue);
        });
    }

    // W for BP2, of layers first..L: layer 1 needs it only for the gradient towards the inputs.
    void refresh_below(int first) {
        parameters_.over_units(first, [&](const Layer<T>& l, int64_t v, int64_t end) { for_bp2<T>(l, parameters_.theta(), l.below, v, end); });
    }

    int64_t gather(const Examples& e, const int64_t* rows, int64_t first, int64_t end) {
        const int64_t m = end - first < batch_ ? end - first : batch_;
        Layer<T>& input = layers_[0];
        stored_.leave();
        if (e.starts) {
            stored_.gather(e, rows, first, m, batch_, n_[0]);
            return m;
        }
        if (!rows && e.x_step == 1) {  // rows in their own order are read where they lie
            input.a = const_cast<T*>(static_cast<const T*>(e.X)) + first * e.x_stride;
            input.stride = e.x_stride;
            return m;
        }
        input.stride = round_up(n_[0], lanes<T>);
        if (!inputs_) inputs_ = Memory<T>(batch_ * input.stride);
        input.a = inputs_;
        workers_.over_rows(0, m, 32 * n_[0], [&](int64_t i) {
            T* a = input.a + i * input.stride;
            const T* x = static_cast<const T*>(e.X) + (rows ? rows[first + i] : first + i) * e.x_stride;
            if (e.x_step == 1) std::memcpy(a, x, n_[0] * sizeof(T));
            else for (int64_t k = 0; k < n_[0]; k++) a[k] = x[k * e.x_step];
        });
        return m;
    }

    static double weight_of(const Examples& e, const int64_t* rows, int64_t first, int64_t m) {
        if (!e.weight) return double(m);
        double total = 0;
        for (int64_t i = first; i < first + m; i++) total += e.weight[rows ? rows[i] : i];
        return total;
    }

    static double weigh(const Examples& e, const int64_t* rows, int64_t first, int64_t m) {
        const double total = weight_of(e, rows, first, m);
        return total > 0 ? total : 1;
    }

    void targets(const Examples& e, const int64_t* rows, int64_t first, int64_t m, double total) {
        const int64_t n = n_[L_];
        for (int64_t i = 0; i < m; i++) {
            const int64_t row = rows ? rows[first + i] : first + i;
            share_[i] = T((e.weight ? e.weight[row] : 1.0) / total);
            T* y = y_ + i * n;
            if (e.indices) {
                std::memset(y, 0, n * sizeof(T));
                y[e.indices[row]] = 1;
            } else
                std::memcpy(y, static_cast<const T*>(e.targets) + row * n, n * sizeof(T));
        }
    }

    // a^L of every row, and C where there are targets to have one.
    double pass(const T* theta, const Examples& e, T* out, bool costs) {
        const bool few = e.m <= FEW && e.m <= batch_;
        if (!few) parameters_.take_in_theta(theta);
        const double total = costs ? weigh(e, nullptr, 0, e.m) : 0;
        double C = 0;
        for (int64_t first = 0; first < e.m; first += batch_) {
            const int64_t m = gather(e, nullptr, first, e.m);
            if (costs) targets(e, nullptr, first, m, total);
            over_chunks(m, [&](int64_t i0, int64_t i1) {
                if (few) forward_few(theta, i1);
                else forward_pass(i0, i1, false);
                if (costs) output_costs(i0, i1);
                else outputs(i0, i1);
                for (int64_t i = i0; i < i1; i++) std::memcpy(out + (first + i) * n_[L_], layers_[L_].a + i * layers_[L_].stride, n_[L_] * sizeof(T));
            });
            if (costs) C += total_cost(m);
        }
        return C;
    }

    // As forward_pass, on theta as it lies.
    void forward_few(const T* theta, int64_t m) {
        for (int l = 1; l <= L_; l++) {
            const Layer<T> &layer = layers_[l], &below = layers_[l - 1];
            const T *W = theta + layer.flat_W, *b = theta + layer.flat_b;
            if (l == 1 && stored_.here()) stored_inputs<T>(W, b, layer.n, layer.n_prev, stored_.by_example(), layer.a, layer.stride);
            else weighted_inputs<T>(W, b, layer.n, layer.n_prev, below.a, below.stride, layer.a, layer.stride, m);
            if (l < L_) layer.activate(layer.a, layer.a, nullptr, m * layer.stride);
        }
    }

    // z = a_prev Wᵀ + b and a, σ' of every hidden layer; of the last one z alone, in layers_[L].a.
    void forward_pass(int64_t i0, int64_t i1, bool keep) {
        for (int l = 1; l <= L_; l++) {
            Layer<T> &layer = layers_[l], &below = layers_[l - 1];
            const bool last = l == L_;
            auto panel_of = [&](int64_t p) { return Panel<T>{parameters_.theta() + layer.panel(p), layer.units.width(p) * lanes<T>}; };
            auto epilogue = [&](const T* tile, int64_t first, int rows, int64_t j0, int width) {
                const int wide = width * lanes<T>;
                for (int i = 0; i < rows; i++) {
                    T* a = layer.a + (first + i) * layer.stride + j0;
                    if (last) std::memcpy(a, tile + i * wide, wide * sizeof(T));
                    else layer.activate(tile + i * wide, a, keep ? layer.ds + (first + i) * layer.stride + j0 : nullptr, wide);
                }
            };
            if (l == 1 && stored_.here()) product(layer.units, i0, i1, stored_.by_example(), parameters_.theta() + layer.b, panel_of, epilogue);
            else product(layer.units, i0, i1, n_[l - 1], below.a, below.stride, parameters_.theta() + layer.b, panel_of, epilogue);
            if (!last && keep && dropout(l) > 0) drop(l, i0, i1);
        }
    }

    double dropout(int l) const { return parameters_.trains() && parameters_.rules().dropout ? parameters_.rules().dropout[l - 1] : 0; }

    // The words of this step's dropout masks, by layer, from the batch's first row on: rows of any chunk find theirs.
    void draw_words(int64_t first, int64_t m) {
        int64_t size = 0;
        for (int l = 1; l < L_; l++)
            if (dropout(l) > 0) size += words_of(l, first + m);
        if (size > words_size_) {
            words_ = Memory<uint64_t>(size);
            words_size_ = size;
        }
        first_row_ = first;
        uint64_t* words = words_;
        for (int l = 1; l < L_; l++)
            if (dropout(l) > 0) {
                layers_[l].words = words;
                philox(parameters_.rules().seed, DROPOUT_TAG, uint64_t(step_), uint64_t(l), words, words_of(l, first + m));
                words += words_of(l, first + m);
            }
    }

    int64_t words_of(int l, int64_t rows) const { return (rows * n_[l] + 1) / 2; }

    void drop(int l, int64_t i0, int64_t i1) {
        const Layer<T>& layer = layers_[l];
        const double p = dropout(l), least = std::nearbyint(p * 4294967296.0);
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

    // C of each row from z^L; then a^L takes the place of z^L, and σ' goes to ds.
    void output_costs(int64_t i0, int64_t i1) {
        const Layer<T>& last = layers_[L_];
        const int64_t n = n_[L_];
        workers_.over_rows(i0, i1, OUTPUT_WORK * n, [&](int64_t i) {
            const T *a = last.a + i * last.stride, *y = y_ + i * n;
            if (spec_.canonical) costs_[i] = cost_of_z<T>(spec_, a, y, n) * share_[i];
            output(i);
            if (!spec_.canonical) costs_[i] = cost_of_a<T>(spec_, a, y, n) * share_[i];
        });
    }

    double total_cost(int64_t m) const {
        double C = 0;
        for (int64_t i = 0; i < m; i++) C += costs_[i];
        return C;
    }

    void outputs(int64_t i0, int64_t i1) {
        workers_.over_rows(i0, i1, OUTPUT_WORK * n_[L_], [&](int64_t i) { output(i); });
    }

    void output(int64_t i) {
        const Layer<T>& last = layers_[L_];
        T* a = last.a + i * last.stride;
        if (Act(act_[L_ - 1]) == Act::softmax) softmax<T>(a, a, n_[L_], last.stride);
        else last.activate(a, a, last.ds + i * last.stride, last.stride);
    }

    void output_errors(int64_t i0, int64_t i1) {
        const Layer<T>& last = layers_[L_];
        workers_.over_rows(i0, i1, 8 * n_[L_], [&](int64_t i) {
            T* ds = last.ds + i * last.stride;
            output_error<T>(spec_, last.a + i * last.stride, ds, y_ + i * n_[L_], share_[i], ds, n_[L_]);
            std::memset(ds + n_[L_], 0, (last.stride - n_[L_]) * sizeof(T));
        });
    }

    // BP2 from each layer to the one below, the last first: δ^l in the place of σ' of layer l.
    void errors(int64_t i0, int64_t i1) {
        for (int l = L_; l > 1; l--) error_below(l, i0, i1, layers_[l - 1].ds, layers_[l - 1].stride, layers_[l - 1].ds);
    }

    // BP2: out = ((W^l)ᵀ δ^l), times ds where that is given; rows of out `stride` apart.
    void error_below(int l, int64_t i0, int64_t i1, T* out, int64_t stride, const T* ds) {
        Layer<T>& layer = layers_[l];
        const int64_t n_prev = n_[l - 1];
        auto panel_of = [&](int64_t p) { return Panel<T>{layer.below + layer.inputs.begin(p) * layer.n, layer.inputs.width(p) * lanes<T>}; };
        auto multiply = [&](const T* tile, int64_t first, int rows, int64_t j0, int width) {
            const int64_t wide = width * lanes<T>, have = n_prev - j0 < wide ? n_prev - j0 : wide;
            for (int i = 0; i < rows; i++) {
                T* to = out + (first + i) * stride + j0;
                if (!ds) { std::memcpy(to, tile + i * wide, have * sizeof(T)); continue; }
                const T* by = ds + (first + i) * stride + j0;
                for (int64_t j = 0; j < wide; j += lanes<T>) store<T>(to + j, load<T>(tile + i * wide + j) * load<T>(by + j));
            }
        };
        product(layer.inputs, i0, i1, layer.n, layer.ds, layer.stride, nullptr, panel_of, multiply);
    }

    // BP4, turned: (∂C/∂W^l)ᵀ = a^(l-1) (δ^l)ᵀ, tile by tile to take(place, tile, count); of a sparse a^0 without the rows that
    // are 0 where those are not wanted.
    template <class Take> void weight_gradient(int l, int64_t m, bool zeros, Take&& take) {
        const Layer<T> &layer = layers_[l], &below = layers_[l - 1];
        auto epilogue = [&](T* tile, int64_t i0, int rows, int64_t j0, int width) {
            take(tile_place(layer, i0, j0, width), tile, int64_t(rows) * width * lanes<T>);
        };
        if (l == 1 && stored_.here()) {
            const Lists<T>& A = stored_.by_input();
            const int64_t M = zeros ? A.count : A.n_used;
            return workers_.over_panels(layer.units, M, double(A.stored() + M), [&](int thread, int64_t p, int64_t i0, int64_t i1) {
                stored_panel<T>(A, !zeros, i0, i1, delta_panel(layer, m, thread, p), layer.units.begin(p), layer.units.width(p), nullptr, epilogue);
            });
        }
        workers_.over_panels(layer.units, layer.n_prev, double(layer.n_prev) * m, [&](int thread, int64_t p, int64_t i0, int64_t i1) {
            panel_product<T>(i0, i1, m, below.a, 1, below.stride, delta_panel(layer, m, thread, p), layer.units.begin(p), layer.units.width(p), nullptr, epilogue);
        });
    }

    // BP4 and the update of plain gradient descent in one: (W^l)ᵀ -= η a^(l-1) (δ^l)ᵀ.
    void descend_weights(int l, int64_t m, T rate) {
        const Layer<T> &layer = layers_[l], &below = layers_[l - 1];
        auto place = [&](int64_t i0, int64_t j0, int width) { return parameters_.theta() + tile_place(layer, i0, j0, width); };
        workers_.over_panels(layer.units, layer.n_prev, double(layer.n_prev) * m, [&](int thread, int64_t p, int64_t i0, int64_t i1) {
            panel_sum<T>(i0, i1, m, below.a, 1, below.stride, delta_panel(layer, m, thread, p), layer.units.begin(p), layer.units.width(p), -rate, place);
        });
    }

    static int64_t tile_place(const Layer<T>& layer, int64_t i0, int64_t j0, int width) { return layer.W + j0 * layer.n_prev + i0 * width * lanes<T>; }

    // Panel p of δ^l, as it lies or packed.
    Panel<T> delta_panel(const Layer<T>& layer, int64_t m, int thread, int64_t p) {
        const Panel<T> lying{layer.ds + layer.units.begin(p), layer.stride};
        if (layer.stride * int64_t(sizeof(T)) <= FAR_APART) return lying;
        T* packed = panels_ + thread * batch_ * widest<T>;
        pack<T>(lying.B, layer.stride, m, layer.units.width(p), packed);
        return {packed, layer.units.width(p) * lanes<T>};
    }

    // BP3: ∂C/∂b^l = Σ δ^l over the examples.
    void bias_gradient(int l, int64_t m, T* db) {
        const Layer<T>& layer = layers_[l];
        const int64_t vectors = layer.stride / lanes<T>;
        const int threads = workers_.threads_for(8.0 * m * layer.n);
        workers_.share_out(threads, [&](int t) {
            int64_t v = vectors * t / threads;
            const int64_t end = vectors * (t + 1) / threads;
            for (; v + 4 <= end; v += 4) sum_columns<4>(layer, m, v * lanes<T>, db);
            for (; v < end; v++) sum_columns<1>(layer, m, v * lanes<T>, db);
        });
    }

    template <int NV> static void sum_columns(const Layer<T>& layer, int64_t m, int64_t j, T* db) {
        Vec<T> sum[NV] = {};
        const T* delta = layer.ds + j;
        for (int64_t i = 0; i < m; i++, delta += layer.stride)
UNROLL(4)
            for (int v = 0; v < NV; v++) sum[v] += load<T>(delta + v * lanes<T>);
        for (int v = 0; v < NV; v++) store<T>(db + j + v * lanes<T>, sum[v]);
    }

    void parameter_gradients(int l, int64_t m) {
        weight_gradient(l, m, true, [&](int64_t place, const T* tile, int64_t count) { std::memcpy(parameters_.grad() + place, tile, count * sizeof(T)); });
        bias_gradient(l, m, parameters_.grad() + layers_[l].b);
    }

    // BP3 and BP4 with the update at the end of each tile, so that no gradient is written and read again.
    void update_from(int64_t m, const Stepped<T>& stepped) {
        const bool plain = parameters_.plain();
        for (int l = 1; l <= L_; l++) {
            const Layer<T>& layer = layers_[l];
            if (plain && !(l == 1 && stored_.here())) descend_weights(l, m, stepped.rate);
            else weight_gradient(l, m, !plain, [&](int64_t place, T* tile, int64_t count) { parameters_.move(stepped, place, tile, count, true); });
            T* db = parameters_.grad() + layer.b;
            bias_gradient(l, m, db);
            parameters_.move(stepped, layer.b, db, layer.stride, false);
        }
    }

    // More than any element of BP3 and BP4 can be; NaN or Inf where an a or a δ is. (The cost is finite, so no a is NaN.)
    double gradient_bound(int64_t m) {
        int64_t numbers = 0;
        for (int l = 0; l <= L_; l++) numbers += 2 * m * layers_[l].stride;
        const int threads = workers_.threads_for(4.0 * numbers);
        workers_.share_out(threads, [&](int t) {
            const int64_t first = m * t / threads, count = m * (t + 1) / threads - first;
            for (int l = 1; l <= L_; l++) {
                const double a = largest_a(l - 1, first, count), d = largest<T>(layers_[l].ds + first * layers_[l].stride, count * layers_[l].stride);
                bounds_[t * (L_ + 1) + l] = double(m) * d * (a > 1 ? a : 1);
            }
        });
        double most = 0;
        for (int t = 0; t < threads; t++)
            for (int l = 1; l <= L_; l++)
                if (!(bounds_[t * (L_ + 1) + l] <= most)) most = bounds_[t * (L_ + 1) + l];
        return most;
    }

    double largest_a(int l, int64_t first, int64_t count) const {
        if (!l && stored_.here()) return stored_.largest_number();
        if (l && IS_BOUNDED[act_[l - 1]]) return 1 / (1 - dropout(l));
        return largest<T>(layers_[l].a + first * layers_[l].stride, count * layers_[l].stride);
    }

    int64_t batch_;
    int L_;
    Workers workers_;
    Memory<int64_t> n_;
    Memory<int> act_;
    Memory<Layer<T>> layers_;
    Spec spec_;
    Parameters<T> parameters_;
    Memory<T> rows_, share_, y_, panels_;  // the layers' buffers; each example's share of the mean; targets; δ packed, per thread
    Memory<double> costs_, bounds_;
    Memory<T> inputs_, sum_;               // a^0, and the sum of the gradients of a batch's parts: made when they are needed
    Memory<uint64_t> words_;
    int64_t words_size_ = 0, step_ = 0, first_row_ = 0;
    Stored<T> stored_;                     // a^0 of a sparse batch
};

}  // namespace

namespace deltaprop::INSTRUCTION_SET {

static Plan* make_plan(const Spec& spec, int64_t batch, bool is_double, int threads) {
    if (is_double) return new NativePlan<double>(spec, batch, threads);
    return new NativePlan<float>(spec, batch, threads);
}

static void activate(int act, bool is_double, const void* z, void* a, void* dsigma, int64_t count) {
    auto run = [&]<class T>(T*) { activate_any(activation<T>(act), static_cast<const T*>(z), static_cast<T*>(a), static_cast<T*>(dsigma), count); };
    if (is_double) run(static_cast<double*>(a));
    else run(static_cast<float*>(a));
}

template <int count> static constexpr Names names(const char* const (&of)[count]) { return {of, count}; }

#define TEXT(x) #x
#define NAME_OF(set) TEXT(set)
const Core core{NAME_OF(INSTRUCTION_SET), names(ACTIVATION_NAMES), names(COST_NAMES), names(RULE_NAMES), slots_of, make_plan, activate};

}  // namespace deltaprop::INSTRUCTION_SET
