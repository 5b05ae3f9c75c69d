// Containers that another OCI runtime makes: which one, what it is told, what it says.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "engine/config.h"
#include "engine/options.h"
#include "engine/paths.h"
#include "engine/record.h"
#include "engine/state.h"
#include "oci/runtime_spec.h"
#include "runtime/plan.h"

namespace crank::engine::other {

inline constexpr std::string_view kOwn = "crank";

// What `--runtime NAME` stands for: the program, with its absolute path, and its options. Empty:
// crank itself ("" and "crank"). A name is looked up in the configuration (runtime.NAME) and then
// in PATH; an absolute path is itself. Errors: not_found saying where crank looked;
// invalid_argument.
Result<std::vector<std::string>> find(const Config& config, const std::string& config_path,
                                      const std::string& name);
// The names that find() knows here, with their commands: those of the configuration, and the usual
// ones that there are.
std::vector<std::pair<std::string, std::vector<std::string>>> known(const Config& config);

inline bool has(const Record& record) { return !record.settings.runtime_command.empty(); }

// What crank does in its own shim alone. Errors: unsupported, naming the flag. Pure.
Result<> check(const RunOptions& options, const oci::RuntimeSpec& spec);
Result<> check(const RunOptions& options);

// The bundle's config.json: what crank's own runtime adds by itself is said in words. `bundle`: its
// directory, in which namespaces appear. Errors: internal. Pure.
Result<oci::RuntimeSpec> spec_for(oci::RuntimeSpec spec, const Record& record,
                                  const std::string& bundle, const std::string& root);

// The files of one container in its bundle.
struct Files {
    std::string config, pid, log, console;
};
Files files_of(const Paths& paths, const std::string& id);
// The commands of one container's life.
runtime::OtherRuntime commands_of(const Paths& paths, const Record& record);
// `exec` with a process of a file, and its words into another.
std::vector<std::string> exec_words(const Paths& paths, const Record& record,
                                    const std::string& process, const std::string& log);

// In its own words, once a command of it has failed: `log` is what it wrote with --log-format json.
// The code says what became of the worker's program (command_not_found, cannot_invoke), or is that
// of `error`. Pure.
Error explain(Error error, const Record& record, std::string_view log);

// Through the runtime, until its command or the container has ended. Errors: what it printed;
// deadline_exceeded: it hangs, and is killed.
Result<> signal(const Paths& paths, const Container& container, int number);
// What it still knows of a container whose monitor could not say that it has ended.
void forget(const Paths& paths, const Record& record);

}  // namespace crank::engine::other
