#include "cli/compose_files.h"

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

std::vector<std::string> in_directory(const std::string& directory) {
    for (std::string_view name : kNames) {
        std::string path = directory + "/" + std::string(name);
        if (!is_file(path)) continue;
        std::vector<std::string> files{path};
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

Result<std::vector<std::string>> search_upwards(const std::string& from) {
    for (fs::path directory = from;; directory = directory.parent_path()) {
        std::vector<std::string> files = in_directory(directory == "/" ? "" : directory.string());
        if (!files.empty()) return files;
        if (directory == directory.root_path()) break;
    }
    return fail(Error(Code::not_found, "no compose file in " + from + " or above")
                    .with_hint("write compose.yaml, or name a file: --file FILE"));
}

Result<std::vector<std::string>> compose_files(const Arguments& arguments,
                                               const compose::Environment& environment,
                                               const std::string& directory) {
    std::vector<std::string> named = arguments.values("file");
    if (named.empty()) {
        std::string listed = setting(environment, directory, "COMPOSE_FILE");
        std::string separator = setting(environment, directory, "COMPOSE_PATH_SEPARATOR");
        if (!listed.empty()) named = split(listed, separator.empty() ? ':' : separator[0]);
    }
    if (named.empty()) return search_upwards(directory);
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
    return sys::read_file(path, limit);
}

bool ProjectFiles::exists(const std::string& path) { return is_file(path); }

Result<compose::LoadOptions> find_compose_files(const Arguments& arguments) {
    compose::LoadOptions options;
    options.environment = process_environment();
    std::string directory = TRY(here());
    options.environment.emplace("PWD", directory);  // not every caller is a shell
    if (auto given = arguments.find("project-directory"))
        options.directory = absolute(*given, directory);
    // A file is found from the project's directory, and named from here.
    std::string from = options.directory.empty() ? directory : options.directory;
    bool named = !arguments.values("file").empty();
    options.files = TRY(compose_files(arguments, options.environment, named ? directory : from));
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
    if (auto name = arguments.find("project-name"))
        options.name = TRY(compose::check_project_name(*name));
    auto home = options.environment.find("HOME");
    if (home != options.environment.end()) options.home = home->second;
    return options;
}

}  // namespace crank::cli
