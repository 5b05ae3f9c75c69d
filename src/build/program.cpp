#include "build/program.h"

#include <array>

#include "base/text.h"
#include "build/streams.h"
#include "sys/file.h"
#include "sys/stream.h"
#include "sys/walk.h"

namespace crank::build {

namespace {

constexpr int kSigkill = 9;
// A grandchild that kept the pipes open does not keep us.
constexpr std::chrono::milliseconds kDrainPatience{1000};

}  // namespace

Result<sys::WaitStatus> run_program(sys::SpawnRequest request, int cancel_fd,
                                    const OutputSink& output) {
    sys::Pipe out = TRY(make_stream()), error = TRY(make_stream());
    sys::UniqueFd input = TRY(sys::open_file("/dev/null"));
    request.fds.insert(request.fds.end(),
                       {{input.get(), 0}, {out.write.get(), 1}, {error.write.get(), 2}});
    sys::Child child = TRY(sys::spawn(request));
    out.write.reset();
    error.write.reset();
    Streams streams{std::move(out.read), std::move(error.read)};
    while (true) {
        std::array entries{reading(streams.out.get()), reading(streams.error.get()),
                           reading(child.pidfd()), reading(cancel_fd)};
        TRY(sys::poll(entries, std::nullopt));
        if (entries[3].readable || entries[3].hung_up) {
            (void)child.signal(kSigkill);
            (void)child.wait();
            return fail(Code::cancelled, request.args.front() + " was cancelled");
        }
        TRY(streams.read(entries[0], entries[1], output));
        if (entries[2].readable || entries[2].hung_up) break;
    }
    TRY(streams.drain(kDrainPatience, output));
    return child.wait();
}

std::string find_program(std::string_view name, std::string_view path) {
    for (const std::string& directory : split(path, ':')) {
        if (!directory.starts_with('/')) continue;
        std::string candidate = directory + "/" + std::string(name);
        auto info = sys::stat(candidate);
        if (info && info->is_regular() && (info->mode & 0111) != 0) return candidate;
    }
    return "";
}

}  // namespace crank::build
