// Bytes on their way from one descriptor to another, step by step beside other work.
#pragma once

#include <cstddef>
#include <vector>

#include "sys/poll.h"

namespace crank::sys {

class ByteCopy {
public:
    ByteCopy() = default;
    ByteCopy(int from, int to) : from_(from), to_(to) {}  // neither is owned

    bool open() const { return from_ >= 0; }
    // Which of the two descriptors it waits for now.
    PollEntry wants() const;
    // After one of them is ready. False: the source ended, or nobody reads the destination.
    bool step();

private:
    bool drained() const { return begin_ == end_; }
    bool close();

    int from_ = -1, to_ = -1;
    std::size_t begin_ = 0, end_ = 0;
    std::vector<char> buffer_;
};

}  // namespace crank::sys
