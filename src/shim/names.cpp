#include "shim/names.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace crank::shim {
namespace {

constexpr size_t kMostPath = 4096, kMostTarget = 512;
// Ids of services begin so, and their files are below that (network/service.h).
constexpr const char* kService = "service-";
constexpr const char* kServices = "services";

// A file's lines one after the other, of which each fits into the buffer; longer ones are left out.
class Lines {
public:
    explicit Lines(const char* path) : fd_(open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)) {}
    ~Lines() {
        if (fd_ >= 0) close(fd_);
    }
    Lines(const Lines&) = delete;
    Lines& operator=(const Lines&) = delete;

    // nullptr: there is none any more.
    char* next() {
        while (true) {
            char* begin = buffer_ + begin_;
            auto* newline = static_cast<char*>(memchr(begin, '\n', end_ - begin_));
            if (newline != nullptr) {
                *newline = 0;
                begin_ = static_cast<size_t>(newline - buffer_) + 1;
                if (!skipping_) return begin;
                skipping_ = false;
                continue;
            }
            if (!fill()) return nullptr;
        }
    }

private:
    bool fill() {
        if (fd_ < 0) return false;
        if (begin_ == 0 && end_ == sizeof buffer_) {
            skipping_ = true;
            end_ = 0;
        }
        memmove(buffer_, buffer_ + begin_, end_ - begin_);
        end_ -= begin_;
        begin_ = 0;
        ssize_t n;
        do n = read(fd_, buffer_ + end_, sizeof buffer_ - end_);
        while (n < 0 && errno == EINTR);
        if (n <= 0) return false;
        end_ += static_cast<size_t>(n);
        return true;
    }

    int fd_;
    size_t begin_ = 0, end_ = 0;
    bool skipping_ = false;
    char buffer_[2 * kMostPath];
};

// What stands behind the word and a blank; nullptr: the line begins with another.
char* behind(char* line, const char* word) {
    size_t length = strlen(word);
    return strncmp(line, word, length) == 0 && line[length] == ' ' ? line + length + 1 : nullptr;
}

struct Network {
    const char* name;
    const char* dir;
};

bool read_network(char* line, Network& network) {
    char* rest = behind(line, "network");
    char* blank = rest == nullptr ? nullptr : strchr(rest, ' ');
    if (blank == nullptr) return false;
    *blank = 0;
    network = {rest, blank + 1};
    return true;
}

// A link's target: the id, and what stands behind a blank.
struct Target {
    char text[kMostTarget];
    const char* rest = "";

    bool read(int dir, const char* path) {
        ssize_t n = readlinkat(dir, path, text, sizeof text - 1);
        text[n < 0 ? 0 : n] = 0;
        rest = "";
        if (char* blank = strchr(text, ' '); blank != nullptr) {
            *blank = 0;
            rest = blank + 1;
        }
        return n > 0;
    }
};

// An entry that the lease of its address does not confirm is one that a crash has left.
bool is_leased(const char* dir, const char* address, const char* id) {
    char path[kMostPath];
    Target holder;
    return snprintf(path, sizeof path, "%s/leases/%s", dir, address) <
               static_cast<int>(sizeof path) &&
           holder.read(AT_FDCWD, path) && strcmp(holder.text, id) == 0;
}

void take_entry(const char* dir, int names, const char* address, Found& found) {
    Target target;
    uint8_t v4[4];
    if (inet_pton(AF_INET, address, v4) != 1 || !target.read(names, address) ||
        !is_leased(dir, address, target.text))
        return;
    bool service = strncmp(target.text, kService, strlen(kService)) == 0;
    if (service && !found.service) found.count4 = found.count6 = 0;
    if (found.count4 == kMostFound || (found.service && !service)) return;
    found.known = true;
    found.service = service;
    memcpy(found.v4[found.count4++], v4, sizeof v4);
    if (inet_pton(AF_INET6, target.rest, found.v6[found.count6]) == 1) ++found.count6;
}

// linux_dirent64 (getdents(2)); musl's readdir would allocate.
struct Entry {
    uint64_t inode;
    int64_t offset;
    uint16_t size;
    uint8_t type;
    char name[1];
};

