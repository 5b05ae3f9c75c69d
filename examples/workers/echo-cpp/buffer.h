// Bytes that come in at one end and go out at the other. Not std::string, whose library would
// triple the size of the program.
#pragma once

#include <cstdlib>
#include <cstring>
#include <string_view>

namespace echo {

class Buffer {
public:
    Buffer() = default;
    Buffer(const Buffer&) = delete;
    Buffer& operator=(const Buffer&) = delete;
    ~Buffer() { std::free(data_); }

    std::string_view view() const { return {data_ + begin_, end_ - begin_}; }
    std::size_t size() const { return end_ - begin_; }
    bool empty() const { return begin_ == end_; }

    // Room for `wanted` bytes behind the last; false where there is no memory.
    bool reserve(std::size_t wanted) {
        if (capacity_ - end_ >= wanted) return true;
        if (begin_ > 0) {
            std::memmove(data_, data_ + begin_, size());
            end_ -= begin_;
            begin_ = 0;
        }
        if (capacity_ - end_ >= wanted) return true;
        std::size_t larger = capacity_ == 0 ? kFirst : capacity_ * 2;
        while (larger - end_ < wanted) larger *= 2;
        auto* moved = static_cast<char*>(std::realloc(data_, larger));
        if (moved == nullptr) return false;
        data_ = moved;
        capacity_ = larger;
        return true;
    }
    char* tail() { return data_ + end_; }
    void filled(std::size_t count) { end_ += count; }
    bool append(std::string_view text) {
        if (text.empty()) return true;  // it may point nowhere, which memcpy(3) forbids
        if (!reserve(text.size())) return false;
        std::memcpy(tail(), text.data(), text.size());
        filled(text.size());
        return true;
    }
    void consume(std::size_t count) {
        begin_ += count;
        if (begin_ == end_) begin_ = end_ = 0;
    }
    // Gives large memory back once it is empty, so that an idle connection costs little.
    void shrink() {
        if (!empty() || capacity_ <= kKeep) return;
        std::free(data_);
        data_ = nullptr;
        capacity_ = begin_ = end_ = 0;
    }

private:
    static constexpr std::size_t kFirst = 4096;
    static constexpr std::size_t kKeep = std::size_t{64} << 10;
    char* data_ = nullptr;
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
    std::size_t capacity_ = 0;
};

}  // namespace echo
