// Theta, its gradient and the optimiser's vectors in a plan's layout. A step moves all of theta, or nothing.
#pragma once
#include "layout.hpp"
#include "memory.hpp"
#include "update.hpp"
#include "workers.hpp"

namespace {
using deltaprop::Rules;

constexpr int64_t RUN = 4096;  // parameters per piece of the update: sums are over pieces, in order
constexpr double SAFE = 1e36;  // bounds below it are of numbers that float can hold

template <class T> class Parameters {
public:
    // `layers` 1..L are laid out already; they hold the places of W and b, here and in theta.
    Parameters(const Layer<T>* layers, int L, const Workers& workers)
        : layers_(layers), L_(L), workers_(workers), n_weights_(layers[1].b), total_(layers[L].b + layers[L].stride),
          theta_(total_), grad_(total_), sums_(runs()), ends_(2 * L), rates_(2 * L) {
        for (int l = 1; l <= L; l++)
            if (has_W(layers[l].kind)) add_block(layers[l].W + layers[l].stride * layers[l].n_prev, layers[l].W_rate);
        for (int l = 1; l <= L; l++) add_block(layers[l].b + layers[l].stride, layers[l].b_rate);
    }

    T* theta() const { return theta_; }
    T* grad() const { return grad_; }
    int64_t total() const { return total_; }
    const Rules& rules() const { return *rules_; }
    bool trains() const { return rules_; }
    bool penalised() const { return rules_->l1 != 0 || rules_->l2 != 0; }
    bool clips() const { return rules_->clip_norm >= 0; }

    // Whether the update of a weight is -η times its gradient, and so 0 if that is 0.
    bool plain() const {
        return Rule(rules_->rule) == Rule::sgd && rules_->momentum == 0 && rules_->decay == 0 && !penalised();
    }

    void take_in_theta(const T* flat) { take_in_all(flat, theta_); }
    void take_in_gradient(const T* flat) { take_in_all(flat, grad_); }
    void give_back_gradient(T* flat) const { give_back_all(grad_, flat); }

    // work(layer, first vector of units, end) over all vectors of units of those of layers first..L that have a W.
    template <class Work> void over_units(int first, Work&& work) const {
        for (int l = first; l <= L_; l++) {
            const Layer<T>& layer = layers_[l];
            if (!has_W(layer.kind)) continue;
            const int threads = workers_.threads_for(8.0 * layer.n * layer.n_prev);
            workers_.share_out(threads, [&](int t) {
                work(layer, layer.units.vectors * t / threads, layer.units.vectors * (t + 1) / threads);
            });
        }
    }

    void begin(const Rules& rules, const T* theta, void* const* slots) {
        take_in_theta(theta);
        for (int i = 0; i < 2; i++)
            if (slots[i]) {
                if (!slots_[i]) slots_[i] = Memory<T>(total_);
                take_in_all(static_cast<const T*>(slots[i]), slots_[i]);
            }
        reach_ = measured_reach();
        rules_ = &rules;
        l1_ = rules.l1;
        l2_ = rules.l2;
    }

    void give_back(T* theta, void* const* slots) const {
        give_back_all(theta_, theta);
        for (int i = 0; i < 2; i++)
            if (slots[i]) give_back_all(slots_[i], static_cast<T*>(slots[i]));
    }

    void end() { rules_ = nullptr; }

    // The penalties of a step whose batch weighs this much.
    void share_penalties(double weight) {
        l1_ = weight > 0 ? rules_->l1 / weight : 0;
        l2_ = weight > 0 ? rules_->l2 / weight : 0;
    }

    // ½ l2 ‖W‖² + l1 ‖W‖_1, over the same pieces for any number of threads.
    double penalty() const {
        if (!penalised()) return 0;
        over_runs([&](int64_t begin, int64_t end, int64_t run, bool weights) {
            sums_[run] = weights ? 0.5 * l2_ * sum_over(begin, end, [](auto w) { return w * w; }) : 0;
            if (weights && l1_ != 0) sums_[run] += l1_ * sum_over(begin, end, [](auto w) { return w < 0 ? -w : w; });
        });
        double sum = 0;
        for (int64_t run = 0; run < runs(); run++) sum += sums_[run];
        return sum;
    }

    // Whether a step whose gradient stays below `bound` is sure to give finite numbers; if so, it counts as taken.
    bool surely_moves(const Stepped<T>& stepped, double bound) {
        const Reach next = after(stepped, bound + l2_ * reach_.theta + l1_);
        if (!next.within(SAFE)) return false;
        reach_ = next;
        return true;
    }

    // The update of `count` parameters of one block from their gradient g, to which it adds the penalties'. `stepped`
    // has the block's rate.
    void move(const Stepped<T>& stepped, int64_t place, T* g, int64_t count, bool weights) const {
        if (weights && penalised()) penalise(theta_ + place, g, count);
        update<T>(*rules_, stepped, theta_ + place, g, slot(0, place), slot(1, place), count, weights);
    }

    // The step's update from grad(): undone, and false, if the gradient or a result is not finite.
    bool checked_move(double rate, int64_t t) {
        double shrink = 1, most = 0;
        if (!finish_gradient(&shrink, &most)) return false;
        const Stepped<T> stepped(*rules_, rate, t, shrink);
        const Reach next = after(stepped, most * shrink);
        const bool sure = next.within(SAFE);
        if (!sure) keep();
        over_runs([&](int64_t begin, int64_t end, int64_t, bool weights) {
            over_blocks(begin, end, [&](int64_t from, int64_t to, double factor) {
                update<T>(*rules_, stepped.at(factor), theta_ + from, grad_ + from, slot(0, from), slot(1, from),
                          to - from, weights);
            });
        });
        reach_ = sure ? next : measured_reach();
        if (sure || reach_.within(HUGE_VAL)) return true;
        restore();
        return false;
    }

private:
    // Σ of a function of the weights begin..end, in vectors of partial sums.
    template <class Of> double sum_over(int64_t begin, int64_t end, Of&& of) const {
        Vec<T> side[2] = {};
        int64_t i = begin;
        for (; i + 2 * lanes<T> <= end; i += 2 * lanes<T>)
            for (int k : {0, 1}) side[k] += of(load<T>(theta_ + i + k * lanes<T>));
        double sum = 0;
        for (unsigned k = 0; k < lanes<T>; k++) sum += double(side[0][k]) + double(side[1][k]);
        for (; i < end; i++) sum += of(theta_[i]);
        return sum;
    }

    // Add a block of this end, or lengthen the last one if it has the same rate.
    void add_block(int64_t end, double rate) {
        if (!blocks_ || rates_[blocks_ - 1] != rate) blocks_++;
        ends_[blocks_ - 1] = end;
        rates_[blocks_ - 1] = rate;
        if (rate > top_rate_) top_rate_ = rate;
    }

    // work(from, to, rate) over the parts of begin..end that are in one block each.
    template <class Work> void over_blocks(int64_t begin, int64_t end, Work&& work) const {
        for (int i = 0; begin < end; i++)
            if (const int64_t to = ends_[i] < end ? ends_[i] : end; to > begin) {
                work(begin, to, rates_[i]);
                begin = to;
            }
    }

    // The bounds after a step whose gradient, clipped, is at most g: those of a block of the largest rate.
    Reach after(const Stepped<T>& stepped, double g) const {
        const Stepped<T> furthest = stepped.at(top_rate_);
        return reach_after(*rules_, reach_, furthest.rate, furthest.keep, g);
    }

    T* slot(int i, int64_t place) const { return slots_[i] ? slots_[i] + place : nullptr; }
    T* moved(int i) const { return i ? slots_[i - 1] : theta_; }

    void take_in_all(const T* flat, T* store) const {
        over_units(1, [&](const Layer<T>& l, int64_t v, int64_t end) { take_in<T>(l, flat, store, v, end); });
        for (int l = 1; l <= L_; l++)
            std::memcpy(store + layers_[l].b, flat + layers_[l].flat_b, layers_[l].n * sizeof(T));
    }

    void give_back_all(const T* store, T* flat) const {
        over_units(1, [&](const Layer<T>& l, int64_t v, int64_t end) { ::give_back<T>(l, store, flat, v, end); });
        for (int l = 1; l <= L_; l++)
            std::memcpy(flat + layers_[l].flat_b, store + layers_[l].b, layers_[l].n * sizeof(T));
    }

    Reach measured_reach() const {
        Reach found;
        found.theta = largest<T>(theta_, total_);
        for (int i = 0; i < 2; i++) found.slots[i] = slots_[i] ? double(largest<T>(slots_[i], total_)) : 0;
        return found;
    }

    // Save theta and the optimiser's vectors before a step that may overflow; restore() undoes it if it did.
    void keep() {
        for (int i = 0; i < 3; i++)
            if (const T* from = moved(i)) {
                if (!kept_[i]) kept_[i] = Memory<T>(total_);
                std::memcpy(kept_[i], from, total_ * sizeof(T));
            }
    }

    void restore() {
        for (int i = 0; i < 3; i++)
            if (T* to = moved(i)) std::memcpy(to, kept_[i], total_ * sizeof(T));
        reach_ = measured_reach();
    }

    void penalise(const T* w, T* g, int64_t count) const {
        const T l1 = T(l1_), l2 = T(l2_);
        for (int64_t i = 0; i < count; i++) g[i] += l2 * w[i] + (w[i] > 0 ? l1 : w[i] < 0 ? -l1 : T(0));
    }

    int64_t runs_of_weights() const { return (n_weights_ + RUN - 1) / RUN; }
    int64_t runs() const { return runs_of_weights() + (total_ - n_weights_ + RUN - 1) / RUN; }

    // work(begin, end, number, are weights) over runs of the plan's layout that are weights alone, or no weights.
    template <class Work> void over_runs(Work&& work) const {
        const int threads = workers_.threads_for(8.0 * total_);
        workers_.share_out(threads, [&](int t) {
            for (int64_t r = runs() * t / threads; r < runs() * (t + 1) / threads; r++) {
                const bool weights = r < runs_of_weights();
                const int64_t begin = weights ? r * RUN : n_weights_ + (r - runs_of_weights()) * RUN,
                              stop = weights ? n_weights_ : total_;
                work(begin, begin + RUN < stop ? begin + RUN : stop, r, weights);
            }
        });
    }

    // Add the penalties' gradient; false if the sum is not finite. Else *shrink is clipping's factor, *most max |g|.
    bool finish_gradient(double* shrink, double* most) const {
        over_runs([&](int64_t begin, int64_t end, int64_t run, bool weights) {
            if (penalised() && weights) penalise(theta_ + begin, grad_ + begin, end - begin);
            double sum = 0;
            if (clips())
                for (int64_t i = begin; i < end; i++) sum += double(grad_[i]) * double(grad_[i]);
            sums_[run] = sum;
        });
        *most = largest<T>(grad_, total_);
        if (!std::isfinite(*most)) return false;
        const double norm = clips() ? length() : 0;
        if (clips() && norm > rules_->clip_norm) *shrink = rules_->clip_norm / norm;
        return true;
    }

    // ‖gradient‖ from the sums of its squares; computed again, scaled, if those overflowed or vanished.
    double length() const {
        double square = 0;
        for (int64_t run = 0; run < runs(); run++) square += sums_[run];
        if (square > 1e-280 && square < 1e280) return std::sqrt(square);
        double top = 0, sum = 0;
        for (int64_t i = 0; i < total_; i++) top = std::fabs(grad_[i]) > top ? std::fabs(grad_[i]) : top;
        if (top == 0) return 0;
        for (int64_t i = 0; i < total_; i++) sum += (grad_[i] / top) * (grad_[i] / top);
        return top * std::sqrt(sum);
    }

    const Layer<T>* layers_;
    int L_;
    const Workers& workers_;
    int64_t n_weights_, total_;
    Memory<T> theta_, grad_, slots_[2], kept_[3];
    Memory<double> sums_;
    int blocks_ = 0;       // of theta, by learning rate: their ends here, and the factors of their rates
    double top_rate_ = 0;  // the largest
    Memory<int64_t> ends_;
    Memory<double> rates_;
    Reach reach_;
    const Rules* rules_ = nullptr;
    double l1_ = 0, l2_ = 0;  // of the present step
};

}  // namespace
