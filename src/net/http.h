// One HTTP request through libcurl: bounded, without redirects, credentials or cookies of its own.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "registry/url.h"

namespace crank::net {

using Bytes = std::span<const std::uint8_t>;

// How a host is trusted.
struct TlsTrust {
    bool verify = true;
    std::string authorities;       // PEM: the host's own beside the system's; empty: the system's
    std::string certificate, key;  // PEM: of a client; may be empty
};

struct HttpResponse {
    long status = 0;
    std::map<std::string, std::string> headers;  // names in lower case
    std::string body;                            // what no sink took

    std::string header(const std::string& name) const;
    bool ok() const { return status >= 200 && status < 300; }
};

struct HttpRequest {
    std::string method = "GET";
    registry::Url url;
    std::vector<std::string> headers;  // "Name: value"
    std::string authorization;         // the header's value; empty: none
    const TlsTrust* trust = nullptr;
    std::string body;  // of a POST or a small PUT
    // The body of a large PUT, `upload_size` bytes.
    std::function<Result<std::size_t>(std::span<std::uint8_t>)> upload;
    std::int64_t upload_size = -1;
    // Takes the body of a 200 or 206 instead of `body`.
    std::function<Result<>(const HttpResponse&, Bytes)> sink;
    std::size_t max_body = 64 * 1024;  // of HttpResponse::body: corrupt beyond that
    std::chrono::seconds deadline{0};  // of everything; 0: none, a slow transfer ends all the same
};

// The codes that another attempt may cure: io and deadline_exceeded.
bool may_pass(const Error& error);

// A connection that is kept for the next request to the same host. Used by one thread.
class Http {
public:
    Http();
    ~Http();
    Http(const Http&) = delete;
    Http& operator=(const Http&) = delete;
    // Errors: io (broken off), deadline_exceeded (too slow), failed_precondition (no such host, no
    // connection), permission_denied (the certificate), unsupported (it speaks no TLS), corrupt
    // (no HTTP, too much of it), and the sink's.
    Result<HttpResponse> send(const HttpRequest& request);

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace crank::net
