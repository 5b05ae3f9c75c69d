// The room's pen: everything that crank prints goes through here.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace crank::cli {

// Data, on stdout. A closed pipe ends the program quietly, as SIGPIPE would.
void print(std::string_view text);
void print_line(std::string_view text);
// A worker's own output, to either of the two, byte for byte and in order.
enum class Output { out, err };
void print_to(Output output, std::string_view text);
// From here on what is printed appears at once (for output that goes on for ever).
void flush_each_line();
// What is no data, on stderr.
void note(std::string_view text);
void warn(std::string_view text);
// "crank run: no such image: x", then the hint; with `debug` where it comes from.
void report(std::string_view verb, const Error& error, bool debug);

// Columns padded to their widest cell and three blanks, as Docker prints tables.
class Table {
public:
    explicit Table(std::vector<std::string> header) { rows_.push_back(std::move(header)); }
    void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
    std::string text() const;

private:
    std::vector<std::vector<std::string>> rows_;
};

}  // namespace crank::cli
