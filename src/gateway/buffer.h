// Bytes on their way, bounded, in memory that is only held while there are some.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

namespace crank::gateway {

class BufferPool {
public:
    static constexpr std::size_t kBlock = 64 * 1024;
    using Block = std::unique_ptr<char[]>;

    Block take();
    void give_back(Block block);

private:
    static constexpr std::size_t kKept = 64;
    std::vector<Block> free_;
};

// A queue of at most BufferPool::kBlock bytes.
class Buffer {
public:
    explicit Buffer(BufferPool& pool) : pool_(&pool) {}
    Buffer(Buffer&& other) noexcept;
    Buffer& operator=(Buffer&& other) noexcept;
    ~Buffer() { clear(); }

    std::string_view data() const { return {block_.get() + begin_, end_ - begin_}; }
    bool empty() const { return begin_ == end_; }
    bool is_full() const { return end_ - begin_ == BufferPool::kBlock; }
    // Where more can be written, then how much was; not empty unless the queue is full.
    std::span<char> space();
    void wrote(std::size_t count);
    void consume(std::size_t count);
    void clear();

private:
    BufferPool* pool_;
    BufferPool::Block block_;
    std::size_t begin_ = 0, end_ = 0;
};

}  // namespace crank::gateway
