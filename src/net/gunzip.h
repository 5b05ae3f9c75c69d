// Layers as they come from a registry, decompressed in the process that is confined, beside crank's
// unpacking of what came before.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "net/http.h"

struct inflate_state;

namespace crank::net {

// Of one blob: hands on what its gzip members hold, and what is not gzip as it is (RFC 1952).
class Gunzip {
public:
    using Sink = std::function<Result<>(Bytes)>;
    Gunzip(std::string name, Sink sink);
    ~Gunzip();

    // Errors: corrupt, which is final; the sink's.
    Result<> feed(Bytes bytes);
    // What is left. Errors: corrupt (a member has not ended); the sink's.
    Result<> finish();

private:
    enum class Kind { unknown, gzip, other };
    Result<> begin();
    Result<> take(Bytes bytes);
    Result<Bytes> take_header(Bytes bytes);
    Result<> inflate(Bytes& bytes);
    Result<> flush();

    std::string name_;
    Sink sink_;
    Kind kind_ = Kind::unknown;
    std::vector<std::uint8_t> head_;  // until the kind is known; of a member until it is whole
    std::vector<std::uint8_t> out_;
    std::size_t filled_ = 0;  // of out_
    std::unique_ptr<inflate_state> state_;
    enum class At { between_members, in_header, in_data } at_ = At::between_members;
};

}  // namespace crank::net
