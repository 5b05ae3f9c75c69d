// Times whole processes, with no shell between: posix_spawn, wait4, CLOCK_MONOTONIC.
//
//   runner PLAN.json > SAMPLES.json
//
// The plan: {"busy": N, "idle": M, "idle_ms": 1000, "cases": [{"name", "argv", "env": ["K=V"],
// "before": [[argv]..], "after": [[argv]..], "answer": {"port", "path"}}]}. The cases are
// interleaved: one sample of each, then the next round, each in an order of its own, since the
// kernel still works at what one has left while the next one runs. A "busy" sample follows directly
// on an uncounted run of the same case; an "idle" one follows on a sleep. With "answer" the time
// ends when an HTTP request to 127.0.0.1 is answered with 200, and a process that is still there
// then gets SIGTERM. "before" and "after" are not timed.
//
// The result: {"cases": {name: {"busy": [us..], "idle": [us..]}}, "failed": {name: "why"}}.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <random>
#include <sstream>
#include <string>
#include <vector>

namespace {

using Json = nlohmann::ordered_json;
using Argv = std::vector<std::string>;

constexpr double kAnswerDeadline = 60e6;  // microseconds

struct Case {
    std::string name;
    Argv argv;
    Argv env;
    std::vector<Argv> before, after;
    int port = 0;
    std::string path;
};

double now_us() {
    timespec t{};
    clock_gettime(CLOCK_MONOTONIC, &t);
    return static_cast<double>(t.tv_sec) * 1e6 + static_cast<double>(t.tv_nsec) / 1e3;
}

void sleep_us(double us) {
    timespec t{static_cast<time_t>(us / 1e6), static_cast<long>(us) % 1'000'000 * 1000};
    while (nanosleep(&t, &t) != 0 && errno == EINTR) continue;
}

std::vector<char*> pointers(const Argv& words) {
    std::vector<char*> out;
    out.reserve(words.size() + 1);
    for (const std::string& word : words) out.push_back(const_cast<char*>(word.c_str()));
    out.push_back(nullptr);
    return out;
}

// Everything that spawn needs, made before the clock starts.
class Command {
public:
    Command(const Argv& argv, const Argv& extra_env, const std::string& log)
        : argv_(pointers(argv)) {
        for (char** e = environ; *e != nullptr; ++e) env_words_.emplace_back(*e);
        env_words_.insert(env_words_.end(), extra_env.begin(), extra_env.end());
        env_ = pointers(env_words_);
        posix_spawn_file_actions_init(&actions_);
        posix_spawn_file_actions_addopen(&actions_, 0, "/dev/null", O_RDONLY, 0);
        // The first write to an empty file costs 0.15 ms: only what goes wrong is kept.
        posix_spawn_file_actions_addopen(&actions_, 1, "/dev/null", O_WRONLY, 0);
        posix_spawn_file_actions_addopen(&actions_, 2, log.c_str(), O_WRONLY | O_CREAT | O_TRUNC,
                                         0600);
    }
    Command(const Command&) = delete;
    Command& operator=(const Command&) = delete;
    ~Command() { posix_spawn_file_actions_destroy(&actions_); }

    pid_t start() const {
        pid_t pid = -1;
        int error = posix_spawnp(&pid, argv_[0], &actions_, nullptr, argv_.data(), env_.data());
        if (error != 0) errno = error;
        return error == 0 ? pid : -1;
    }

private:
    std::vector<char*> argv_, env_;
    Argv env_words_;
    posix_spawn_file_actions_t actions_{};
};

std::string last_line(const std::string& path) {
    std::ifstream in(path);
    std::string line, last;
    while (std::getline(in, line))
        if (!line.empty()) last = line;
    return last;
}

class Runner {
public:
    explicit Runner(std::string log) : log_(std::move(log)) {}

    // Microseconds, or nothing with why() set.
    std::optional<double> sample(const Case& c) {
        for (const Argv& argv : c.before) untimed(argv);
        std::optional<double> taken = c.port != 0 ? time_answer(c) : time_exit(c);
        for (const Argv& argv : c.after) untimed(argv);
        return taken;
    }
    const std::string& why() const { return why_; }

private:
    void untimed(const Argv& argv) {
        const std::string log = log_ + ".untimed";
        pid_t pid = Command(argv, {}, log).start();
        if (pid > 0) waitpid(pid, nullptr, 0);
    }

    std::optional<double> time_exit(const Case& c) {
        const Command command(c.argv, c.env, log_);
        const double begin = now_us();
        const pid_t pid = command.start();
        if (pid < 0) return failed(c.argv[0] + ": " + std::strerror(errno));
        int status = 0;
        wait4(pid, &status, 0, nullptr);
        const double end = now_us();
        if (status != 0) return failed("status " + std::to_string(status) + ": " + last_line(log_));
        return end - begin;
    }

