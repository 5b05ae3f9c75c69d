// `crank oci` and `crank-oci`: an OCI runtime with runc's command line.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "cli/flags.h"
#include "runtime/host.h"
#include "runtime/oci/store.h"
#include "sys/unique_fd.h"

namespace crank::cli {

// Where the reports of one command go: runc's --log and --log-format.
class OciLog {
public:
    enum class Format { text, json };
    OciLog(std::string path, Format format) : path_(std::move(path)), format_(format) {}
    // Invalid where the reports go to stderr.
    Result<sys::UniqueFd> open() const;
    // Appended to the file; without one, on stderr. A file that cannot be written is not reported.
    void write(std::string_view level, const std::string& message) const;
    void warn(const std::string& message) const { write("warning", message); }
    bool to_file() const { return !path_.empty(); }

private:
    std::string path_;
    Format format_;
};

struct OciCall {
    const Arguments& before;  // in front of the verb
    const Arguments& arguments;
    const OciLog& log;
    runtime::oci_verbs::Store store;
    Result<runtime::HostFacts> facts() const { return runtime::probe_host(); }
};

struct OciVerb {
    std::string_view name, summary;
    Syntax syntax;
    std::span<const std::string_view> examples;
    Result<int> (*perform)(OciCall&) = nullptr;
};

extern const OciVerb kOciCreate, kOciRun, kOciStart, kOciState, kOciKill, kOciDelete, kOciList;
extern const OciVerb kOciExec, kOciPs, kOciPause, kOciResume, kOciUpdate, kOciEvents;
extern const OciVerb kOciSpec, kOciFeatures;

// The exit code. `program` is what was typed: "crank-oci" or "crank oci".
int run_oci(std::string_view program, std::span<const std::string_view> words);

// Whole words of --preserve-fds and its kin. usage: not a number from 0 to `most`.
Result<std::uint32_t> read_count(const Arguments& arguments, std::string_view flag,
                                 std::uint32_t most);

// Which of so many descriptors from 3 on are not open; before anything is opened.
std::vector<int> missing_descriptors(std::uint32_t count);

}  // namespace crank::cli
