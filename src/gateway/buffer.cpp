#include "gateway/buffer.h"

#include <cstring>
#include <utility>

namespace crank::gateway {

BufferPool::Block BufferPool::take() {
    if (free_.empty()) return Block(new char[kBlock]);
    Block block = std::move(free_.back());
    free_.pop_back();
    return block;
}

void BufferPool::give_back(Block block) {
    if (free_.size() < kKept) free_.push_back(std::move(block));
}

Buffer::Buffer(Buffer&& other) noexcept
    : pool_(other.pool_),
      block_(std::move(other.block_)),
      begin_(std::exchange(other.begin_, 0)),
      end_(std::exchange(other.end_, 0)) {}

Buffer& Buffer::operator=(Buffer&& other) noexcept {
    if (this == &other) return *this;
    clear();
    pool_ = other.pool_;
    block_ = std::move(other.block_);
    begin_ = std::exchange(other.begin_, 0);
    end_ = std::exchange(other.end_, 0);
    return *this;
}

std::span<char> Buffer::space() {
    if (!block_) block_ = pool_->take();
    // Half a block is worth a call; less is worth moving what is there.
    if (begin_ > 0 && BufferPool::kBlock - end_ < BufferPool::kBlock / 2) {
        std::memmove(block_.get(), block_.get() + begin_, end_ - begin_);
        end_ -= std::exchange(begin_, 0);
    }
    return {block_.get() + end_, BufferPool::kBlock - end_};
}

void Buffer::wrote(std::size_t count) {
    end_ += count;
    if (empty()) clear();
}

void Buffer::consume(std::size_t count) {
    begin_ += count;
    if (empty()) clear();
}

void Buffer::clear() {
    if (block_) pool_->give_back(std::move(block_));
    begin_ = end_ = 0;
}

}  // namespace crank::gateway
