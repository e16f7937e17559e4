// What the tests share: a network and its equations as loops, in double precision, one example after another.
#pragma once
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string>
#include <vector>
#include "../src/api.hpp"

using namespace deltaprop;
using Numbers = std::vector<double>;

inline int failures = 0, checks = 0;

inline void check(bool good, const std::string& what) {
    checks++;
    if (!good && ++failures <= 20) std::printf("FAILED: %s\n", what.c_str());
}

// The number of what is called so.
inline int number(const Names& names, const char* name) {
    for (int i = 0; i < names.count; i++)
        if (!std::strcmp(names.of[i], name)) return i;
    std::abort();
}

struct Net {
    std::vector<int64_t> n;
    std::vector<const char*> act;
    const char* cost;
    bool canonical;
    double q = 1;
    std::vector<const char*> kinds = {};  // {}: all dense
    bool rated = false;                   // each block of theta moves at a rate of its own
    std::vector<int> numbers = {}, kind_numbers = {};
    Numbers rates = {};

    int L() const { return int(n.size()) - 1; }
    bool is(const char* of_cost) const { return !std::strcmp(cost, of_cost); }
    Spec spec() {
        numbers.clear();
        for (const char* name : act) numbers.push_back(number(base::core.activations, name));
        Spec spec{L(), n.data(), numbers.data(), number(base::core.costs, cost), q, canonical};
        kind_numbers.clear();
        for (const char* kind : kinds) kind_numbers.push_back(number(base::core.kinds, kind));
        if (!kinds.empty()) spec.kinds = kind_numbers.data();
        if (!rated) return spec;
        rates.clear();
        for (int l = 1; l <= L(); l++)
            if (!scales(l)) rates.push_back(factor(W(l)));
        for (int l = 1; l <= L(); l++) rates.push_back(factor(b(l)));
        spec.rates = rates.data();
        return spec;
    }
    bool scales(int l) const { return !kinds.empty() && !std::strcmp(kinds[l - 1], "scale"); }
    int64_t W(int l) const {
        int64_t at = 0;
        for (int k = 1; k < l; k++) at += scales(k) ? 0 : n[k] * n[k - 1];
        return at;
    }
    // Where b begins, or s.
    int64_t b(int l) const {
        int64_t at = W(L() + 1);
        for (int k = 1; k < l; k++) at += n[k];
        return at;
    }
    int64_t parameters() const { return b(L() + 1); }

    // What multiplies the learning rate of parameter i.
    double factor(int64_t i) const {
        if (!rated) return 1;
        int block = 0;
        for (int l = 1; l <= L(); l++) block += (!scales(l) && W(l) <= i) + (b(l) <= i);
        return 0.5 * (block % 4);
    }
};

inline Net classifier(std::vector<int64_t> n) {
    std::vector<const char*> act(n.size() - 1, "tanh");
    act.back() = "softmax";
    return {n, act, "categorical", true};
}

inline Net fitter(std::vector<int64_t> n) {
    return {n, std::vector<const char*>(n.size() - 1, "sigmoid"), "quadratic", false};
}

inline Net between(std::vector<int64_t> n) {  // 0.9 of the targets below a^L
    Net net = fitter(n);
    net.cost = "quantile", net.q = 0.9;
    return net;
}

inline bool is_tanh(const char* act) { return !std::strcmp(act, "tanh"); }
inline double sigma(const char* act, double z) { return is_tanh(act) ? std::tanh(z) : 1 / (1 + std::exp(-z)); }
inline double slope(const char* act, double a) { return is_tanh(act) ? 1 - a * a : a * (1 - a); }

// Forward and BP1..BP4 of one example after another; grad is the mean's.
struct Oracle {
    double C = 0;
    Numbers outputs, grad;

    Oracle(const Net& net, const Numbers& theta, const Numbers& X, const Numbers& Y, const std::vector<int64_t>& rows)
        : grad(theta.size()) {
        for (int64_t row : rows)
            example(net, theta, X.data() + row * net.n[0], Y.data() + row * net.n.back(), 1.0 / double(rows.size()));
    }

