#include "transfer/session.h"

#include <array>

#include "base/text.h"
#include "sys/poll.h"
#include "sys/signals.h"
#include "sys/stream_pair.h"
#include "sys/system.h"

namespace crank::transfer {

using registry::Frame;
using registry::FrameKind;

namespace {

constexpr int kFirstLane = 3;

std::unexpected<Error> gone() {
    return fail(Error(Code::internal, "crank-net ended before it had answered")
                    .with_hint("try again; --debug shows more"));
}

}  // namespace

Result<Session> Session::start(const SessionOptions& options) {
    sys::ignore_broken_pipe();
    Session session;
    sys::SpawnRequest request;
    request.path = options.program;
    request.args = {"crank-net", "registry", "--lanes=" + std::to_string(options.lanes)};
    if (!options.tls_verify) request.args.emplace_back("--tls-verify=false");
    request.env = sys::environment();
    std::vector<sys::UniqueFd> theirs;
    for (int i = 0; i < options.lanes; ++i) {
        auto [ours, other] = TRY(sys::make_stream_pair());
        request.fds.emplace_back(other.get(), kFirstLane + i);
        theirs.push_back(std::move(other));
        session.channels_.push_back(
            std::make_unique<Channel>(std::move(ours), options.note, options.cancel_fd));
    }
    session.child_ = std::make_unique<sys::Child>(TRY(sys::spawn(request)));
    return session;
}

Result<> Channel::begin(const Fields& request) {
    TRY(abandon());
    // An error here means that it is gone; what it said before, if anything, tells why.
    bool sent = lane_.send(FrameKind::request, registry::encode(request)).has_value();
    answering_ = true;
    tells_moved_ = request.contains("unzipped");
    moved_ = 0;
    if (sent) return {};
    TRY(complete());
    return gone();
}

Result<registry::Frame> Channel::receive() {
    if (cancel_fd_ >= 0) {
        std::array<sys::PollEntry, 2> ready{
            {{.fd = lane_.fd(), .want_read = true}, {.fd = cancel_fd_, .want_read = true}}};
        TRY(sys::poll(ready, std::nullopt));
        if (ready[1].readable) return fail(Code::cancelled, "the transfer was cancelled");
    }
    auto frame = TRY(lane_.receive());
    if (!frame) return gone();
    return *frame;
}

Result<Bytes> Channel::next() {
    while (true) {
        Frame frame = TRY(receive());
        if (frame.kind == FrameKind::data && frame.bytes.empty()) continue;
        if (frame.kind == FrameKind::data) {
            if (!tells_moved_) moved_ += static_cast<std::int64_t>(frame.bytes.size());
            return frame.bytes;
        }
        if (frame.kind == FrameKind::moved) {
            moved_ += parse_int(frame.text()).value_or(0);
            continue;
        }
        if (frame.kind == FrameKind::note) {
            if (note_) note_(std::string(frame.text()));
            continue;
        }
        if (frame.kind != FrameKind::result) return fail(Code::internal, "crank-net is confused");
        answering_ = false;
        auto fields = TRY(registry::decode(frame.text()));
        if (auto error = registry::error_of(fields)) return fail(*std::move(error));
        return Bytes{};
    }
}

// So that the channel can be used again; how the download ended is nobody's interest any more.
Result<> Channel::abandon() {
    while (answering_) {
        auto piece = next();
        if (answering_ && !piece) return fail(std::move(piece).error());
    }
    return {};
}

Result<> Channel::complete() {
    while (answering_) TRY(next());
    return {};
}

Result<Fields> Channel::finish(std::string* data, std::size_t max_data) {
    while (true) {
        Frame frame = TRY(receive());
        if (frame.kind == FrameKind::note && note_) note_(std::string(frame.text()));
        if (frame.kind == FrameKind::data) {
            if (data == nullptr || data->size() + frame.bytes.size() > max_data)
                return fail(Code::corrupt, "crank-net's answer is too large");
            data->append(frame.text());
        }
        if (frame.kind != FrameKind::result) continue;
        answering_ = false;
        auto fields = TRY(registry::decode(frame.text()));
        if (auto error = registry::error_of(fields)) return fail(*std::move(error));
        return fields;
    }
}

Result<Fields> Channel::ask(const Fields& request, std::string* data, std::size_t max_data) {
    TRY(begin(request));
    return finish(data, max_data);
}

Result<Fields> Channel::send(
    const Fields& request,
    const std::function<Result<std::size_t>(std::span<std::uint8_t>)>& upload) {
    TRY(begin(request));
    std::vector<std::uint8_t> buffer(256 * 1024);
    Result<std::size_t> read = 0;
    while ((read = upload(buffer)) && *read > 0)
        if (!lane_.send(FrameKind::data, std::span(buffer).first(*read))) return gone();
    // What cannot be read is missing at the end, and the registry refuses the rest.
    if (!lane_.send(FrameKind::end, std::string_view())) return gone();
    auto answer = finish(nullptr, 0);
    if (!read) return fail(std::move(read).error());
    return answer;
}

}  // namespace crank::transfer
