#include "exchange/docker_daemon.h"

#include <algorithm>

#include "oci/json_reader.h"
#include "oci/reference.h"
#include "sys/child.h"
#include "sys/file.h"
#include "sys/stream.h"
#include "sys/stream_pair.h"
#include "sys/system.h"
#include "sys/unix_socket.h"

namespace crank::exchange {

namespace {

constexpr std::chrono::minutes kSilence{10};  // an image is packed before its first byte comes
constexpr std::size_t kMaxMessage = std::size_t{64} << 10;
constexpr std::size_t kMaxInspected = std::size_t{4} << 20;
constexpr std::size_t kMaxList = std::size_t{64} << 20;
constexpr std::int64_t kMaxArchive = std::int64_t{1} << 40;

class Socket : public store::ByteSource {
public:
    Socket(sys::UniqueFd fd, std::string name) : fd_(std::move(fd)), name_(std::move(name)) {}
    Result<std::size_t> read(std::span<std::uint8_t> out) override {
        if (!TRY(sys::wait_readable(fd_.get(), kSilence)))
            return fail(Code::deadline_exceeded, name_ + " has said nothing for 10 minutes");
        return sys::read_some(fd_.get(), out, name_);
    }

private:
    sys::UniqueFd fd_;
    std::string name_;
};

std::string own_variable(std::string_view name) {
    for (const std::string& entry : sys::environment())
        if (entry.starts_with(name) && entry.substr(name.size()).starts_with('='))
            return entry.substr(name.size() + 1);
    return {};
}

// Nothing else may stand in a path: a name cannot become another request.
Result<> check_name(const std::string& name) {
    if (oci::looks_like_id(name)) return {};
    TRY(oci::Reference::parse(name));
    return {};
}

// "message" of an error's JSON, as much of it as can be shown.
std::string message_of(store::ByteSource& body) {
    auto text = store::read_all(body, kMaxMessage, "a message");
    if (!text) return {};
    auto json = oci::parse_json(*text, Code::corrupt);
    if (!json || !json->is_object() || !json->contains("message")) return {};
    auto message = oci::text_of((*json)["message"], "message", Code::corrupt).value_or("");
    std::erase_if(message, [](char c) { return static_cast<unsigned char>(c) < 0x20; });
    return message.substr(0, 500);
}

Result<DockerDaemon::Image> read_image(const oci::Json& json, const std::string& path) {
    auto in = TRY(oci::ObjectReader::create(json, path, Code::corrupt));
    DockerDaemon::Image out;
    TRY(in.read("Id", out.id));
    TRY(in.read("RepoTags", out.tags));
    // What Docker shows for an image without a name.
    std::erase(out.tags, "<none>:<none>");
    return out;
}

}  // namespace

Result<DockerDaemon> DockerDaemon::find() {
    std::string host = own_variable("DOCKER_HOST");
    if (host.starts_with("unix://")) return DockerDaemon(host.substr(7));
    if (!host.empty())
        return fail(
            Error(Code::unsupported, "DOCKER_HOST is " + host + ", and only unix:// is supported")
                .with_hint("docker save NAME | crank load"));
    std::string rootless = own_variable("XDG_RUNTIME_DIR") + "/docker.sock";
    bool own = sys::effective_uid() != 0 && sys::exists(rootless);
    return DockerDaemon(own ? rootless : "/var/run/docker.sock");
}

Result<std::unique_ptr<HttpAnswer>> DockerDaemon::get(const std::string& target) const {
    auto fd = sys::connect_unix(path_);
    bool nobody = !fd && (fd.error().code() == Code::not_found ||
                          fd.error().code() == Code::failed_precondition);
    if (nobody)
        return fail(Error(Code::not_found, "no Docker answers at " + name_)
                        .with_hint("start it, or set DOCKER_HOST=unix://PATH"));
    if (!fd && fd.error().code() == Code::permission_denied)
        return fail(std::move(fd).error().with_hint("run as root, or as a member of group docker"));
    if (!fd) return fail(std::move(fd).error());
    std::string request = "GET " + target +
                          " HTTP/1.1\r\nHost: docker\r\nUser-Agent: crank\r\n"
                          "Accept-Encoding: identity\r\nConnection: close\r\n\r\n";
    TRY_IN(sys::send_parts(fd->get(), store::bytes_of(request), {}), name_);
    auto answer = TRY(HttpAnswer::begin(std::make_unique<Socket>(*std::move(fd), name_), name_));
    if (answer->status() == 200) return answer;
    std::string message = message_of(*answer);
    Code code = answer->status() == 404 ? Code::not_found : Code::io;
    return fail(code, name_ + " answers " + std::to_string(answer->status()) +
                          (message.empty() ? "" : ": " + message));
}

Result<std::unique_ptr<HttpAnswer>> DockerDaemon::get_image(const std::string& name,
                                                            const std::string& what) const {
    TRY(check_name(name));
    auto answer = get("/images/" + name + "/" + what);
    bool absent =
        !answer && answer.error().code() == Code::not_found && answer.error().hint().empty();
    if (absent)
        return fail(
            Error(Code::not_found, "Docker at " + name_ + " has no image '" + name + "'")
                .with_hint("'docker images' lists what it has; from a registry: crank pull " +
                           name));
    return answer;
}

Result<DockerDaemon::Image> DockerDaemon::inspect(const std::string& name) const {
    auto answer = TRY(get_image(name, "json"));
    std::string text = TRY(store::read_all(*answer, kMaxInspected, "the answer of " + name_));
    auto json = TRY_IN(oci::parse_json(text, Code::corrupt), "the answer of " + name_);
    return TRY_IN(read_image(json, ""), "the answer of " + name_);
}

Result<std::vector<DockerDaemon::Image>> DockerDaemon::list() const {
    auto answer = TRY(get("/images/json"));
    std::string text = TRY(store::read_all(*answer, kMaxList, "the answer of " + name_));
    auto json = TRY_IN(oci::parse_json(text, Code::corrupt, kMaxList), "the answer of " + name_);
    if (!json.is_array()) return fail(Code::corrupt, "the answer of " + name_ + " is no list");
    std::vector<Image> out;
    for (std::size_t i = 0; i < json.size(); ++i)
        out.push_back(
            TRY_IN(read_image(json[i], "[" + std::to_string(i) + "]"), "the answer of " + name_));
    return out;
}

Result<> DockerDaemon::save(const std::string& name, int fd, const ProgressSink& progress) const {
    auto tell = [&](Progress::Kind kind, std::size_t bytes = 0) {
        if (progress) progress({kind, name, static_cast<std::int64_t>(bytes)});
    };
    auto answer = TRY(get_image(name, "get"));
    std::int64_t size = 0;
    tell(Progress::Kind::begun);
    TRY(store::copy_all(*answer, [&](store::Bytes bytes) -> Result<> {
        size += static_cast<std::int64_t>(bytes.size());
        if (size > kMaxArchive) return fail(Code::exhausted, "the archive has no end");
        tell(Progress::Kind::moved, bytes.size());
        return sys::write_all(fd, {reinterpret_cast<const char*>(bytes.data()), bytes.size()},
                              "the archive of " + name_);
    }));
    tell(Progress::Kind::finished);
    return {};
}

}  // namespace crank::exchange
