// Anonymous files and shared mappings.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "base/error.h"
#include "sys/unique_fd.h"

namespace crank::sys {

// memfd_create, close-on-exec, of `size` bytes.
Result<UniqueFd> make_memory_file(const std::string& name, std::size_t size);
// A copy of the file in a sealed memfd: nobody can write to it again, by whatever descriptor.
Result<UniqueFd> sealed_copy(const std::string& path);

// A MAP_SHARED mapping, unmapped when it goes.
class SharedMapping {
public:
    static Result<SharedMapping> map(int fd, std::size_t size);
    SharedMapping() = default;
    SharedMapping(SharedMapping&& other) noexcept
        : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
    SharedMapping& operator=(SharedMapping&& other) noexcept {
        std::swap(data_, other.data_);
        std::swap(size_, other.size_);
        return *this;
    }
    ~SharedMapping();
    void* data() const { return data_; }
    std::size_t size() const { return size_; }

private:
    void* data_ = nullptr;
    std::size_t size_ = 0;
};

// Wakes every process that waits for this word of a shared mapping (futex(2)).
void wake_all(std::uint32_t& word);

}  // namespace crank::sys
