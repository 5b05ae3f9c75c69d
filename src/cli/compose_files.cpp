#include "cli/compose_files.h"

#include <cstdint>
#include <filesystem>

#include "base/text.h"
#include "compose/dotenv.h"
#include "compose/yaml.h"
#include "sys/file.h"
#include "sys/system.h"

namespace crank::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kNames[] = {"compose.yaml", "compose.yml", "docker-compose.yaml",
                                       "docker-compose.yml"};

bool is_file(const std::string& path) {
    std::error_code error;
    return fs::exists(path, error) && !fs::is_directory(path, error);
}

Result<std::string> here() {
    std::error_code error;
    std::string path = fs::current_path(error).string();
    if (error) return fail(Error::from_errno(error.value(), "find the working directory"));
    return path;
}

std::string absolute(const std::string& path, const std::string& directory) {
    return (path.starts_with('/') ? fs::path(path) : fs::path(directory) / path)
        .lexically_normal()
        .string();
}

compose::Environment process_environment() {
    compose::Environment environment;
    for (const std::string& entry : sys::environment()) {
        std::size_t equals = entry.find('=');
        if (equals != std::string::npos && equals != 0)
            environment[entry.substr(0, equals)] = entry.substr(equals + 1);
    }
    return environment;
}

// The process's variable, or that of the .env file here, which may say where the files are.
std::string setting(const compose::Environment& environment, const std::string& directory,
                    std::string_view name) {
    auto set = environment.find(name);
    if (set != environment.end()) return set->second;
    if (!is_file(directory + "/.env")) return "";
    auto text = sys::read_file(directory + "/.env", compose::kMaxEnvFileBytes);
    if (!text) return "";
    // What is wrong with it the loader says.
    auto values = compose::parse_dotenv(
        *text, ".env", [](std::string_view) { return std::nullopt; }, [](std::string_view) {});
    if (!values) return "";
    auto found = values->find(name);
    return found == values->end() ? "" : found->second;
}

// Whether the override file that is always read belongs to it.
enum class Override : std::uint8_t { read, left_out };

std::vector<std::string> in_directory(const std::string& directory, Override override_file) {
    for (std::string_view name : kNames) {
        std::string path = directory + "/" + std::string(name);
        if (!is_file(path)) continue;
        std::vector<std::string> files{path};
        if (override_file == Override::left_out) return files;
        std::string stem = path.substr(0, path.rfind('.'));
        for (std::string_view ending : {".override.yml", ".override.yaml"}) {
            std::string over = stem + std::string(ending);
            if (!is_file(over)) continue;
            files.push_back(over);
            break;
        }
        return files;
    }
    return {};
}

Result<std::vector<std::string>> search_upwards(const std::string& from, Override override_file) {
    for (fs::path directory = from;; directory = directory.parent_path()) {
        std::vector<std::string> files =
            in_directory(directory == "/" ? "" : directory.string(), override_file);
        if (!files.empty()) return files;
        if (directory == directory.root_path()) break;
    }
    return fail(Error(Code::not_found, "no compose file in " + from + " or above")
                    .with_hint("write compose.yaml, or name a file: --file FILE"));
}

Result<std::vector<std::string>> compose_files(const Arguments& arguments,
                                               const compose::Environment& environment,
                                               const std::string& directory,
                                               Override override_file) {
    std::vector<std::string> named = arguments.values("file");
    if (named.empty()) {
        std::string listed = setting(environment, directory, "COMPOSE_FILE");
        std::string separator = setting(environment, directory, "COMPOSE_PATH_SEPARATOR");
        if (!listed.empty()) named = split(listed, separator.empty() ? ':' : separator[0]);
    }
    if (named.empty()) return search_upwards(directory, override_file);
    std::vector<std::string> files;
    for (const std::string& name : named)
        files.push_back(name == "-" ? "-" : absolute(name, directory));
    return files;
}

}  // namespace

Result<std::string> ProjectFiles::read(const std::string& path) {
    // One byte more than fits, so that the room says what is too large.
    std::size_t limit = compose::kMaxFileBytes + 1;
    if (path == "-") return sys::read_all(0, limit, "standard input");
    asked_.insert(path);
    return sys::read_file(path, limit);
}

bool ProjectFiles::exists(const std::string& path) {
    asked_.insert(path);
    return is_file(path);
}

