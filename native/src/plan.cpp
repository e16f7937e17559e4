// A plan: forward, BP1..BP4 and the update of one network, put together. Compiled once per instruction set;
// INSTRUCTION_SET names the namespace, and everything else is local to the file, so that no two compilations mix.
#include "backward.hpp"
#include "forward.hpp"
#include "output.hpp"

#ifndef INSTRUCTION_SET
#error "compile with -DINSTRUCTION_SET=avx512, avx2 or base"
#endif

namespace {
using namespace deltaprop;

template <class T> class NativePlan final : public Plan {
public:
    NativePlan(const Spec& spec, int64_t batch, int threads)
        : net_(spec, batch, threads), batch_(net_), forward_(net_, batch_), output_(net_, batch_),
          backward_(net_, batch_) {}

    void forward(const void* theta, const Examples& e, void* out) override {
        pass(static_cast<const T*>(theta), e, static_cast<T*>(out), false);
    }

    double evaluate(const void* theta, const Examples& e, void* out) override {
        return pass(static_cast<const T*>(theta), e, static_cast<T*>(out), true);
    }

    double gradients(const void* theta, const Examples& e, void* grad, void* dX) override {
        net_.parameters.take_in_theta(static_cast<const T*>(theta));
        backward_.refresh(dX ? 1 : 2);
        const double C = sums(Chosen{e, nullptr, e.m}.mean(), 0, grad != nullptr, static_cast<T*>(dX));
        if (grad) net_.parameters.give_back_gradient(static_cast<T*>(grad));
        return C;
    }

    void gradient_norms(const void* theta, const Examples& e, double* norms) override {
        const Chosen alone{e, nullptr, e.m, 1, nullptr};
        net_.parameters.take_in_theta(static_cast<const T*>(theta));
        backward_.refresh(2);
        for (int64_t first = 0; first < e.m; first += net_.batch) {
            const int64_t m = batch_.gather(alone, first);
            batch_.take_targets(alone, first, m);
            net_.over_chunks(m, [&](int64_t i0, int64_t i1) {
                forward_.pass(i0, i1, true);
                output_.outputs(i0, i1);
                output_.errors(i0, i1);
                backward_.errors(i0, i1);
                backward_.gradient_norms(i0, i1, norms + first);
            });
        }
    }

    int64_t train(void* theta, void* const* slots, const Rules& rules, const Examples& e, const Steps& steps) override {
        const Training training(net_.parameters, rules, theta, slots);
        int64_t done = 0;
        while (done < steps.count && one_step(e, steps, done)) done++;
        training.give_back(theta, slots);
        return done;
    }

    double gradient(const void* theta, const Rules& rules, const Examples& e, const Steps& steps, void* grad) override {
        void* const no_slots[2] = {nullptr, nullptr};
        const Training training(net_.parameters, rules, theta, no_slots);
        backward_.refresh(2);
        const double C = sums(chosen(e, steps, 0), steps.first, true, nullptr);
        net_.parameters.give_back_gradient(static_cast<T*>(grad));
        return C;
    }

    bool apply(void* theta, void* const* slots, const Rules& rules, const void* gradient, double weight, double rate,
               int64_t step) override {
        Parameters<T>& parameters = net_.parameters;
        const Training training(parameters, rules, theta, slots);
        parameters.take_in_gradient(static_cast<const T*>(gradient));
        if (rules.by_weight) parameters.share_penalties(weight);
        if (!parameters.checked_move(rate, step + 1)) return false;
        training.give_back(theta, slots);
        return true;
    }

private:
    // The parameters during a training's call; it ends also if memory runs out in the middle of a step.
    struct Training {
        Training(Parameters<T>& parameters, const Rules& rules, const void* theta, void* const* slots)
            : of(parameters) {
            of.begin(rules, static_cast<const T*>(theta), slots);
        }
        Training(const Training&) = delete;
        ~Training() { of.end(); }
        void give_back(void* theta, void* const* slots) const { of.give_back(static_cast<T*>(theta), slots); }

        Parameters<T>& of;
    };

    static Chosen chosen(const Examples& e, const Steps& steps, int64_t s) {
        const int64_t first = steps.bounds[s], m = steps.bounds[s + 1] - first;
        return {e, steps.order + first, m, 1, steps.shares ? steps.shares + first : nullptr};
    }

    // a^L of every row, and C if `costs`.
    double pass(const T* theta, const Examples& e, T* out, bool costs) {
        const Layer<T>& last = net_.last();
        const bool few = e.m <= FEW && e.m <= net_.batch;
        if (!few) net_.parameters.take_in_theta(theta);
        const Chosen all = costs ? Chosen{e, nullptr, e.m}.mean() : Chosen{e, nullptr, e.m};
        double C = 0;
        for (int64_t first = 0; first < e.m; first += net_.batch) {
            const int64_t m = batch_.gather(all, first);
            if (costs) batch_.take_targets(all, first, m);
            net_.over_chunks(m, [&](int64_t i0, int64_t i1) {
                if (few) forward_.few(theta, i1);
                else forward_.pass(i0, i1, false);
                if (costs) output_.costs(i0, i1);
                else output_.outputs(i0, i1);
                for (int64_t i = i0; i < i1; i++)
                    std::memcpy(out + (first + i) * last.n, last.a + i * last.stride, last.n * sizeof(T));
            });
            if (costs) C += output_.total(m);
        }
        return C;
    }

    // One whole step, or nothing: false if its cost, its gradient or its update is not finite.
    bool one_step(const Examples& e, const Steps& steps, int64_t s) {
        Parameters<T>& parameters = net_.parameters;
        const Chosen rows = chosen(e, steps, s);
        backward_.refresh(2);
        if (parameters.rules().by_weight) parameters.share_penalties(rows.total_weight());
        if (steps.penalties) steps.penalties[s] = parameters.penalty();
        double C;
        const bool fused = rows.m <= net_.batch && !parameters.clips();
        if (!(fused ? fused_step(rows.mean(), steps.first + s, steps.rates[s], &C)
                    : plain_step(rows.mean(), steps.first + s, steps.rates[s], &C)))
            return false;
        steps.costs[s] = C;
        return true;
    }

    // All errors first, and from their size whether the gradient can be anything but finite; then BP4 with the update.
    bool fused_step(const Chosen& rows, int64_t step, double rate, double* C) {
        const int64_t m = batch_.gather(rows, 0);
        batch_.take_targets(rows, 0, m);
        *C = there_and_back(step, 0, m);
        if (!std::isfinite(*C)) return false;
        const Stepped<T> stepped(net_.parameters.rules(), rate, step + 1, 1);
        if (net_.parameters.surely_moves(stepped, backward_.gradient_bound(m))) {
            backward_.update(m, stepped);
            return true;
        }
        backward_.gradients(m);
        return net_.parameters.checked_move(rate, step + 1);
    }

    bool plain_step(const Chosen& rows, int64_t step, double rate, double* C) {
        *C = sums(rows, step, true, nullptr);
        return std::isfinite(*C) && net_.parameters.checked_move(rate, step + 1);
    }

    // Σ share C of these rows, its gradient if `wanted`, and its ∂/∂x in dX if that is not null. More rows than planned
    // go in parts.
    double sums(const Chosen& rows, int64_t step, bool wanted, T* dX) {
        Parameters<T>& parameters = net_.parameters;
        const bool in_parts = wanted && rows.m > net_.batch;
        if (wanted && !rows.m) std::memset(parameters.grad(), 0, parameters.total() * sizeof(T));
        if (in_parts) {
            if (!sum_) sum_ = Memory<T>(parameters.total());
            std::memset(sum_, 0, parameters.total() * sizeof(T));
        }
        double C = 0;
        for (int64_t first = 0; first < rows.m; first += net_.batch) {
            const int64_t part = batch_.gather(rows, first);
            batch_.take_targets(rows, first, part);
            C += there_and_back(step, first, part);
            if (wanted) backward_.gradients(part);
            if (in_parts)
                for (int64_t i = 0; i < parameters.total(); i++) sum_[i] += parameters.grad()[i];
            if (dX) backward_.input_errors(part, dX + first * net_.layers[0].n);
        }
        if (in_parts) std::memcpy(parameters.grad(), sum_, parameters.total() * sizeof(T));
        return C;
    }

    // Forward, BP1 and BP2 of the m rows that were gathered, the rows of `step` from `first` on; returns Σ share
    // C.
    double there_and_back(int64_t step, int64_t first, int64_t m) {
        forward_.begin(step, first, m);
        net_.over_chunks(m, [&](int64_t i0, int64_t i1) {
            forward_.pass(i0, i1, true);
            output_.costs(i0, i1);
            output_.errors(i0, i1);
            backward_.errors(i0, i1);
        });
        return output_.total(m);
    }

    Network<T> net_;
    Batch<T> batch_;
    Forward<T> forward_;
    Output<T> output_;
    Backward<T> backward_;
    Memory<T> sum_;  // of the gradients of a batch's parts: made when it is needed
};

}  // namespace

namespace deltaprop::INSTRUCTION_SET {

static Plan* make_plan(const Spec& spec, int64_t batch, bool is_double, int threads) {
    if (is_double) return new NativePlan<double>(spec, batch, threads);
    return new NativePlan<float>(spec, batch, threads);
}

static void activate(int act, bool is_double, const void* z, void* a, void* dsigma, int64_t count) {
    auto run = [&]<class T>(T*) {
        activate_any(activation<T>(act), static_cast<const T*>(z), static_cast<T*>(a), static_cast<T*>(dsigma), count);
    };
    if (is_double) run(static_cast<double*>(a));
    else run(static_cast<float*>(a));
}

template <int count> static constexpr Names names(const char* const (&of)[count]) { return {of, count}; }

#define TEXT(x) #x
#define NAME_OF(set) TEXT(set)
const Core core{NAME_OF(INSTRUCTION_SET),
                names(ACTIVATION_NAMES),
                names(COST_NAMES),
                names(RULE_NAMES),
                names(KIND_NAMES),
                size_of,
                slots_of,
                make_plan,
                activate};

}  // namespace deltaprop::INSTRUCTION_SET
