// Hearing of what changes in directories and everything below them (inotify(7)).
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/error.h"
#include "sys/unique_fd.h"

struct inotify_event;

namespace crank::sys {

struct Heard {
    // Absolute paths of files that were written and closed, made, moved, removed, or whose mode
    // changed, and of directories that came or went. True: the first that was heard of it is that
    // it was made.
    std::map<std::string, bool> paths;
    bool lost = false;  // the kernel could not keep all of it: look at everything
    // A new directory that cannot be watched: what changes in it is not heard.
    std::optional<Error> trouble = {};
};

// Symbolic links are heard of and never followed.
class TreeWatch {
public:
    // `enters`: whether what is below that directory matters; absolute. Directories that come later
    // are asked about, too. Errors: exhausted (fs.inotify.max_user_instances, by name).
    static Result<TreeWatch> open(std::function<bool(const std::string& directory)> enters);

    // A file, or a directory with all that is below. It may be missing, and come and go; the
    // directory that it is in may not. Errors: exhausted (fs.inotify.max_user_watches, by name),
    // not_found, permission_denied.
    Result<> add(const std::string& path);

    int fd() const { return fd_.get(); }  // readable: there is something to take
    Result<Heard> take();

private:
    // A watched directory.
    struct Place {
        std::string path;
        bool whole = false;           // everything in it matters
        std::set<std::string> names;  // else these
    };

    TreeWatch(UniqueFd fd, std::function<bool(const std::string&)> enters)
        : fd_(std::move(fd)), enters_(std::move(enters)) {}
    // Nothing: there is no such directory, by now.
    Result<Place*> watch(const std::string& directory);
    // What is found there is told to `heard`, where there is one.
    Result<> enter(const std::string& top, Heard* heard);
    Result<> enter_one(const std::string& directory, Heard* heard,
                       std::vector<std::string>& further);
    void forget(const std::string& path);
    void forget_one(std::map<std::string, int>::iterator entry);
    void hear(const inotify_event& event, Heard& heard);
    void hear_of_directory(const std::string& path, bool came, Heard& heard);

    UniqueFd fd_;
    std::function<bool(const std::string&)> enters_;
    std::map<int, Place> places_;     // by watch descriptor
    std::map<std::string, int> ids_;  // by path
    std::set<std::string> added_;
};

}  // namespace crank::sys
