// A crank-net at work, and what is asked of it. It ends with the session.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "registry/lane.h"
#include "sys/child.h"

namespace crank::transfer {

using registry::field;
using registry::Fields;
using Bytes = std::span<const std::uint8_t>;

// One request at a time; used by one thread.
class Channel {
public:
    using Note = std::function<void(const std::string&)>;
    // `cancel_fd`: readable once the user wants it to end (`cancelled`); -1: never.
    Channel(sys::UniqueFd socket, Note note, int cancel_fd)
        : lane_(std::move(socket)), note_(std::move(note)), cancel_fd_(cancel_fd) {}

    // Answers without data, or with all of it in `data` (at most `max_data` bytes; corrupt beyond).
    Result<Fields> ask(const Fields& request, std::string* data = nullptr,
                       std::size_t max_data = 0);
    // Sends `request`, then what `upload` reads to its end.
    Result<Fields> send(const Fields& request,
                        const std::function<Result<std::size_t>(std::span<std::uint8_t>)>& upload);
    // A download in pieces: begin(), then next() until it is empty. The end is only reached where
    // crank-net has verified everything.
    Result<> begin(const Fields& request);
    Result<Bytes> next();
    // Bytes of the blob that have come since this was last asked; of what crank-net decompresses
    // they are others than those of next().
    std::int64_t take_moved() { return std::exchange(moved_, 0); }
    // Reads over what is left of the download. Its error where it was not verified.
    Result<> complete();

private:
    Result<registry::Frame> receive();
    Result<> abandon();
    Result<Fields> finish(std::string* data, std::size_t max_data);
    registry::Lane lane_;
    Note note_;
    int cancel_fd_;
    bool answering_ = false;
    bool tells_moved_ = false;  // this answer does
    std::int64_t moved_ = 0;
};

struct SessionOptions {
    std::string program;  // path of crank-net
    bool tls_verify = true;
    int lanes = 4;
    Channel::Note note;  // a line for the user; called by any of the channels' threads
    int cancel_fd = -1;
};

class Session {
public:
    static Result<Session> start(const SessionOptions& options);
    std::vector<std::unique_ptr<Channel>>& channels() { return channels_; }
    Channel& first() { return *channels_.front(); }

private:
    Session() = default;
    std::unique_ptr<sys::Child> child_;
    std::vector<std::unique_ptr<Channel>> channels_;
};

}  // namespace crank::transfer
