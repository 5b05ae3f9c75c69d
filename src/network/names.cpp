#include "network/names.h"

#include <algorithm>

#include "base/text.h"
#include "sys/attributes.h"
#include "sys/file.h"

namespace crank::network {

namespace {

constexpr int kTries = 20;  // each is lost to one who has taken the empty directory off

std::string reverse_dir(const std::string& state_dir) { return state_dir + "/reverse"; }

// In the place of what another container has left there.
Result<> put_link(const std::string& target, const std::string& path) {
    auto made = sys::make_symlink(target, path);
    if (made || made.error().code() != Code::already_exists) return made;
    auto removed = sys::remove_file(path);
    if (!removed && removed.error().code() != Code::not_found) return removed;
    return sys::make_symlink(target, path);
}

Result<> put_in_dir(const std::string& target, const std::string& dir, const std::string& name) {
    for (int i = 0;; ++i) {
        auto made = sys::make_dirs(dir);
        if (made) made = put_link(target, dir + "/" + name);
        bool again = !made && made.error().code() == Code::not_found && i < kTries;
        if (!again) return made;
    }
}

}  // namespace

std::string names_dir(const std::string& state_dir, const std::string& name) {
    return state_dir + "/names/" + to_lower(name);
}

Result<std::vector<std::string>> add_names(const std::string& state_dir,
                                           const Attachment& attachment,
                                           const std::vector<std::string>& names) {
    std::vector<std::string> links;
    auto work = [&]() -> Result<> {
        const std::string& id = attachment.container_id;
        std::string target = id + (attachment.address6.empty() ? "" : " " + attachment.address6);
        for (const std::string& name : names) {
            std::string dir = names_dir(state_dir, name);
            std::string link = dir + "/" + attachment.address;
            if (std::ranges::find(links, link) != links.end()) continue;
            TRY(put_in_dir(target, dir, attachment.address));
            links.push_back(std::move(link));
        }
        if (names.empty()) return {};
        for (const std::string& address : {attachment.address, attachment.address6}) {
            if (address.empty()) continue;
            TRY(put_in_dir(id + " " + to_lower(names.front()), reverse_dir(state_dir), address));
            links.push_back(reverse_dir(state_dir) + "/" + address);
        }
        return {};
    };
    auto done = work();
    if (done) return links;
    remove_names(links, attachment.container_id);
    return fail(std::move(done).error());
}

void remove_names(const std::vector<std::string>& links, const std::string& container_id) {
    for (const std::string& link : links) {
        auto target = sys::read_link(link);
        if (!target || target->substr(0, target->find(' ')) != container_id) continue;
        (void)sys::remove_file(link);
        // Its directory goes with the last.
        (void)sys::remove_at(sys::kCwd, link.substr(0, link.rfind('/')));
    }
}

}  // namespace crank::network
