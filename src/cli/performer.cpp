#include "cli/performer.h"

#include <algorithm>
#include <map>

#include "base/text.h"
#include "cli/build_image.h"
#include "sys/file.h"
#include "sys/system.h"

namespace crank::cli {
namespace {

constexpr std::size_t kMostMessage = 1000;
constexpr std::size_t kMostPasswd = std::size_t{4} << 20;

// Without root crank works as root of a namespace of the user's (user_namespaces(7)): his own id is
// what that root is outside.
std::int64_t uid_of_machine(std::int64_t uid) {
    for (const std::string& line : split(sys::read_file("/proc/self/uid_map").value_or(""), '\n')) {
        std::vector<std::int64_t> numbers;
        for (const std::string& word : split(line, ' '))
            if (auto number = parse_int(word)) numbers.push_back(*number);
        if (numbers.size() != 3) continue;
        if (uid >= numbers[0] && uid < numbers[0] + numbers[2])
            return numbers[1] + (uid - numbers[0]);
    }
    return uid;
}

std::string name_of(std::int64_t uid) {
    std::string users = sys::read_file("/etc/passwd", kMostPasswd).value_or("");
    for (const std::string& line : split(users, '\n')) {
        auto fields = split(line, ':');
        if (fields.size() > 2 && fields[2] == std::to_string(uid)) return fields[0];
    }
    return "uid " + std::to_string(uid);
}

}  // namespace

deploy::Who performer() {
    std::int64_t uid = uid_of_machine(sys::effective_uid());
    return {.name = name_of(uid), .uid = uid, .sudo_user = environment_map()["SUDO_USER"]};
}

Result<std::string> read_message(const Arguments& arguments) {
    std::string text = arguments.value("message");
    // One line in every table, and nothing that a terminal obeys.
    std::ranges::replace_if(text, [](unsigned char c) { return c < ' ' || c == 0x7f; }, ' ');
    if (text.size() > kMostMessage)
        return fail(
            Error(Code::usage, "--message: more than " + std::to_string(kMostMessage) + " bytes")
                .with_hint("one sentence says why"));
    return std::string(trim(text));
}

}  // namespace crank::cli
