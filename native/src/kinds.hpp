// The kinds of layers, as core/blocks.py defines them. Each is a struct with its forward, BP2, BP3 and BP4.
#pragma once
#include "dense.hpp"
#include "scale.hpp"

namespace {

// Every kind: its name in Python, and its struct. To add one: a struct in a header of its own, and a row here.
#define KINDS(row) row(dense, Dense) row(scale, Scale)

constexpr const char* KIND_NAMES[] = {KINDS(NAME)};

#define HAS_W(name, Kind) Kind<float>::has_W,
#define SQUARE(name, Kind) Kind<float>::square,
constexpr bool WITH_W[] = {KINDS(HAS_W)}, SQUARES[] = {KINDS(SQUARE)};
enum class KindOf : int { KINDS(ENUMERATOR) };

inline bool has_W(int kind) { return WITH_W[kind]; }

// work(a value of the kind's struct).
template <class T, class Work> inline void with_kind(int kind, Work&& work) {
    switch (KindOf(kind)) {
#define CASE(name, Kind) \
    case KindOf::name: return work(Kind<T>{});
        KINDS(CASE)
#undef CASE
    }
}

// How many parameters and blocks theta has; no parameters if a layer has not as many units as it must.
inline deltaprop::Size size_of(const Spec& s) {
    deltaprop::Size size{0, 0};
    for (int l = 1; l <= s.L; l++) {
        const int kind = s.kinds ? s.kinds[l - 1] : 0;
        if (SQUARES[kind] && s.n[l] != s.n[l - 1]) return {0, 0};
        size.parameters += s.n[l] + (WITH_W[kind] ? s.n[l] * s.n[l - 1] : 0);
        size.blocks += 1 + WITH_W[kind];
    }
    return size;
}

}  // namespace
