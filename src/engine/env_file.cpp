#include "engine/env_file.h"

#include "base/text.h"
#include "engine/options.h"
#include "sys/file.h"

namespace crank::engine {
namespace {

constexpr std::size_t kMaxEnvFile = std::size_t{1} << 20;  // bytes
constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

Error bad_line(std::size_t number, const std::string& why) {
    return Error(Code::invalid_argument, "line " + std::to_string(number) + ": " + why);
}

// Those that say something, as they stand.
Result<std::vector<std::string>> lines_of(std::string_view text) {
    if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
    std::vector<std::string> lines;
    std::size_t number = 0;
    for (const std::string& raw : split(text, '\n')) {
        ++number;
        std::string_view line = raw;
        if (line.ends_with('\r')) line.remove_suffix(1);
        while (!line.empty() && (line.front() == ' ' || line.front() == '\t'))
            line.remove_prefix(1);
        if (line.empty() || line.starts_with('#')) continue;
        if (line.find('\0') != std::string_view::npos)
            return fail(bad_line(number, "it holds a NUL character"));
        std::size_t equals = line.find('=');
        std::string_view name = line.substr(0, equals);
        if (name.empty()) return fail(bad_line(number, "no name before the ="));
        if (name.find_first_of(" \t") != std::string_view::npos)
            return fail(bad_line(number, "the name \"" + std::string(name) + "\" holds a blank"));
        lines.emplace_back(line);
    }
    return lines;
}

}  // namespace

Result<std::vector<std::string>> parse_env_file(std::string_view text,
                                                const std::vector<std::string>& environment) {
    std::vector<std::string> variables;
    for (std::string& line : TRY(lines_of(text))) {
        if (line.find('=') != std::string::npos) {
            variables.push_back(std::move(line));
            continue;
        }
        for (std::string& own : TRY(parse_env_words(line, environment)))
            if (own.find('=') != std::string::npos) variables.push_back(std::move(own));
    }
    return variables;
}

Result<std::vector<std::string>> read_env_file(const std::string& path,
                                               const std::vector<std::string>& environment) {
    std::string text = TRY(sys::read_file(path, kMaxEnvFile));
    return TRY_IN(parse_env_file(text, environment), path);
}

Result<std::vector<std::string>> read_label_file(const std::string& path) {
    std::string text = TRY(sys::read_file(path, kMaxEnvFile));
    return TRY_IN(lines_of(text), path);
}

}  // namespace crank::engine
