#include "sys/replace.h"

#include <unistd.h>

#include <cerrno>
#include <csignal>

namespace crank::sys {

Error replace_process(const std::string& path, const std::vector<std::string>& args) {
    std::vector<char*> words;
    for (const std::string& arg : args) words.push_back(const_cast<char*>(arg.c_str()));
    words.push_back(nullptr);
    signal(SIGPIPE, SIG_DFL);
    execv(path.c_str(), words.data());
    return Error::from_errno(errno, "execute " + path);
}

}  // namespace crank::sys
