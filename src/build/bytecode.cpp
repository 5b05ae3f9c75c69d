#include "build/bytecode.h"

#include <algorithm>
#include <map>

#include "base/text.h"
#include "sys/stream.h"
#include "sys/walk.h"

namespace crank::build {

namespace {

constexpr const char* kScriptPath = "/run/crank/recompile.py";
constexpr const char* kListPath = "/run/crank/recompile.list";
constexpr std::size_t kMaxShownErrors = 5;
constexpr std::size_t kMaxPrinted = std::size_t{1} << 20;

// In sorted order and one process: marshal writes a reference or a copy depending on how many
// others hold the object, so what was compiled before counts. A file that the compiler refuses (a
// template, code for another version) is left as pip left it.
constexpr std::string_view kScript = R"(import importlib._bootstrap_external as external
import importlib.machinery as machinery
import sys

def recompile(path):
    directory, _, name = path.rpartition("/")
    parts = name.split(".")
    level = -1
    if len(parts) > 3 and parts[-2].startswith("opt-"):
        level = int(parts[-2][4:])
        stem = ".".join(parts[:-3])
    else:
        stem = ".".join(parts[:-2])
        level = 0
    source = directory.rpartition("/")[0] + "/" + stem + ".py"
    try:
        with open(source, "rb") as file:
            text = file.read()
    except FileNotFoundError:
        return "no source"
    loader = machinery.SourceFileLoader("<crank>", source)
    code = loader.source_to_code(text, source, _optimize=level)
    data = external._code_to_hash_pyc(code, external._imp.source_hash(
        external._RAW_MAGIC_NUMBER, text), False)
    # In place: the owner and the mode stay.
    with open(path, "r+b") as file:
        file.write(data)
        file.truncate()
    return None

with open(sys.argv[1], encoding="utf-8", errors="surrogateescape") as file:
    paths = file.read().split("\0")
for path in paths:
    if path:
        try:
            problem = recompile(path)
        except Exception as error:
            problem = type(error).__name__
        if problem:
            print(path + ": " + problem)
)";

std::string find_interpreter(int root, const std::string& name, std::span<const std::string> env) {
    std::string path = "/usr/local/bin:/usr/bin:/bin";
    for (const std::string& entry : env)
        if (entry.starts_with("PATH=")) path = entry.substr(5) + ":" + path;
    for (const std::string& directory : split(path, ':')) {
        if (!directory.starts_with('/')) continue;
        std::string candidate = directory + "/" + name;
        auto fd = sys::find_in_root(root, candidate);
        if (!fd) continue;
        auto info = sys::attributes_at(fd->get(), "");
        if (info && info->is_regular() && (info->mode & 0111) != 0) return candidate;
    }
    return "";
}

Result<> compile_with(const Workspace& workspace, const std::string& interpreter,
                      const ContainerHost& host, RecompileReport& report) {
    ContainerRequest request;
    // -I would also ignore PYTHONHASHSEED. Without site-packages: code of the image's must not run
    // here, or what it does would become part of the result.
    request.argv = {interpreter, "-s", "-S", "-B", "-W", "ignore", kScriptPath, kListPath};
    request.env = {"PATH=/usr/local/bin:/usr/bin:/bin", "PYTHONHASHSEED=0", "LC_ALL=C.UTF-8"};
    std::string printed, complaint;
    auto keep = [&](bool error_stream, std::string_view text) {
        std::string& to = error_stream ? complaint : printed;
        if (to.size() < kMaxPrinted) to += text;
    };
    runtime::ExitStatus status = TRY(run_container(workspace, request, host, keep));
    if (status.code != 0)
        return fail(Code::step_failed, interpreter + " could not recompile byte code: exit code " +
                                           std::to_string(status.code) + ": " +
                                           std::string(trim(complaint)));
    std::vector<std::string> lines = split(trim(printed), '\n');
    for (std::size_t i = 0; i < std::min(lines.size(), kMaxShownErrors); ++i)
        if (!lines[i].empty()) report.warnings.push_back("byte code left as it was: " + lines[i]);
    if (lines.size() > kMaxShownErrors)
        report.warnings.push_back("byte code left as it was: " +
                                  std::to_string(lines.size() - kMaxShownErrors) + " more files");
    return {};
}

}  // namespace

std::string interpreter_of(std::string_view pyc_path) {
    std::string_view name = pyc_path.substr(pyc_path.rfind('/') + 1);
    std::vector<std::string> parts = split(name, '.');
    if (parts.size() < 3 || parts.back() != "pyc") return "";
    std::size_t tag = parts.size() - 2;
    if (parts[tag].starts_with("opt-") && tag > 1) --tag;
    std::string_view version = parts[tag];
    constexpr std::string_view kPrefix = "cpython-";
    if (!version.starts_with(kPrefix)) return "";
    version.remove_prefix(kPrefix.size());
    if (version.size() < 2 || version.size() > 4 || !parse_int(version)) return "";
    return "python" + std::string(version.substr(0, 1)) + "." + std::string(version.substr(1));
}

Result<RecompileReport> recompile(const Workspace& workspace, std::span<const std::string> files,
                                  std::span<const std::string> env, const ContainerHost& host) {
    RecompileReport report;
    std::map<std::string, std::string> lists;
    for (const std::string& file : files) {
        std::string interpreter = interpreter_of(file);
        if (!interpreter.empty()) lists[interpreter] += "/" + file + std::string(1, '\0');
    }
    for (const auto& [name, list] : lists) {
        std::string interpreter;
        {
            sys::UniqueFd root = TRY(workspace.open_merged());
            interpreter = find_interpreter(root.get(), name, env);
        }
        if (interpreter.empty()) {
            report.warnings.push_back("byte code left as it was: the image has no " + name);
            continue;
        }
        TRY(workspace.lend_file(kScriptPath, kScript));
        TRY(workspace.lend_file(kListPath, list));
        TRY(compile_with(workspace, interpreter, host, report));
    }
    return report;
}

}  // namespace crank::build
