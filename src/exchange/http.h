// One answer of an HTTP server (RFC 9112), as bytes. Internal to exchange.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "store/byte_source.h"

namespace crank::exchange {

// The body of an answer. The server is hostile: a head has at most 64 KiB, and the end of the body
// is only where the answer says that it is. Errors: corrupt.
class HttpAnswer : public store::ByteSource {
public:
    // Reads the head; `name` is for errors.
    static Result<std::unique_ptr<HttpAnswer>> begin(std::unique_ptr<store::ByteSource> connection,
                                                     std::string name);
    int status() const { return status_; }
    Result<std::size_t> read(std::span<std::uint8_t> out) override;

private:
    HttpAnswer(std::unique_ptr<store::ByteSource> connection, std::string name)
        : connection_(std::move(connection)), name_(std::move(name)) {}
    std::unexpected<Error> corrupt(const std::string& what) const;
    Result<bool> fill();
    Result<std::string> line();
    Result<> head();
    Result<> header(const std::string& text);
    Result<> next_chunk();

    std::unique_ptr<store::ByteSource> connection_;
    std::string name_;
    std::vector<std::uint8_t> buffer_ = std::vector<std::uint8_t>(std::size_t{64} << 10);
    std::size_t at_ = 0, end_ = 0;
    std::size_t head_left_ = std::size_t{64} << 10;
    int status_ = 0;
    bool chunked_ = false, first_chunk_ = true, ended_ = false;
    std::optional<std::int64_t> length_;
    std::int64_t left_ = 0;  // of the body, or of the chunk
};

}  // namespace crank::exchange