// Each entry of the directory, until `work` says that it is enough: true then.
template <class Work>
bool each_entry(const char* path, Work work) {
    int dir = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (dir < 0) return false;
    alignas(Entry) char buffer[4096];
    bool enough = false;
    while (!enough) {
        long n = syscall(SYS_getdents64, dir, buffer, sizeof buffer);
        if (n <= 0) break;
        for (long at = 0; at < n && !enough;) {
            auto* entry = reinterpret_cast<Entry*>(buffer + at);
            enough = entry->name[0] != '.' && work(dir, entry->name);
            at += entry->size;
        }
    }
    close(dir);
    return enough;
}

void find_in(const char* dir, const char* name, size_t length, Found& found) {
    char path[kMostPath];
    if (length == 0 || snprintf(path, sizeof path, "%s/names/%.*s", dir, static_cast<int>(length),
                                name) >= static_cast<int>(sizeof path))
        return;
    each_entry(path, [&](int names, const char* address) {
        take_entry(dir, names, address, found);
        return false;
    });
}

// "backend ID ADDRESS" is the line of one that it leads to.
bool leads_to(const char* service_file, const char* id) {
    Lines lines(service_file);
    size_t length = strlen(id);
    while (char* line = lines.next()) {
        char* backend = behind(line, "backend");
        if (backend != nullptr && strncmp(backend, id, length) == 0 && backend[length] == ' ')
            return true;
    }
    return false;
}

// The part of the name in front of ".NETWORK"; 0: it ends otherwise.
size_t in_front_of(const char* name, const char* network) {
    size_t length = strlen(name), tail = strlen(network);
    if (length < tail + 2 || name[length - tail - 1] != '.') return 0;
    return strcmp(name + length - tail, network) == 0 ? length - tail - 1 : 0;
}

}  // namespace

void find_name(const char* networks_file, const char* name, Found& found) {
    found = Found{};
    // "." and "..": names of the file system's. Labels are not empty, so none begins with a dot.
    if (name[0] == 0 || name[0] == '.' || strchr(name, '/') != nullptr) return;
    Lines lines(networks_file);
    Network network;
    while (char* line = lines.next()) {
        if (!read_network(line, network)) continue;
        find_in(network.dir, name, strlen(name), found);
        if (!found.known) find_in(network.dir, name, in_front_of(name, network.name), found);
        if (found.known) return;
    }
}

bool find_address(const char* networks_file, const char* address, char* name, size_t capacity) {
    Lines lines(networks_file);
    Network network;
    while (char* line = lines.next()) {
        if (!read_network(line, network)) continue;
        char path[kMostPath];
        Target target;
        if (snprintf(path, sizeof path, "%s/reverse/%s", network.dir, address) >=
                static_cast<int>(sizeof path) ||
            !target.read(AT_FDCWD, path) || !is_leased(network.dir, address, target.text))
            continue;
        return snprintf(name, capacity, "%s.%s", target.rest, network.name) <
               static_cast<int>(capacity);
    }
    return false;
}

bool asks_others(const char* networks_file) {
    Lines lines(networks_file);
    while (char* line = lines.next())
        if (strcmp(line, "ask") == 0) return true;
    return false;
}

bool is_led_to(const char* networks_file, const char* id) {
    Lines lines(networks_file);
    Network network;
    while (char* line = lines.next()) {
        char path[kMostPath], file[kMostPath];
        if (!read_network(line, network) || snprintf(path, sizeof path, "%s/%s", network.dir,
                                                     kServices) >= static_cast<int>(sizeof path))
            continue;
        bool led = each_entry(path, [&](int, const char* service) {
            return snprintf(file, sizeof file, "%s/%s", path, service) <
                       static_cast<int>(sizeof file) &&
                   leads_to(file, id);
        });
        if (led) return true;
    }
    return false;
}

void drop_links(const char* networks_file, const char* id) {
    Lines lines(networks_file);
    while (char* line = lines.next()) {
        char* path = behind(line, "drop");
        Target target;
        if (path == nullptr || !target.read(AT_FDCWD, path) || strcmp(target.text, id) != 0)
            continue;
        unlink(path);
        char* slash = strrchr(path, '/');
        if (slash == nullptr || strstr(path, "/names/") == nullptr) continue;
        *slash = 0;
        rmdir(path);  // fails while another has the name
    }
}

}  // namespace crank::shim
