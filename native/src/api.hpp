// The interface of the core: plain structs and one abstract plan, free of Python and of instruction sets.
#pragma once
#include <atomic>
#include <cstdint>

namespace deltaprop {

constexpr int MAX_LAYERS = 1024;

struct Spec {
    int L;                          // layers with weights
    const int64_t* n;               // n_0 .. n_L
    const int* act;                 // of layers 1 .. L: places in Core::activations
    int cost;                       // a place in Core::costs
    double threshold;               // of huber; of quantile its q
    bool canonical;                 // BP1 is a - y
    const int* kinds = nullptr;     // of layers 1 .. L: places in Core::kinds; null if all are dense
    const double* rates = nullptr;  // factors of the learning rate, of theta's blocks in order; null if all are 1
};

struct Rules {
    int rule;                                                          // a place in Core::rules
    double momentum, beta1, beta2, epsilon, decay, l1, l2, clip_norm;  // clip_norm < 0: none; beta2 is rmsprop's rho
    bool nesterov;
    const double* dropout;  // of layers 1 .. L-1, or null
    uint64_t seed;
    bool by_weight = false;  // l1 and l2 are divided by what a step's batch weighs
};

// Rows of X lie x_stride elements apart, the numbers of a row x_step. Targets are class indices (indices) or rows
// (targets, n_L each). With `starts` X is sparse (CSR): row i has X[t] in column columns[t] for t from starts[i] to
// starts[i + 1], and 0 elsewhere.
struct Examples {
    const void* X;
    int64_t x_stride, x_step;
    const int64_t* indices;
    const void* targets;
    const double* weight;  // or null
    int64_t m;
    const int32_t* columns = nullptr;
    const int64_t* starts = nullptr;
};

struct Steps {
    const int64_t* order;
    const int64_t* bounds;  // count + 1
    const double* rates;
    int64_t count, first;
    double* costs;
    double* penalties = nullptr;     // or null: ½ l2 ‖W‖² + l1 ‖W‖_1 before each step
    const double* shares = nullptr;  // or null: by place in `order`, instead of weight / Σ weight
};

// All pointers to numbers are of the plan's type, float or double.
class Plan {
public:
    virtual ~Plan();  // in support.cpp: an inline one would be compiled for every instruction set, and the linker would
                      // keep any
    virtual void forward(const void* theta, const Examples&, void* out) = 0;
    virtual double evaluate(const void* theta, const Examples&, void* out) = 0;
    virtual double gradients(const void* theta, const Examples&, void* grad, void* dX) = 0;  // dX may be null
    // ‖∂C_i/∂θ‖ of every row by itself.
    virtual void gradient_norms(const void* theta, const Examples&, double* norms) = 0;
    virtual int64_t train(void* theta, void* const* slots, const Rules&, const Examples&, const Steps&) = 0;
    // Of a single step: Σ w C, and Σ w ∂C/∂θ in grad, w being weights or shares. It has the dropout of step
    // steps.first.
    virtual double gradient(const void* theta, const Rules&, const Examples&, const Steps&, void* grad) = 0;
    // One step, counted from 0, by the mean gradient of a batch of this weight; false if it is not taken.
    virtual bool apply(void* theta, void* const* slots, const Rules&, const void* gradient, double weight, double rate,
                       int64_t step) = 0;
};

struct Names {
    const char* const* of;
    int count;
};

// Of theta. 0 parameters: a layer of some kind has not as many units as it must have.
struct Size {
    int64_t parameters, blocks;
};

// What one instruction set offers. The last of the activations is softmax; the others are elementwise.
struct Core {
    const char* name;
    Names activations, costs, rules, kinds;
    Size (*size)(const Spec&);
    int (*slots)(const Rules&);  // how many vectors the update rule keeps
    Plan* (*make_plan)(const Spec&, int64_t batch, bool is_double, int threads);  // throws std::bad_alloc
    // σ and σ' of `count` numbers, for an elementwise σ; dsigma may be null.
    void (*activate)(int act, bool is_double, const void* z, void* a, void* dsigma, int64_t count);
};
namespace avx512 {
extern const Core core;
}
namespace avx2 {
extern const Core core;
}
namespace base {
extern const Core core;
}

// Call work(context, part) for the parts 0 .. threads - 1, on as many threads, the caller's among them, and wait for
// all. Fewer threads do the same parts if a limit is set, another caller has the helpers, or the system gives none.
void parallel(int threads, void (*work)(void* context, int part), void* context);

// A mutex that is open in the child of a fork, which does not have the thread that held it.
class Gate {
public:
    void lock();
    bool try_lock();
    void unlock();

private:
    std::atomic<int> holder_{0};  // 0, or 1 + the number of forks before the process of its holder
};

// 64-bit words of Philox-4x64-10 as NumPy's generator gives them for counter (0, step, layer, 0) and key (seed, tag).
void philox(uint64_t seed, uint64_t tag, uint64_t step, uint64_t layer, uint64_t* words, int64_t count);

// Aligned memory that throws std::bad_alloc; zeroed. `allocations`: the number of calls since the library was
// loaded.
void* allocate(int64_t bytes);
void release(void*);
int64_t allocations();

// Throws std::bad_alloc if a plan's sizes in bytes would not fit into the numbers that count them.
void check_sizes(const Spec&, int64_t batch);

}  // namespace deltaprop
