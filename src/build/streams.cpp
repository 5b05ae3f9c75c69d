#include "build/streams.h"

#include <array>

#include "sys/file.h"

namespace crank::build {

namespace {

// Passes on what there is to read. false: the end of the stream.
Result<bool> pump(int fd, bool error_stream, const OutputSink& output) {
    std::array<char, 16384> buffer;
    auto n = TRY(sys::read_some(fd, buffer));
    if (!n) return true;
    if (*n == 0) return false;
    if (output) output(error_stream, std::string_view(buffer.data(), *n));
    return true;
}

}  // namespace

Result<> Streams::read(const sys::PollEntry& out_entry, const sys::PollEntry& error_entry,
                       const OutputSink& output) {
    if (out && (out_entry.readable || out_entry.hung_up))
        if (!TRY(pump(out.get(), false, output))) out.reset();
    if (error && (error_entry.readable || error_entry.hung_up))
        if (!TRY(pump(error.get(), true, output))) error.reset();
    return {};
}

Result<> Streams::drain(std::chrono::milliseconds patience, const OutputSink& output) {
    while (open()) {
        std::array entries{reading(out.get()), reading(error.get())};
        if (!TRY(sys::poll(entries, patience))) return {};
        TRY(read(entries[0], entries[1], output));
    }
    return {};
}

Result<sys::Pipe> make_stream() {
    sys::Pipe pipe = TRY(sys::make_pipe());
    TRY(sys::set_nonblocking(pipe.read.get()));
    return pipe;
}

}  // namespace crank::build