    void example(const Net& net, const Numbers& theta, const double* x, const double* y, double share) {
        const int L = net.L();
        std::vector<Numbers> a{Numbers(x, x + net.n[0])};
        for (int l = 1; l <= L; l++) {
            Numbers z(net.n[l]);
            double total = 0;
            for (int64_t j = 0; j < net.n[l]; j++) {
                z[j] = theta[net.b(l) + j] * (net.scales(l) ? a[l - 1][j] : 1);
                for (int64_t k = 0; k < net.n[l - 1] && !net.scales(l); k++)
                    z[j] += theta[net.W(l) + j * net.n[l - 1] + k] * a[l - 1][k];
            }
            const bool softmax = !std::strcmp(net.act[l - 1], "softmax");
            for (double& v : z) total += v = softmax ? std::exp(v) : sigma(net.act[l - 1], v);
            for (double& v : z) v /= softmax ? total : 1;
            a.push_back(z);
        }
        outputs.insert(outputs.end(), a[L].begin(), a[L].end());
        Numbers delta(net.n[L]);
        for (int64_t j = 0; j < net.n[L]; j++) {
            const double r = a[L][j] - y[j], weight = r < 0 ? -net.q : 1 - net.q;
            const bool is_quantile = net.is("quantile");
            C += share * (is_quantile ? weight * r : net.is("quadratic") ? 0.5 * r * r : -y[j] * std::log(a[L][j]));
            delta[j] =
                (is_quantile ? weight : r) * share * (net.canonical ? 1 : slope(net.act[L - 1], a[L][j]));  // BP1
        }
        for (int l = L; l >= 1; l--) {
            Numbers below(net.n[l - 1]);
            for (int64_t j = 0; j < net.n[l]; j++) {
                grad[net.b(l) + j] += delta[j] * (net.scales(l) ? a[l - 1][j] : 1);  // BP3, or BP4
                if (net.scales(l)) below[j] = theta[net.b(l) + j] * delta[j];        // BP2
                if (net.scales(l)) continue;
                for (int64_t k = 0; k < net.n[l - 1]; k++) {
                    grad[net.W(l) + j * net.n[l - 1] + k] += delta[j] * a[l - 1][k];  // BP4
                    below[k] += theta[net.W(l) + j * net.n[l - 1] + k] * delta[j];    // BP2
                }
            }
            if (l > 1)
                for (int64_t k = 0; k < net.n[l - 1]; k++) below[k] *= slope(net.act[l - 2], a[l - 1][k]);
            delta = below;
        }
    }
};

template <class T> std::vector<T> as(const Numbers& from) { return std::vector<T>(from.begin(), from.end()); }

template <class T, class U> bool close(const std::vector<T>& got, const std::vector<U>& want, double within) {
    double scale = 1e-6, gap = 0;
    for (size_t i = 0; i < want.size(); i++) {
        scale = std::max(scale, std::fabs(double(want[i])));
        gap = std::max(gap, std::isfinite(double(got[i])) ? std::fabs(double(got[i]) - double(want[i])) : 1e300);
    }
    return got.size() == want.size() && gap <= within * scale;
}

// The instruction sets of this machine.
inline std::vector<const Core*> cores() {
    std::vector<const Core*> found{&base::core};
#if defined(__x86_64__) && !defined(BASE_ALONE)
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) found.push_back(&avx2::core);
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
        __builtin_cpu_supports("avx512bw"))
        found.push_back(&avx512::core);
#endif
    return found;
}

// Examples for a net, in T, each array exactly as long as it must be so that the address sanitizer sees every overrun.
template <class T> struct Data {
    Net net;
    int64_t m;
    Numbers theta, X, Y;
    std::vector<T> theta_t, X_t, Y_t, stored;
    std::vector<int32_t> columns;
    std::vector<int64_t> starts;

    Data(const Net& given, int64_t rows, unsigned seed)
        : net(given), m(rows), theta(net.parameters()), X(rows * net.n[0]), Y(rows * net.n.back()) {
        std::mt19937_64 random(seed);
        std::normal_distribution<double> normal;
        auto fill = [&](Numbers& into, double by) {
            for (double& v : into) v = T(normal(random) * by);
        };
        fill(theta, 1 / std::sqrt(double(net.n[net.L() / 2])));
        fill(X, 1);
        for (int64_t i = 0; i < m; i++) Y[i * net.n.back() + int64_t(random() % net.n.back())] = 1;
        theta_t = as<T>(theta), X_t = as<T>(X), Y_t = as<T>(Y);
    }
    // The same with all but every keep-th number of X 0, in some rows all, and X given as CSR.
    Data sparse(int64_t keep) const {
        Data with = *this;
        with.starts.push_back(0);
        for (int64_t i = 0; i < m; i++) {
            for (int64_t k = 0; k < net.n[0]; k++) {
                const int64_t at = i * net.n[0] + k;
                if ((at * 7 + i) % keep || i % 5 == 3) with.X[at] = with.X_t[at] = 0;
                else with.stored.push_back(X_t[at]), with.columns.push_back(int32_t(k));
            }
            with.starts.push_back(int64_t(with.stored.size()));
        }
        return with;
    }
    Examples examples() const {
        if (starts.empty()) return {X_t.data(), net.n[0], 1, nullptr, Y_t.data(), nullptr, m};
        return {stored.data(), 0, 0, nullptr, Y_t.data(), nullptr, m, columns.data(), starts.data()};
    }
    std::string name(const Core& core, int threads) const {
        std::string text = std::string(core.name) + (sizeof(T) == 4 ? " float" : " double") +
                           (starts.empty() ? "" : " sparse") + " m=" + std::to_string(m) +
                           " threads=" + std::to_string(threads) + " ";
        for (int64_t n : net.n) text += std::to_string(n) + "-";
        return text;
    }
};

template <class T> constexpr double tolerance = sizeof(T) == 4 ? 3e-5 : 1e-11;

inline std::vector<int64_t> first(int64_t m) {
    std::vector<int64_t> rows(m);
    for (int64_t i = 0; i < m; i++) rows[i] = i;
    return rows;
}