namespace {

// Without an environment's file and the project's name.
Result<compose::LoadOptions> find_files(const Arguments& arguments, Override override_file) {
    compose::LoadOptions options;
    options.environment = process_environment();
    std::string directory = TRY(here());
    options.environment.emplace("PWD", directory);  // not every caller is a shell
    if (auto given = arguments.find("project-directory"))
        options.directory = absolute(*given, directory);
    // A file is found from the project's directory, and named from here.
    std::string from = options.directory.empty() ? directory : options.directory;
    bool named = !arguments.values("file").empty();
    options.files =
        TRY(compose_files(arguments, options.environment, named ? directory : from, override_file));
    if (options.directory.empty())
        options.directory =
            options.files[0] == "-" ? directory : fs::path(options.files[0]).parent_path().string();
    if (options.directory.size() > 1 && options.directory.ends_with('/'))
        options.directory.pop_back();
    for (const std::string& file : arguments.values("env-file"))
        options.env_files.push_back(absolute(file, directory));
    std::string env_files = setting(options.environment, directory, "COMPOSE_ENV_FILES");
    if (options.env_files.empty() && !env_files.empty())
        for (const std::string& file : split(env_files, ','))
            options.env_files.push_back(absolute(file, directory));
    options.profiles = arguments.values("profile");
    auto home = options.environment.find("HOME");
    if (home != options.environment.end()) options.home = home->second;
    return options;
}

// "shop.yaml" and "staging": shop.staging.yaml, or .yml, beside it. Nothing: it is not there.
Result<std::optional<std::string>> file_of_environment(const std::string& first,
                                                       const std::string& environment) {
    if (compose::normalise_project_name(environment) != environment || environment.empty())
        return fail(Error(Code::usage, "\"" + environment + "\" is no name of an environment")
                        .with_hint("small letters, digits, - and _: staging"));
    if (first == "-")
        return fail(Error(Code::usage, "the file of environment " + environment +
                                           " lies beside the compose file, and that is standard "
                                           "input")
                        .with_hint("--file FILE"));
    fs::path stem = fs::path(first).replace_extension();
    for (std::string_view ending : {".yaml", ".yml"}) {
        std::string path = stem.string() + "." + environment + std::string(ending);
        if (is_file(path)) return std::optional(path);
    }
    return std::optional<std::string>();
}

// As the environment's file says, or PROJECT-ENVIRONMENT.
Result<std::string> name_in_environment(const compose::LoadOptions& options,
                                        const std::string& file, const std::string& environment) {
    ProjectFiles files;
    compose::Diagnostics diagnostics;
    std::string base = TRY(compose::project_name(options, files, diagnostics));
    compose::LoadOptions own = options;
    own.files = {file};
    std::string written = TRY(compose::written_name(own, files, diagnostics));
    if (written.empty()) return base + "-" + environment;
    std::string name = compose::normalise_project_name(written);
    if (name.empty()) return compose::check_project_name(written);
    if (name != base) return name;
    return fail(Error(Code::invalid_argument,
                      file + ": name: " + name + " is the project of " + options.files.front())
                    .with_hint("another name, or none: " + base + "-" + environment));
}

Result<> enter_environment(const std::string& environment, compose::LoadOptions& options) {
    const std::string& first = options.files.front();
    std::optional<std::string> file = TRY(file_of_environment(first, environment));
    if (!file) {
        fs::path missing = fs::path(first).replace_extension();
        return fail(Error(Code::not_found, "environment " + environment + ": there is no " +
                                               missing.string() + "." + environment + ".yaml")
                        .with_hint("write there what differs from " +
                                   fs::path(first).filename().string() + ": services: {}"));
    }
    if (options.name.empty()) options.name = TRY(name_in_environment(options, *file, environment));
    options.files.push_back(*file);
    return {};
}

}  // namespace

Result<compose::LoadOptions> find_compose_files(const Arguments& arguments) {
    auto environment = arguments.find("env");
    compose::LoadOptions options =
        TRY(find_files(arguments, environment ? Override::left_out : Override::read));
    if (auto name = arguments.find("project-name"))
        options.name = TRY(compose::check_project_name(*name));
    if (environment) TRY(enter_environment(*environment, options));
    return options;
}

Result<std::optional<std::string>> project_of_environment(const Arguments& arguments,
                                                          const std::string& environment) {
    compose::LoadOptions options =
        TRY(find_files(arguments, environment.empty() ? Override::read : Override::left_out));
    if (environment.empty()) {
        ProjectFiles files;
        compose::Diagnostics diagnostics;
        return std::optional(TRY(compose::project_name(options, files, diagnostics)));
    }
    auto file = TRY(file_of_environment(options.files.front(), environment));
    if (!file) return std::optional<std::string>();
    return std::optional(TRY(name_in_environment(options, *file, environment)));
}

}  // namespace crank::cli
