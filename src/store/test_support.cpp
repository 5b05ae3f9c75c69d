#include "store/test_support.h"

#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "sys/attributes.h"
#include "sys/file.h"
#include "sys/stream.h"

namespace crank::store::test {

TempDir::TempDir() {
    const char* base = std::getenv("TMPDIR");
    std::string pattern = std::string(base != nullptr ? base : "/tmp") + "/crank-store-XXXXXX";
    if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("mkdtemp");
    path_ = pattern;
}
TempDir::~TempDir() { (void)sys::remove_tree(path_); }

bool is_root() { return ::geteuid() == 0; }

void write(const std::string& path, const std::string& content, unsigned mode) {
    std::ofstream(path) << content;
    ::chmod(path.c_str(), mode);
}

std::string read(const std::string& path) { return must(sys::read_file(path)); }

std::vector<std::string> listing(const std::string& tree) {
    std::vector<std::string> out;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(tree)) {
        auto dirfd = must(sys::open_dir(entry.path().parent_path().string()));
        std::string name = entry.path().filename().string();
        auto a = must(sys::attributes_at(dirfd.get(), name));
        char mode[8];
        std::snprintf(mode, sizeof mode, "%04o", a.mode & 07777);
        std::string line = entry.path().string().substr(tree.size() + 1);
        line += a.is_dir()           ? " dir "
                : a.is_regular()     ? " file "
                : a.is_symlink()     ? " link "
                : a.is_fifo()        ? " fifo "
                : a.is_char_device() ? " char "
                                     : " block ";
        line += std::string(mode) + " " + std::to_string(a.uid) + ":" + std::to_string(a.gid);
        if (a.is_regular()) line += " " + std::to_string(a.size);
        if (a.is_symlink()) line += " " + must(sys::read_link_at(dirfd.get(), name));
        if (a.is_char_device() || a.is_block_device())
            line += " " + std::to_string(a.major) + "," + std::to_string(a.minor);
        out.push_back(line);
    }
    std::ranges::sort(out);
    return out;
}

namespace {

Item item(const std::string& path, TarKind kind, unsigned mode) {
    Item out;
    out.entry.path = path;
    out.entry.kind = kind;
    out.entry.mode = mode;
    out.entry.uid = ::geteuid();
    out.entry.gid = ::getegid();
    out.entry.mtime = 1'000'000'000;
    return out;
}

}  // namespace

Item file(const std::string& path, const std::string& content) {
    Item out = item(path, TarKind::file, 0644);
    out.content = content;
    out.entry.size = static_cast<std::int64_t>(content.size());
    return out;
}
Item dir(const std::string& path) { return item(path, TarKind::dir, 0755); }
Item symlink(const std::string& path, const std::string& target) {
    Item out = item(path, TarKind::symlink, 0777);
    out.entry.link = target;
    return out;
}
Item hard_link(const std::string& path, const std::string& target) {
    Item out = item(path, TarKind::hard_link, 0644);
    out.entry.link = target;
    return out;
}
Item device(const std::string& path, TarKind kind, unsigned major, unsigned minor) {
    Item out = item(path, kind, 0600);
    out.entry.major = major;
    out.entry.minor = minor;
    return out;
}

std::string tar_of(const std::vector<Item>& items) {
    std::string out;
    for (const Item& one : items) {
        out += encode_header(one.entry) + one.content;
        out.append(
            static_cast<std::size_t>(tar_padding(static_cast<std::int64_t>(one.content.size()))),
            '\0');
    }
    return out + std::string(2 * kTarBlock, '\0');
}

std::string gzip(const std::string& content) {
    z_stream stream{};
    ::deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
    std::string out(::deflateBound(&stream, content.size()) + 32, '\0');
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(content.data()));
    stream.avail_in = static_cast<uInt>(content.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    ::deflate(&stream, Z_FINISH);
    out.resize(stream.total_out);
    ::deflateEnd(&stream);
    return out;
}

std::string zstd(const std::string& content) {
    std::string out(::ZSTD_compressBound(content.size()), '\0');
    out.resize(::ZSTD_compress(out.data(), out.size(), content.data(), content.size(), 3));
    return out;
}

oci::Digest add_layer(Store& store, const std::string& name, const std::string& content) {
    Staging staging = must(store.stage());
    write(staging.upper() + "/" + name, content);
    return must(store.commit(std::move(staging), {})).diff_id;
}

std::string config_of(const std::vector<oci::Digest>& diff_ids, const std::string& author) {
    oci::ImageConfig config;
    config.author = author;
    config.platform = {"amd64", "linux", ""};
    config.diff_ids = diff_ids;
    return oci::serialize(config);
}

Image add_image(Store& store, const std::string& tag, const std::string& content) {
    oci::Digest layer = add_layer(store, "file", content);
    Image image = must(store.add_image(config_of({layer}, content)));
    if (!tag.empty()) must(store.tag(must(oci::Reference::parse(tag)), image.id));
    return image;
}

namespace {

pid_t start(const std::string& point, const std::function<void()>& body) {
    pid_t pid = ::fork();
    if (pid != 0) return pid;
    ::setenv("CRANK_CRASH_AT", point.c_str(), 1);
    int code = 0;
    try {
        body();
    } catch (const std::exception& error) {
        std::fprintf(stderr, "in the child: %s\n", error.what());
        code = 1;
    }
    ::_exit(testing::Test::HasFailure() ? 1 : code);
}

bool ended_by_signal(pid_t pid) {
    int status = 0;
    if (::waitpid(pid, &status, 0) != pid) throw std::runtime_error("waitpid");
    if (WIFEXITED(status) && WEXITSTATUS(status) != 0) throw std::runtime_error("the child failed");
    return WIFSIGNALED(status);
}

}  // namespace

bool killed_at(const std::string& point, const std::function<void()>& body) {
    return ended_by_signal(start(point, body));
}

void run_at_once(const std::vector<std::function<void()>>& bodies) {
    std::vector<pid_t> pids;
    for (const auto& body : bodies) pids.push_back(start("", body));
    for (pid_t pid : pids)
        if (ended_by_signal(pid)) throw std::runtime_error("a child was killed");
}

void mount_small_tmpfs(const std::string& path, const std::string& options) {
    if (::unshare(CLONE_NEWNS) != 0 ||
        ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        ::mount("tmpfs", path.c_str(), "tmpfs", 0, options.c_str()) != 0)
        throw std::runtime_error("cannot mount a tmpfs on " + path);
}

std::size_t count(const std::string& directory) { return must(sys::list_dir(directory)).size(); }

std::string tar_again(Store& store, const Layer& layer) {
    TempDir temp;
    auto dir = must(sys::open_dir(temp.path()));
    auto fd = must(sys::create_file_at(dir.get(), "layer.tar", 0600));
    must(store.write_layer_tar(layer.diff_id, fd.get()));
    return read(temp / "layer.tar");
}

}  // namespace crank::store::test
