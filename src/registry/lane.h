// How crank and crank-net talk: stream sockets ("lanes"), each serving one request at a time.
//
// crank sends a request; crank-net answers with data frames and notes, and ends with one result.
// For an upload crank sends data frames and an end after its request. What a lane carries is
// bounded, so that neither side trusts the other with its memory.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "sys/unique_fd.h"

namespace crank::registry {

// A request or a result: names and texts. Numbers are decimal.
using Fields = std::map<std::string, std::string>;
std::string encode(const Fields& fields);
// Errors: corrupt.
Result<Fields> decode(std::string_view text);
// Errors: internal where there is no such field.
Result<std::string> field(const Fields& fields, const std::string& name);
// Fit for a terminal: a server's words must not move the cursor.
std::string shown(std::string_view text);
// A result that says what went wrong, as shown(), and the way back.
Fields fields_of(const Error& error);
std::optional<Error> error_of(const Fields& fields);

enum class FrameKind : std::uint8_t {
    request = 'Q',
    data = 'D',
    end = 'E',    // of an upload's data
    note = 'N',   // a line for the user
    moved = 'M',  // how many bytes of a blob have come, where its data are others
    result = 'R'  // the last frame of an answer
};

inline constexpr std::size_t kMaxFrame = std::size_t{1} << 20;

struct Frame {
    FrameKind kind = FrameKind::end;
    std::span<const std::uint8_t> bytes;  // valid until the next receive()
    std::string_view text() const {
        return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
    }
};

class Lane {
public:
    explicit Lane(sys::UniqueFd socket) : socket_(std::move(socket)) {}

    // Data of any length is sent as several frames. not_found: the other end is closed.
    Result<> send(FrameKind kind, std::span<const std::uint8_t> bytes);
    Result<> send(FrameKind kind, std::string_view text);
    // nothing: the other end is closed. Errors: corrupt (no frame), io.
    Result<std::optional<Frame>> receive();
    int fd() const { return socket_.get(); }

private:
    sys::UniqueFd socket_;
    std::vector<std::uint8_t> buffer_;
};

// Performs what the other end asks for, one request after the other, until it is closed. Errors:
// those of receive(); those of `perform` are its answers.
Result<> serve(Lane& lane, const std::function<Result<Fields>(const Fields&)>& perform);

}  // namespace crank::registry
