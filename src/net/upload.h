// What the requests of one upload share. Internal to service*.cpp.
#pragma once

#include <algorithm>
#include <cstring>
#include <span>

#include "net/http.h"
#include "registry/lane.h"

namespace crank::net {

// The data frames of an upload as a stream.
class LaneUpload {
public:
    LaneUpload(registry::Lane& lane, bool& open) : lane_(lane), open_(open) {}
    Result<std::size_t> read(std::span<std::uint8_t> out) {
        if (rest_.empty() && open_) {
            auto frame = TRY(lane_.receive());
            if (!frame) return fail(Code::not_found, "crank is gone");
            open_ = frame->kind == registry::FrameKind::data;
            if (open_) rest_ = frame->bytes;
        }
        std::size_t n = std::min(out.size(), rest_.size());
        if (n > 0) std::memcpy(out.data(), rest_.data(), n);
        rest_ = rest_.subspan(n);
        return n;
    }

private:
    registry::Lane& lane_;
    bool& open_;
    Bytes rest_;
};

}  // namespace crank::net
