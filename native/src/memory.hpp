// Memory that is released with its owner. The standard library's containers will not do: the linker would keep one copy
// of their functions, compiled for any of the instruction sets.
#pragma once
#include "api.hpp"

namespace {

// Room for numbers, zeroed and aligned, with a cache line to spare so that whole vectors may be read at its end.
template <class T> class Memory {
public:
    Memory() = default;
    explicit Memory(int64_t count) : p_(static_cast<T*>(deltaprop::allocate(count * int64_t(sizeof(T)) + 64))) {}
    Memory(const Memory&) = delete;
    Memory& operator=(Memory&& other) noexcept {
        T* mine = p_;
        p_ = other.p_;
        other.p_ = mine;
        return *this;
    }
    ~Memory() { deltaprop::release(p_); }
    operator T*() const { return p_; }

private:
    T* p_ = nullptr;
};

}  // namespace
