// ‖v‖ in double precision, from squares that neither overflow nor vanish.
#pragma once
#include <cmath>
#include <cstdint>

namespace {

constexpr double SAFE_SQUARES = 1e280;  // sums of squares up to it, and down to its inverse, have all their digits

// ‖v‖ of the n numbers v_i = number(i); NaN or Inf if one of them is.
template <class Number> double length(int64_t n, Number&& number) {
    constexpr int SIDE = 8;  // partial sums, so that no addition waits for the last one
    double side[SIDE] = {}, square = 0;
    const int64_t whole = n / SIDE * SIDE;
    for (int64_t i = 0; i < whole; i += SIDE)
        for (int k = 0; k < SIDE; k++) side[k] += number(i + k) * number(i + k);
    for (int k = 0; k < SIDE; k++) square += side[k];
    for (int64_t i = whole; i < n; i++) square += number(i) * number(i);
    if ((square > 1 / SAFE_SQUARES && square < SAFE_SQUARES) || square != square) return std::sqrt(square);
    double top = 0, scaled = 0;
    for (int64_t i = 0; i < n; i++) top = std::fmax(top, std::fabs(number(i)));
    if (top == 0 || top == HUGE_VAL) return top;
    for (int64_t i = 0; i < n; i++) scaled += number(i) / top * (number(i) / top);
    return top * std::sqrt(scaled);
}

// √(x² + y²).
inline double length_of_both(double x, double y) {
    const double square = x * x + y * y;
    return square > 1 / SAFE_SQUARES && square < SAFE_SQUARES ? std::sqrt(square) : std::hypot(x, y);
}

template <class T> double length(const T* v, int64_t n) {
    return length(n, [v](int64_t i) { return double(v[i]); });
}

}  // namespace
