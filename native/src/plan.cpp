// A plan: the buffers of one network, and forward, BP1..BP4 and the update on them. Compiled once per instruction set;
// INSTRUCTION_SET names the namespace, and everything else is local to the file, so that no two compilations mix.
//
// Rows are examples. a, z, σ' and δ of a layer are (m x stride), the stride a whole number of vectors; what lies beyond the
// layer's width is never read as a result. W is read as it lies in theta for BP2, and turned, in panels, for forward.
#include "cost.hpp"
#include "few.hpp"
#include "layout.hpp"
#include "sparse.hpp"
#include "update.hpp"
#include <initializer_list>

#ifndef INSTRUCTION_SET
#error "compile with -DINSTRUCTION_SET=avx512, avx2 or base"
#endif

namespace {
using namespace deltaprop;

constexpr uint64_t DROPOUT_TAG = 0x64726F70;
constexpr int64_t RUN = 4096;                // parameters per piece of the update: sums are over pieces, in order
constexpr double SAFE = 1e36;                // bounds below it are of numbers that float can hold
constexpr int64_t FAR_APART = 1024;          // bytes between the rows of δ above which BP4 packs them first
constexpr int64_t OUTPUT_WORK = 100;         // operations that σ, C and their logarithms take per output, about
constexpr double WORTH_A_THREAD = 1.5e6;     // operations in a product below which one thread is quicker

template <class T> T* numbers(int64_t count) { return static_cast<T*>(allocate(count * int64_t(sizeof(T)) + 64)); }

template <class T> class NativePlan final : public Plan {
public:
    NativePlan(const Spec& s, int64_t batch, int threads) : NativePlan(s, batch, threads, Empty{}) {  // so that a failure here releases
        n_ = static_cast<int64_t*>(allocate((L_ + 1) * sizeof(int64_t)));
        act_ = static_cast<int*>(allocate(L_ * sizeof(int)));
        std::memcpy(n_, s.n, (L_ + 1) * sizeof(int64_t));
        std::memcpy(act_, s.act, L_ * sizeof(int));
        spec_.n = n_;
        spec_.act = act_;
        layers_ = static_cast<Layer*>(allocate((L_ + 1) * sizeof(Layer)));
        lay_out();
        for (int l = 0; l <= L_; l++) {
            layers_[l].a = l ? numbers<T>(batch_ * layers_[l].stride) : nullptr;  // a^0 when dense rows come
            layers_[l].ds = l ? numbers<T>(batch_ * layers_[l].stride) : nullptr;
            layers_[l].below = l ? numbers<T>(layers_[l].inputs.vectors * lanes<T> * n_[l]) : nullptr;
        }
        y_ = numbers<T>(batch_ * n_[L_]);
        share_ = numbers<T>(batch_);
        costs_ = static_cast<double*>(allocate(batch_ * sizeof(double)));
        bounds_ = static_cast<double*>(allocate((L_ + 1) * sizeof(double)));
        theta_ = numbers<T>(total_);
        grad_ = numbers<T>(total_);
        sums_ = static_cast<double*>(allocate((total_ / RUN + 3) * sizeof(double)));
        panel_size_ = batch_ * widest<T>;
        panels_ = numbers<T>(panel_size_ * threads_);
    }

    ~NativePlan() override {
        for (int l = 0; layers_ && l <= L_; l++)
            for (T* p : {layers_[l].a, layers_[l].ds, layers_[l].below}) release(p);
        for (T* p : {y_, share_, theta_, grad_, slots_[0], slots_[1], sum_, panels_, kept_[0], kept_[1], kept_[2]}) release(p);
        for (void* p : {(void*)n_, (void*)act_, (void*)layers_, (void*)sums_, (void*)costs_, (void*)bounds_, (void*)words_}) release(p);
    }

    void forward(const void* theta, const Examples& e, void* out) override { pass(static_cast<const T*>(theta), e, static_cast<T*>(out), false); }

    double evaluate(const void* theta, const Examples& e, void* out) override { return pass(static_cast<const T*>(theta), e, static_cast<T*>(out), true); }

    double gradients(const void* theta, const Examples& e, void* grad, void* dX) override {
        take_in_theta(theta);
        refresh_below(dX ? 1 : 2);
        const double C = batch_gradient(e, nullptr, e.m, grad != nullptr, static_cast<T*>(dX));
        if (grad) give_back_all(grad_, static_cast<T*>(grad));
        return C;
    }

    int64_t train(void* theta, void* const* slots, const Rules& rules, const Examples& e, const Steps& steps) override {
        take_in_theta(theta);
        refresh_below(2);
        for (int i = 0; i < 2; i++)
            if (slots[i]) {
                if (!slots_[i]) slots_[i] = numbers<T>(total_);
                take_in_all(static_cast<const T*>(slots[i]), slots_[i]);
            }
        int64_t done = 0;
        {
            struct Ruled {
                const Rules*& of;
                ~Ruled() { of = nullptr; }  // also where memory runs out in the middle of a step
            } ruled{rules_ = &rules};
            reach_ = measured_reach();
            while (done < steps.count && one_step(e, steps, done)) done++;
        }
        give_back_all(theta_, static_cast<T*>(theta));
        for (int i = 0; i < 2; i++)
            if (slots[i]) give_back_all(slots_[i], static_cast<T*>(slots[i]));
        return done;
    }

private:
    struct Empty {};
    NativePlan(const Spec& s, int64_t batch, int threads, Empty) : spec_(s), batch_(batch), threads_(threads), L_(s.L) {}

    struct Layer : LayerLayout<T> {
        T *a, *ds;             // σ(z), of the last layer first z itself; σ', and later δ in its place
        T* below;              // W in panels for BP2
        Activate<T> activate;
    };

    void lay_out() {
        int64_t flat = 0, here = 0;
        for (int l = 0; l <= L_; l++) {
            Layer& layer = layers_[l];
            layer.n = n_[l];
            layer.n_prev = l ? n_[l - 1] : 0;
            layer.stride = round_up(n_[l], lanes<T>);
            if (!l) continue;
            layer.units = Panels<T>(layer.n);
            layer.inputs = Panels<T>(layer.n_prev);
            layer.activate = activation<T>(act_[l - 1]);
            layer.flat_W = flat;
            layer.W = here;
            flat += layer.n * layer.n_prev;
            here += layer.stride * layer.n_prev;
        }
        n_weights_ = here;
        for (int l = 1; l <= L_; l++) {
            layers_[l].flat_b = flat;
            layers_[l].b = here;
            flat += n_[l];
            here += layers_[l].stride;
        }
        total_ = here;
    }

    // One whole step, or nothing: false where its cost, its gradient or its update is not finite.
    bool one_step(const Examples& e, const Steps& steps, int64_t s) {
        const int64_t* rows = steps.order + steps.bounds[s];
        const int64_t m = steps.bounds[s + 1] - steps.bounds[s];
        step_ = steps.first + s;
        const bool taken = m <= batch_ && rules_->clip_norm < 0 ? fused_step(e, rows, m, steps.rates[s], &steps.costs[s])
                                                                           : plain_step(e, rows, m, steps.rates[s], &steps.costs[s]);
        if (taken) refresh_below(2);
        return taken;
    }

    // All errors first, and from their size whether the gradient can be anything but finite; then BP4 with the update.
    bool fused_step(const Examples& e, const int64_t* rows, int64_t m, double rate, double* cost) {
        gather(e, rows, 0, m);
        targets(e, rows, 0, m, weigh(e, rows, 0, m));
        first_row_ = 0;
        forward_pass(m, true);
        const double C = output_costs(m);
        if (!std::isfinite(C)) return false;
        output_errors(m);
        errors(m);
        const Stepped<T> stepped(*rules_, rate, step_ + 1, 1);
        const Reach next = reach_.after(*rules_, stepped.rate, stepped.keep, gradient_bound(m));
        if (!next.within(SAFE)) {
            for (int l = 1; l <= L_; l++) parameter_gradients(l, m);
            return checked_update(rate, C, cost);
        }
        update_from(m, stepped);
        reach_ = next;
        *cost = C;
        return true;
    }

    bool plain_step(const Examples& e, const int64_t* rows, int64_t m, double rate, double* cost) {
        const double C = batch_gradient(e, rows, m, true, nullptr);
        return std::isfinite(C) && checked_update(rate, C, cost);
    }

    // The step's update from grad_: taken if the gradient is finite, and all that it moves stays so.
    bool checked_update(double rate, double C, double* cost) {
        double shrink = 1, most = 0;
        if (!finish_gradient(&shrink, &most)) return false;
        const Stepped<T> stepped(*rules_, rate, step_ + 1, shrink);
        const Reach next = reach_.after(*rules_, stepped.rate, stepped.keep, most * shrink);
        const bool sure = next.within(SAFE);
        if (!sure) keep_parameters();
        over_runs([&](int64_t begin, int64_t end, int64_t, bool weights) {
            update<T>(*rules_, stepped, theta_ + begin, grad_ + begin, slot(0, begin), slot(1, begin), end - begin, weights);
        });
        reach_ = sure ? next : measured_reach();
        if (!sure && !reach_.within(HUGE_VAL)) {
            restore_parameters();
            return false;
        }
        *cost = C;
        return true;
    }

    Reach measured_reach() const {
        Reach found;
        found.theta = largest<T>(theta_, total_);
        for (int i = 0; i < 2; i++) found.slots[i] = slots_[i] ? double(largest<T>(slots_[i], total_)) : 0;
        return found;
    }

    // Theta and the optimiser's vectors put aside before a step that may overflow, and put back after one that did.
    void keep_parameters() {
        for (int i = 0; i < 3; i++)
            if (const T* from = i ? slots_[i - 1] : theta_) {
                if (!kept_[i]) kept_[i] = numbers<T>(total_);
                std::memcpy(kept_[i], from, total_ * sizeof(T));
            }
    }

    void restore_parameters() {
        for (int i = 0; i < 3; i++)
            if (T* to = i ? slots_[i - 1] : theta_) std::memcpy(to, kept_[i], total_ * sizeof(T));
        reach_ = measured_reach();
    }

    // C of these rows and its gradient in grad_ (and towards the inputs in dX); what is longer than planned goes in parts.
    double batch_gradient(const Examples& e, const int64_t* rows, int64_t m, bool parameters, T* dX) {
        const double total = weigh(e, rows, 0, m);
        if (m > batch_ && parameters) {
            if (!sum_) sum_ = numbers<T>(total_);
            std::memset(sum_, 0, total_ * sizeof(T));
        }
        double C = 0;
        for (int64_t first = 0; first < m; first += batch_) {
            const int64_t part = gather(e, rows, first, m);
            targets(e, rows, first, part, total);
            first_row_ = first;
            forward_pass(part, true);
            C += output_costs(part);
            output_errors(part);
            errors(part);
            for (int l = 1; l <= L_ && parameters; l++) parameter_gradients(l, part);
            if (m > batch_ && parameters) for (int64_t i = 0; i < total_; i++) sum_[i] += grad_[i];
            if (dX) error_below(1, part, dX + first * n_[0], n_[0], nullptr);
        }
        if (m > batch_ && parameters) std::memcpy(grad_, sum_, total_ * sizeof(T));
        return C;
    }

    template <class Work> void share_out(int threads, Work&& work) {
        if (threads <= 1) return work(0);
        struct Context { Work* work; } context{&work};
        parallel(threads, [](void* c, int t) { (*static_cast<Context*>(c)->work)(t); }, &context);
    }

    int threads_for(double operations) const {
        const double worth = operations / WORTH_A_THREAD;
        return worth < 2 || threads_ < 2 ? 1 : worth < threads_ ? int(worth) : threads_;
    }

    // work(thread, p, i0, i1) over all panels of a product of M rows, and over parts of its rows if need be; `terms` are added
    // up for each column.
    template <class Work> void over_panels(const Panels<T>& cut, int64_t M, double terms, Work&& work) {
        const int threads = threads_for(2 * terms * cut.n);
        const int64_t chunks = cut.count % threads ? threads : 1, tasks = cut.count * chunks;
        share_out(threads, [&](int thread) {
            for (int64_t task = tasks * thread / threads; task < tasks * (thread + 1) / threads; task++) {
                const int64_t c = task % chunks;
                work(thread, task / chunks, M * c / chunks, M * (c + 1) / chunks);
            }
        });
    }

    // C (m x N) = start + A B, rows of A some stride apart; `panel_of(p)` gives panel p of B.
    template <class PanelOf, class Epilogue>
    void product(const Panels<T>& cut, int64_t m, int64_t K, const T* A, int64_t stride, const T* start, PanelOf&& panel_of, Epilogue&& epilogue) {
        over_panels(cut, m, double(m) * K, [&](int, int64_t p, int64_t i0, int64_t i1) {
            panel_product<T>(i0, i1, K, A, stride, 1, panel_of(p), cut.begin(p), cut.width(p), start, epilogue);
        });
    }

    // The same with A by its stored numbers.
    template <class PanelOf, class Epilogue>
    void product(const Panels<T>& cut, const Lists<T>& A, const T* start, PanelOf&& panel_of, Epilogue&& epilogue) {
        over_panels(cut, A.count, double(A.stored() + A.count), [&](int, int64_t p, int64_t i0, int64_t i1) {
            stored_panel<T>(A, false, i0, i1, panel_of(p), cut.begin(p), cut.width(p), start, epilogue);
        });
    }

    // work(row) over rows that cost so many operations each.
    template <class Work> void over_rows(int64_t m, int64_t operations, Work&& work) {
        const int threads = threads_for(double(m) * operations);
        share_out(threads, [&](int t) {
            for (int64_t i = m * t / threads; i < m * (t + 1) / threads; i++) work(i);
        });
    }

    // work(layer, first vector of units, end) over all vectors of units of layers first..L.
    template <class Work> void over_units(int first, Work&& work) {
        for (int l = first; l <= L_; l++) {
            const Layer& layer = layers_[l];
            const int threads = threads_for(8.0 * layer.n * layer.n_prev);
            share_out(threads, [&](int t) { work(layer, layer.units.vectors * t / threads, layer.units.vectors * (t + 1) / threads); });
        }
    }

    void take_in_theta(const void* theta) { take_in_all(static_cast<const T*>(theta), theta_); }

    void take_in_all(const T* flat, T* store) {
        over_units(1, [&](const Layer& l, int64_t v, int64_t end) { take_in<T>(l, flat, store, v, end); });
        for (int l = 1; l <= L_; l++) std::memcpy(store + layers_[l].b, flat + layers_[l].flat_b, n_[l] * sizeof(T));
    }

    void give_back_all(const T* store, T* flat) {
        over_units(1, [&](const Layer& l, int64_t v, int64_t end) { give_back<T>(l, store, flat, v, end); });
        for (int l = 1; l <= L_; l++) std::memcpy(flat + layers_[l].flat_b, store + layers_[l].b, n_[l] * sizeof(T));
    }

    // W for BP2, of layers first..L: layer 1 needs it only for the gradient towards the inputs.
    void refresh_below(int first) {
        over_units(first, [&](const Layer& l, int64_t v, int64_t end) { for_bp2<T>(l, theta_, l.below, v, end); });
    }

    int64_t gather(const Examples& e, const int64_t* rows, int64_t first, int64_t end) {
        const int64_t m = end - first < batch_ ? end - first : batch_;
        Layer& input = layers_[0];
        stored_.leave();
        if (e.starts) {
            stored_.gather(e, rows, first, m, batch_, n_[0]);
            return m;
        }
        if (!input.a) input.a = numbers<T>(batch_ * input.stride);
        over_rows(m, 8 * n_[0], [&](int64_t i) {
            T* a = input.a + i * input.stride;
            const T* x = static_cast<const T*>(e.X) + (rows ? rows[first + i] : first + i) * e.x_stride;
            if (e.x_step == 1) std::memcpy(a, x, n_[0] * sizeof(T));
            else for (int64_t k = 0; k < n_[0]; k++) a[k] = x[k * e.x_step];
        });
        return m;
    }

    static double weigh(const Examples& e, const int64_t* rows, int64_t first, int64_t m) {
        if (!e.weight) return double(m);
        double total = 0;
        for (int64_t i = first; i < first + m; i++) total += e.weight[rows ? rows[i] : i];
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
        if (!few) take_in_theta(theta);
        const double total = costs ? weigh(e, nullptr, 0, e.m) : 0;
        double C = 0;
        for (int64_t first = 0; first < e.m; first += batch_) {
            const int64_t m = gather(e, nullptr, first, e.m);
            if (costs) targets(e, nullptr, first, m, total);
            if (few) forward_few(theta, m);
            else forward_pass(m, false);
            if (costs) C += output_costs(m);
            else outputs(m);
            copy_outputs(m, out + first * n_[L_]);
        }
        return C;
    }

    // As forward_pass, on theta as it lies.
    void forward_few(const T* theta, int64_t m) {
        for (int l = 1; l <= L_; l++) {
            const Layer &layer = layers_[l], &below = layers_[l - 1];
            const T *W = theta + layer.flat_W, *b = theta + layer.flat_b;
            if (l == 1 && stored_.here()) stored_inputs<T>(W, b, layer.n, layer.n_prev, stored_.by_example(), layer.a, layer.stride);
            else weighted_inputs<T>(W, b, layer.n, layer.n_prev, below.a, below.stride, layer.a, layer.stride, m);
            if (l < L_) layer.activate(layer.a, layer.a, nullptr, m * layer.stride);
        }
    }

    // z = a_prev Wᵀ + b and a, σ' of every hidden layer; of the last one z alone, in layers_[L].a.
    void forward_pass(int64_t m, bool keep) {
        for (int l = 1; l <= L_; l++) {
            Layer &layer = layers_[l], &below = layers_[l - 1];
            const bool last = l == L_;
            auto panel_of = [&](int64_t p) { return Panel<T>{theta_ + layer.panel(p), layer.units.width(p) * lanes<T>}; };
            auto epilogue = [&](const T* tile, int64_t i0, int rows, int64_t j0, int width) {
                const int wide = width * lanes<T>;
                for (int i = 0; i < rows; i++) {
                    T* a = layer.a + (i0 + i) * layer.stride + j0;
                    if (last) std::memcpy(a, tile + i * wide, wide * sizeof(T));
                    else layer.activate(tile + i * wide, a, keep ? layer.ds + (i0 + i) * layer.stride + j0 : nullptr, wide);
                }
            };
            if (l == 1 && stored_.here()) product(layer.units, stored_.by_example(), theta_ + layer.b, panel_of, epilogue);
            else product(layer.units, m, n_[l - 1], below.a, below.stride, theta_ + layer.b, panel_of, epilogue);
            if (!last && keep && rules_ && rules_->dropout && rules_->dropout[l - 1] > 0) drop(l, m);
        }
    }

    void drop(int l, int64_t m) {
        const int64_t n = n_[l], before = first_row_ * n, words = (before + n * m + 1) / 2;
        if (words > words_size_) {
            release(words_);
            words_ = nullptr;
            words_ = static_cast<uint64_t*>(allocate(words * 8));
            words_size_ = words;
        }
        philox(rules_->seed, DROPOUT_TAG, uint64_t(step_), uint64_t(l), words_, words);
        const double p = rules_->dropout[l - 1], least = std::nearbyint(p * 4294967296.0);
        const uint32_t threshold = least > 4294967295.0 ? 4294967295u : uint32_t(least);
        const T kept = T(1 / (1 - p));
        for (int64_t i = 0; i < m; i++)
            for (int64_t j = 0; j < n; j++) {
                const int64_t k = before + i * n + j;
                const T factor = uint32_t(words_[k / 2] >> (k % 2 * 32)) >= threshold ? kept : T(0);
                layers_[l].a[i * layers_[l].stride + j] *= factor;
                layers_[l].ds[i * layers_[l].stride + j] *= factor;
            }
    }

    // C of the batch from z^L; then a^L takes the place of z^L, and σ' goes to ds.
    double output_costs(int64_t m) {
        const Layer& last = layers_[L_];
        const int64_t n = n_[L_];
        over_rows(m, OUTPUT_WORK * n, [&](int64_t i) {
            const T *a = last.a + i * last.stride, *y = y_ + i * n;
            if (spec_.canonical) costs_[i] = cost_of_z<T>(spec_, a, y, n) * share_[i];
            output(i);
            if (!spec_.canonical) costs_[i] = cost_of_a<T>(spec_, a, y, n) * share_[i];
        });
        double C = 0;
        for (int64_t i = 0; i < m; i++) C += costs_[i];
        return C;
    }

    void outputs(int64_t m) {
        over_rows(m, OUTPUT_WORK * n_[L_], [&](int64_t i) { output(i); });
    }

    void output(int64_t i) {
        const Layer& last = layers_[L_];
        T* a = last.a + i * last.stride;
        if (Act(act_[L_ - 1]) == Act::softmax) softmax<T>(a, a, n_[L_], last.stride);
        else last.activate(a, a, last.ds + i * last.stride, last.stride);
    }

    void output_errors(int64_t m) {
        const Layer& last = layers_[L_];
        over_rows(m, 8 * n_[L_], [&](int64_t i) {
            T* ds = last.ds + i * last.stride;
            output_error<T>(spec_, last.a + i * last.stride, ds, y_ + i * n_[L_], share_[i], ds, n_[L_]);
            std::memset(ds + n_[L_], 0, (last.stride - n_[L_]) * sizeof(T));
        });
    }

    // BP2 from each layer to the one below, the last first: δ^l in the place of σ' of layer l.
    void errors(int64_t m) {
        for (int l = L_; l > 1; l--) error_below(l, m, layers_[l - 1].ds, layers_[l - 1].stride, layers_[l - 1].ds);
    }

    // BP2: out = ((W^l)ᵀ δ^l), times ds where that is given; rows of out `stride` apart.
    void error_below(int l, int64_t m, T* out, int64_t stride, const T* ds) {
        Layer& layer = layers_[l];
        const int64_t n_prev = n_[l - 1];
        auto panel_of = [&](int64_t p) { return Panel<T>{layer.below + layer.inputs.begin(p) * layer.n, layer.inputs.width(p) * lanes<T>}; };
        auto multiply = [&](const T* tile, int64_t i0, int rows, int64_t j0, int width) {
            const int64_t wide = width * lanes<T>, have = n_prev - j0 < wide ? n_prev - j0 : wide;
            for (int i = 0; i < rows; i++) {
                T* to = out + (i0 + i) * stride + j0;
                if (!ds) { std::memcpy(to, tile + i * wide, have * sizeof(T)); continue; }
                const T* by = ds + (i0 + i) * stride + j0;
                for (int64_t j = 0; j < wide; j += lanes<T>) store<T>(to + j, load<T>(tile + i * wide + j) * load<T>(by + j));
            }
        };
        product(layer.inputs, m, layer.n, layer.ds, layer.stride, nullptr, panel_of, multiply);
    }

    // BP4, turned: (∂C/∂W^l)ᵀ = a^(l-1) (δ^l)ᵀ, tile by tile to take(place, tile, count); of a sparse a^0 without the rows that
    // are 0 where those are not wanted.
    template <class Take> void weight_gradient(int l, int64_t m, bool zeros, Take&& take) {
        const Layer &layer = layers_[l], &below = layers_[l - 1];
        auto epilogue = [&](T* tile, int64_t i0, int rows, int64_t j0, int width) {
            take(tile_place(layer, i0, j0, width), tile, int64_t(rows) * width * lanes<T>);
        };
        if (l == 1 && stored_.here()) {
            const Lists<T>& A = stored_.by_input();
            const int64_t M = zeros ? A.count : A.n_used;
            return over_panels(layer.units, M, double(A.stored() + M), [&](int thread, int64_t p, int64_t i0, int64_t i1) {
                stored_panel<T>(A, !zeros, i0, i1, delta_panel(layer, m, thread, p), layer.units.begin(p), layer.units.width(p), nullptr, epilogue);
            });
        }
        over_panels(layer.units, layer.n_prev, double(layer.n_prev) * m, [&](int thread, int64_t p, int64_t i0, int64_t i1) {
            panel_product<T>(i0, i1, m, below.a, 1, below.stride, delta_panel(layer, m, thread, p), layer.units.begin(p), layer.units.width(p), nullptr, epilogue);
        });
    }

    // BP4 and the update of plain gradient descent in one: (W^l)ᵀ -= η a^(l-1) (δ^l)ᵀ.
    void descend_weights(int l, int64_t m, T rate) {
        const Layer &layer = layers_[l], &below = layers_[l - 1];
        auto place = [&](int64_t i0, int64_t j0, int width) { return theta_ + tile_place(layer, i0, j0, width); };
        over_panels(layer.units, layer.n_prev, double(layer.n_prev) * m, [&](int thread, int64_t p, int64_t i0, int64_t i1) {
            panel_sum<T>(i0, i1, m, below.a, 1, below.stride, delta_panel(layer, m, thread, p), layer.units.begin(p), layer.units.width(p), -rate, place);
        });
    }

    static int64_t tile_place(const Layer& layer, int64_t i0, int64_t j0, int width) { return layer.W + j0 * layer.n_prev + i0 * width * lanes<T>; }

    // Panel p of δ^l, as it lies or packed.
    Panel<T> delta_panel(const Layer& layer, int64_t m, int thread, int64_t p) {
        const Panel<T> lying{layer.ds + layer.units.begin(p), layer.stride};
        if (layer.stride * int64_t(sizeof(T)) <= FAR_APART) return lying;
        T* packed = panels_ + thread * panel_size_;
        pack<T>(lying.B, layer.stride, m, layer.units.width(p), packed);
        return {packed, layer.units.width(p) * lanes<T>};
    }

    // BP3: ∂C/∂b^l = Σ δ^l over the examples.
    void bias_gradient(int l, int64_t m, T* db) {
        const Layer& layer = layers_[l];
        const int64_t vectors = layer.stride / lanes<T>;
        const int threads = threads_for(8.0 * m * layer.n);
        share_out(threads, [&](int t) {
            int64_t v = vectors * t / threads;
            const int64_t end = vectors * (t + 1) / threads;
            for (; v + 4 <= end; v += 4) sum_columns<4>(layer, m, v * lanes<T>, db);
            for (; v < end; v++) sum_columns<1>(layer, m, v * lanes<T>, db);
        });
    }

    template <int NV> static void sum_columns(const Layer& layer, int64_t m, int64_t j, T* db) {
        Vec<T> sum[NV] = {};
        const T* delta = layer.ds + j;
        for (int64_t i = 0; i < m; i++, delta += layer.stride)
#pragma GCC unroll 4
            for (int v = 0; v < NV; v++) sum[v] += load<T>(delta + v * lanes<T>);
        for (int v = 0; v < NV; v++) store<T>(db + j + v * lanes<T>, sum[v]);
    }

    void parameter_gradients(int l, int64_t m) {
        weight_gradient(l, m, true, [&](int64_t place, const T* tile, int64_t count) { std::memcpy(grad_ + place, tile, count * sizeof(T)); });
        bias_gradient(l, m, grad_ + layers_[l].b);
    }

    // BP3 and BP4 with the update at the end of each tile, so that no gradient is written and read again.
    void update_from(int64_t m, const Stepped<T>& stepped) {
        const bool penalty = rules_->l1 != 0 || rules_->l2 != 0;
        auto move_part = [&](int64_t place, const T* g, int64_t count, bool weights) {
            update<T>(*rules_, stepped, theta_ + place, g, slot(0, place), slot(1, place), count, weights);
        };
        const bool plain = Rule(rules_->rule) == Rule::sgd && rules_->momentum == 0 && rules_->decay == 0 && !penalty;  // a gradient of 0 moves nothing
        for (int l = 1; l <= L_; l++) {
            if (plain && !(l == 1 && stored_.here())) descend_weights(l, m, stepped.rate);
            else weight_gradient(l, m, !plain, [&](int64_t place, T* tile, int64_t count) {
                if (penalty) penalise(theta_ + place, tile, count);
                move_part(place, tile, count, true);
            });
            T* db = grad_ + layers_[l].b;
            bias_gradient(l, m, db);
            move_part(layers_[l].b, db, layers_[l].stride, false);
        }
    }

    T* slot(int i, int64_t place) const { return slots_[i] ? slots_[i] + place : nullptr; }

    void penalise(const T* w, T* g, int64_t count) const {
        const T l1 = T(rules_->l1), l2 = T(rules_->l2);
        for (int64_t i = 0; i < count; i++) g[i] += l2 * w[i] + (w[i] > 0 ? l1 : w[i] < 0 ? -l1 : T(0));
    }

    // More than any element of BP3, BP4 and the penalties' gradient can be; NaN or Inf where an a or a δ is.
    double gradient_bound(int64_t m) {
        int64_t numbers = 0;
        for (int l = 0; l <= L_; l++) numbers += 2 * m * layers_[l].stride;
        const int threads = threads_for(4.0 * numbers);
        share_out(threads, [&](int t) {
            for (int l = 1 + t; l <= L_; l += threads) {
                const bool stored = l == 1 && stored_.here();
                const double a = stored ? stored_.largest_number() : largest<T>(layers_[l - 1].a, m * layers_[l - 1].stride);
                const double d = largest<T>(layers_[l].ds, m * layers_[l].stride);
                bounds_[l] = double(m) * d * (a > 1 ? a : 1);
            }
        });
        double most = 0;
        for (int l = 1; l <= L_; l++)
            if (!(bounds_[l] <= most)) most = bounds_[l];
        return most + rules_->l2 * reach_.theta + rules_->l1;
    }

    void copy_outputs(int64_t m, T* out) {
        for (int64_t i = 0; i < m; i++) std::memcpy(out + i * n_[L_], layers_[L_].a + i * layers_[L_].stride, n_[L_] * sizeof(T));
    }

    // work(begin, end, number, are weights) over runs of the plan's layout that never mix weights and biases.
    template <class Work> void over_runs(Work&& work) {
        const int64_t of_weights = (n_weights_ + RUN - 1) / RUN, runs = of_weights + (total_ - n_weights_ + RUN - 1) / RUN;
        const int threads = threads_for(8.0 * total_);
        share_out(threads, [&](int t) {
            for (int64_t r = runs * t / threads; r < runs * (t + 1) / threads; r++) {
                const bool weights = r < of_weights;
                const int64_t begin = weights ? r * RUN : n_weights_ + (r - of_weights) * RUN, stop = weights ? n_weights_ : total_;
                work(begin, begin + RUN < stop ? begin + RUN : stop, r, weights);
            }
        });
    }

    // Add the penalties' gradient; whether all of it is finite; how much clipping shrinks it, and its largest element.
    bool finish_gradient(double* shrink, double* most) {
        const bool penalty = rules_->l1 != 0 || rules_->l2 != 0, clip = rules_->clip_norm >= 0;
        over_runs([&](int64_t begin, int64_t end, int64_t run, bool weights) {
            if (penalty && weights) penalise(theta_ + begin, grad_ + begin, end - begin);
            double sum = 0;
            if (clip) for (int64_t i = begin; i < end; i++) sum += double(grad_[i]) * double(grad_[i]);
            sums_[run] = sum;
        });
        const int64_t runs = (n_weights_ + RUN - 1) / RUN + (total_ - n_weights_ + RUN - 1) / RUN;
        double square = 0;
        for (int64_t run = 0; run < runs; run++) square += sums_[run];
        *most = largest<T>(grad_, total_);
        if (!std::isfinite(*most)) return false;
        const double norm = clip ? length(square) : 0;
        if (clip && norm > rules_->clip_norm) *shrink = rules_->clip_norm / norm;
        return true;
    }

    // ‖gradient‖ from the sum of its squares, or anew where that overflowed or vanished.
    double length(double square) const {
        if (square > 1e-280 && square < 1e280) return std::sqrt(square);
        double top = 0, sum = 0;
        for (int64_t i = 0; i < total_; i++) top = std::fabs(grad_[i]) > top ? std::fabs(grad_[i]) : top;
        if (top == 0) return 0;
        for (int64_t i = 0; i < total_; i++) sum += (grad_[i] / top) * (grad_[i] / top);
        return top * std::sqrt(sum);
    }

    Spec spec_;
    int64_t batch_;
    int threads_, L_;
    int64_t* n_ = nullptr;
    int* act_ = nullptr;
    Layer* layers_ = nullptr;
    int64_t n_weights_, total_, panel_size_, words_size_ = 0, step_ = 0, first_row_ = 0;
    T *y_ = nullptr, *share_ = nullptr, *theta_ = nullptr, *grad_ = nullptr, *panels_ = nullptr, *sum_ = nullptr, *slots_[2] = {nullptr, nullptr}, *kept_[3] = {nullptr, nullptr, nullptr};
    Reach reach_;
    double *sums_ = nullptr, *costs_ = nullptr, *bounds_ = nullptr;
    uint64_t* words_ = nullptr;
    const Rules* rules_ = nullptr;
    Stored<T> stored_;  // a^0 of a sparse batch
};

}  // namespace

namespace deltaprop::INSTRUCTION_SET {

Plan* make_plan(const Spec& spec, int64_t batch, bool is_double, int threads) {
    if (is_double) return new NativePlan<double>(spec, batch, threads);
    return new NativePlan<float>(spec, batch, threads);
}

void activate(int act, bool is_double, const void* z, void* a, void* dsigma, int64_t count) {
    if (is_double) activate_any(activation<double>(act), static_cast<const double*>(z), static_cast<double*>(a), static_cast<double*>(dsigma), count);
    else activate_any(activation<float>(act), static_cast<const float*>(z), static_cast<float*>(a), static_cast<float*>(dsigma), count);
}

}  // namespace deltaprop::INSTRUCTION_SET
