#include "cli/output.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "base/text.h"
#include "cli/flush.h"

namespace crank::cli {
namespace {

// Cells hold names and times: what a terminal shows as one column per code point.
std::size_t width(std::string_view text) {
    return static_cast<std::size_t>(
        std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

// Whoever reads it has gone away by himself, or sees it.
void say_unwritten(int error) {
    if (error == EPIPE) return;
    std::string line = "crank: writing the output: " + std::string(std::strerror(error)) + "\n";
    std::fwrite(line.data(), 1, line.size(), stderr);
}

void write_all(std::FILE* stream, std::string_view text) {
    while (!text.empty()) {
        std::size_t n = std::fwrite(text.data(), 1, text.size(), stream);
        text.remove_prefix(n);
        if (text.empty()) return;
        if (errno != EINTR) {
            if (stream == stdout) say_unwritten(errno);
            std::_Exit(1);
        }
        std::clearerr(stream);
    }
}

}  // namespace

bool flush_output() {
    while (std::fflush(stdout) != 0) {
        if (errno != EINTR) {
            say_unwritten(errno);
            return false;
        }
        std::clearerr(stdout);
    }
    return true;
}

void print(std::string_view text) { write_all(stdout, text); }

void print_line(std::string_view text) {
    print(text);
    print("\n");
}

void print_to(Output output, std::string_view text) {
    if (output == Output::out) return print(text);
    std::fflush(stdout);
    write_all(stderr, text);
}

void flush_each_line() { std::setvbuf(stdout, nullptr, _IONBF, 0); }

void note(std::string_view text) {
    std::fflush(stdout);
    std::string line(text);
    line += '\n';
    std::fwrite(line.data(), 1, line.size(), stderr);
}

void warn(std::string_view text) { note("warning: " + std::string(text)); }

void report(std::string_view verb, const Error& error, bool debug) {
    std::string prefix = verb.empty() ? "crank: " : "crank " + std::string(verb) + ": ";
    note(prefix + error.text());
    if (!error.hint().empty()) note("hint: " + error.hint());
    if (debug)
        note("debug: " + std::string(describe(error.code()).name) + " at " +
             error.where().file_name() + ":" + std::to_string(error.where().line()));
}

std::string Table::text() const {
    std::vector<std::size_t> widths;
    for (const auto& row : rows_) {
        widths.resize(std::max(widths.size(), row.size()));
        for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width(row[i]));
    }
    std::string out;
    for (const auto& row : rows_) {
        for (std::size_t i = 0; i < row.size(); ++i) {
            out += row[i];
            if (i + 1 < row.size()) out.append(widths[i] - width(row[i]) + 3, ' ');
        }
        out += '\n';
    }
    return out;
}

}  // namespace crank::cli
