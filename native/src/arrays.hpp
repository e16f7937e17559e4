// Arrays from Python: their types, and checks before they are handed on as pointers.
#pragma once
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/variant.h>
#include <stdexcept>
#include <string>

namespace nb = nanobind;

using In = nb::ndarray<nb::ro, nb::device::cpu>;
using Out = nb::ndarray<nb::device::cpu>;
using Csr = std::tuple<In, In, In>;  // data, indices, indptr
using Rows = std::variant<In, Csr>;
using MaybeIn = std::optional<In>;
using MaybeOut = std::optional<Out>;

[[noreturn]] inline void refuse(const char* name, const char* must) {
    throw std::invalid_argument(std::string(name) + " must be " + must + ".");
}

inline bool is_real(const auto& a, int64_t bytes) {
    return a.dtype().code == uint8_t(nb::dlpack::dtype_code::Float) && a.dtype().bits == bytes * 8;
}
inline bool aligned(const auto& a, size_t bytes) { return reinterpret_cast<uintptr_t>(a.data()) % bytes == 0; }
inline bool packed(const auto& a) {
    int64_t step = 1;
    for (size_t i = a.ndim(); i-- > 0; step *= int64_t(a.shape(i)))
        if (a.shape(i) > 1 && a.stride(i) != step) return a.size() == 0;
    return true;
}

inline const int64_t* indices(const In& a, const char* name) {
    if (a.dtype() != nb::dtype<int64_t>() || a.ndim() != 1 || !packed(a) || !aligned(a, 8))
        refuse(name, "a contiguous vector of int64");
    return static_cast<const int64_t*>(a.data());
}
inline const double* numbers(const auto& a, const char* name) {
    if (a.dtype() != nb::dtype<double>() || a.ndim() != 1 || !packed(a) || !aligned(a, 8))
        refuse(name, "a contiguous vector of float64");
    return static_cast<const double*>(static_cast<const void*>(a.data()));
}
inline double* numbers_out(const Out& a, const char* name) { return const_cast<double*>(numbers(a, name)); }
