#pragma once

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string_view>

#include "shim/wire.h"

namespace crank::shim {

// A plan's bytes as a mapping has them: at a page's start. They end where they end, so that a byte
// read too far is seen.
class PlanMemory {
public:
    explicit PlanMemory(std::size_t size) : size_(size) {
        void* made = nullptr;
        if (posix_memalign(&made, kPage, size) != 0) std::abort();
        bytes_.reset(static_cast<char*>(made));
        std::memset(bytes(), 0, size);
    }
    explicit PlanMemory(std::string_view bytes) : PlanMemory(bytes.size()) {
        std::memcpy(this->bytes(), bytes.data(), bytes.size());
    }

    char* bytes() const { return bytes_.get(); }
    std::size_t size() const { return size_; }
    Header& header() const { return *reinterpret_cast<Header*>(bytes()); }
    // The header has to say where they are.
    Op& op(std::uint32_t i) const { return reinterpret_cast<Op*>(bytes() + header().ops)[i]; }

private:
    struct Free {
        void operator()(char* bytes) const { std::free(bytes); }
    };
    std::unique_ptr<char, Free> bytes_;
    std::size_t size_;
};

}  // namespace crank::shim