    std::optional<double> time_answer(const Case& c) {
        const Command command(c.argv, c.env, log_);
        const double begin = now_us();
        const pid_t pid = command.start();
        if (pid < 0) return failed(c.argv[0] + ": " + std::strerror(errno));
        bool answered = false;
        while (!answered && now_us() - begin < kAnswerDeadline) {
            answered = answers(c);
            if (!answered) sleep_us(500);
        }
        const double end = now_us();
        kill(pid, SIGTERM);
        waitpid(pid, nullptr, 0);
        if (!answered) return failed("no answer: " + last_line(log_));
        return end - begin;
    }

    static bool answers(const Case& c) {
        const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(static_cast<std::uint16_t>(c.port));
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        const std::string request =
            "GET " + c.path + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
        std::string head;
        if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0 &&
            send(fd, request.data(), request.size(), MSG_NOSIGNAL) > 0) {
            // a port that accepts before the worker listens must not hold the loop
            pollfd wait{fd, POLLIN, 0};
            char text[256];
            if (poll(&wait, 1, 1000) == 1) {
                const ssize_t size = recv(fd, text, sizeof text, 0);
                if (size > 0) head.assign(text, static_cast<std::size_t>(size));
            }
        }
        close(fd);
        return head.starts_with("HTTP/1.") && head.substr(8, 4) == " 200";
    }

    std::optional<double> failed(std::string why) {
        why_ = std::move(why);
        return std::nullopt;
    }

    std::string log_;
    std::string why_;
};

Case parse_case(const Json& json) {
    Case c;
    c.name = json.at("name");
    c.argv = json.at("argv").get<Argv>();
    c.env = json.value("env", Argv{});
    c.before = json.value("before", std::vector<Argv>{});
    c.after = json.value("after", std::vector<Argv>{});
    if (json.contains("answer")) {
        c.port = json["answer"].at("port");
        c.path = json["answer"].at("path");
    }
    return c;
}

std::string on_path(const std::string& program) {
    if (program.find('/') != std::string::npos) return program;
    const char* path = std::getenv("PATH");
    std::istringstream dirs(path != nullptr ? path : "");
    for (std::string dir; std::getline(dirs, dir, ':');)
        if (access((dir + "/" + program).c_str(), X_OK) == 0) return dir + "/" + program;
    return program;
}

// A machine that takes the page cache away from what has slept for a second (DAMON does) would time
// its disk: the programs' files stay in memory as long as the runner lives. Best effort.
void keep_in_memory(const std::string& program) {
    const int fd = open(on_path(program).c_str(), O_RDONLY | O_CLOEXEC);
    struct stat info{};
    if (fd < 0 || fstat(fd, &info) != 0) return;
    const auto size = static_cast<std::size_t>(info.st_size);
    void* pages = mmap(nullptr, size, PROT_READ, MAP_SHARED, fd, 0);
    close(fd);
    if (pages != MAP_FAILED && mlock(pages, size) != 0) munmap(pages, size);
}

void run_plan(const Json& plan, Runner& runner, Json& result) {
    std::vector<Case> cases;
    for (const Json& json : plan.at("cases")) cases.push_back(parse_case(json));
    for (const Case& c : cases) {
        keep_in_memory(c.argv[0]);
        result["cases"][c.name] = Json::object();  // so that they are shown in this order
    }
    const int busy = plan.at("busy"), idle = plan.at("idle");
    const double idle_us = plan.value("idle_ms", 1000) * 1e3;
    std::minstd_rand random;  // the same orders each time
    for (int round = 0; round < busy + idle; ++round) {
        const bool is_idle = round >= busy;
        std::ranges::shuffle(cases, random);
        for (const Case& c : cases) {
            if (result["failed"].contains(c.name)) continue;
            if (is_idle) {
                sleep_us(idle_us);
            } else if (!runner.sample(c)) {
                result["failed"][c.name] = runner.why();
                continue;
            }
            if (auto us = runner.sample(c))
                result["cases"][c.name][is_idle ? "idle" : "busy"].push_back(*us);
            else
                result["failed"][c.name] = runner.why();
        }
    }
    for (const Case& c : cases)
        if (result["cases"][c.name].empty()) result["cases"].erase(c.name);
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 2) {
        std::fputs("usage: runner PLAN.json\n", stderr);
        return 2;
    }
    try {
        std::ifstream in(argv[1]);
        const Json plan = Json::parse(in);
        Runner runner(std::string(argv[1]) + ".log");
        Json result = {{"cases", Json::object()}, {"failed", Json::object()}};
        run_plan(plan, runner, result);
        std::puts(result.dump(1).c_str());
    } catch (const std::exception& e) {
        std::fprintf(stderr, "runner: %s\n", e.what());
        return 1;
    }
    return 0;
}
