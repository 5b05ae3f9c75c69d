#include "runtime/encode.h"

#include <cstring>

#include "sys/ip_bytes.h"

namespace crank::runtime {

using shim::AfterExitKind;
using shim::Header;
using shim::Op;

namespace {

constexpr std::size_t kMaxSize = std::size_t{16} << 20;

std::size_t aligned(std::size_t n) { return (n + 7) / 8 * 8; }

class Encoder {
public:
    Encoder(const Plan& plan, const Encoding& encoding)
        : plan_(plan), encoding_(encoding), text_(plan.text) {}

    Result<std::string> run() {
        if (plan_.holds_nul)
            return fail(Code::invalid_argument,
                        "an argument, a variable or a path of the container holds a NUL character");
        TRY(fill_header());
        auto ops_at = static_cast<std::uint32_t>(aligned(sizeof(Header)));
        text_at_ = static_cast<std::uint32_t>(aligned(ops_at + plan_.child.size() * sizeof(Op)));
        relocate_header();
        header_.ops = ops_at;
        header_.op_count = static_cast<std::uint32_t>(plan_.child.size());
        // The last byte is a NUL: every text ends.
        std::size_t size = aligned(text_at_ + text_.size() + 1);
        if (size > kMaxSize)
            return fail(Code::exhausted, "arguments and environment are larger than 16 MiB");
        header_.size = static_cast<std::uint32_t>(size);
        std::string out(size, '\0');
        std::memcpy(out.data(), &header_, sizeof header_);
        for (std::size_t i = 0; i < plan_.child.size(); ++i) {
            Op op = plan_.child[i].op;
            op.s1 += text_at_;
            op.s2 += text_at_;
            op.s3 += text_at_;
            op.s4 += text_at_;
            std::memcpy(out.data() + ops_at + i * sizeof(Op), &op, sizeof op);
        }
        std::memcpy(out.data() + text_at_, text_.data(), text_.size());
        return out;
    }

private:
    std::uint32_t text(const std::string& value) {
        auto offset = static_cast<std::uint32_t>(text_.size());
        text_ += value;
        text_.push_back('\0');
        return offset;
    }

    Result<> fill_header() {
        header_.magic = shim::kMagic;
        header_.resolver.udp_slot = header_.resolver.tcp_slot = shim::kNoSlot;
        header_.role = encoding_.role;
        header_.clone_flags = plan_.clone_flags;
        header_.before_clone = static_cast<std::uint32_t>(plan_.before_clone);
        header_.between = static_cast<std::uint32_t>(plan_.between);
        auto slot_if = [](bool given, int slot) { return given ? slot : shim::kNoSlot; };
        header_.cgroup_slot = slot_if(encoding_.cgroup_given, plan_.cgroup_slot());
        header_.stdin_slot = slot_if(encoding_.stdin_given, plan_.stdin_slot());
        header_.stdout_slot = slot_if(encoding_.stdout_given, plan_.stdout_slot());
        header_.stderr_slot = slot_if(encoding_.stderr_given, plan_.stderr_slot());
        header_.forward_stdout =
            slot_if(encoding_.forward_stdout, forward_slot(plan_, encoding_.listener_count, 0));
        header_.forward_stderr =
            slot_if(encoding_.forward_stderr, forward_slot(plan_, encoding_.listener_count, 1));
        header_.slot_count =
            static_cast<std::uint32_t>(forward_slot(plan_, encoding_.listener_count, 2));
        if (encoding_.end_with_caller) header_.flags |= shim::kFlagEndWithCaller;
        if (encoding_.hand_over) header_.flags |= shim::kFlagHandOver;
        if (plan_.terminal) header_.flags |= shim::kFlagTerminal;
        for (const auto& file : plan_.monitor_cgroups) {
            std::uint32_t offset = text(file);
            if (header_.monitor_cgroup_count++ == 0) header_.monitor_cgroups = offset;
        }
        // A container that is handed over has no monitor that could ask.
        if (!encoding_.hand_over) TRY(fill_facts());
        // Every process is in each of them.
        if (encoding_.kill_cgroup && !encoding_.remove_cgroups.empty())
            TRY(add_after_exit(AfterExitKind::kill_cgroup, encoding_.remove_cgroups.front()));
        for (const auto& dir : encoding_.remove_cgroups)
            TRY(add_after_exit(AfterExitKind::remove_cgroup, dir));
        if (encoding_.options != nullptr) TRY(fill_options(*encoding_.options));
        return encoding_.other != nullptr ? fill_other(*encoding_.other) : Result<>();
    }

    Result<> fill_other(const OtherRuntime& other) {
        header_.other.pid_file = text(other.pid_file);
        if (encoding_.console_given) header_.other.console_slot = plan_.console_slot();
        TRY(fill_words(other.start, header_.other.start, header_.other.start_words));
        TRY(fill_words(other.kill, header_.other.kill, header_.other.kill_words));
        return fill_words(other.remove, header_.other.remove, header_.other.remove_words);
    }

    Result<> fill_words(const std::vector<std::string>& words, std::uint32_t& first,
                        std::uint32_t& count) {
        if (words.size() > shim::kMaxOtherWords)
            return fail(Code::exhausted, "a longer command of the runtime than the plan holds");
        for (const auto& word : words) {
            std::uint32_t offset = text(word);
            if (count++ == 0) first = offset;
        }
        return {};
    }

    Result<> fill_facts() {
        if (!plan_.log_group.empty()) header_.cgroup = text(plan_.log_group);
        if (plan_.facts.size() > shim::kMaxFacts)
            return fail(Code::internal, "more facts of the cgroup than the plan holds");
        for (const auto& fact : plan_.facts) {
            std::uint32_t offset = text(fact.name);
            text(fact.file);
            text(fact.field);
            if (header_.fact_count++ == 0) header_.facts = offset;
        }
        return {};
    }

    Result<> fill_options(const Options& options) {
        if (options.end_with_caller) header_.flags |= shim::kFlagEndWithCaller;
        if (options.timings) header_.flags |= shim::kFlagTimings;
        if (!options.state_dir.empty()) header_.state_dir = text(options.state_dir);
        if (!options.log.path.empty()) header_.log_path = text(options.log.path);
        header_.log_max_bytes = options.log.max_bytes;
        header_.log_max_files = options.log.max_files;
        if (options.ports.size() > shim::kMaxPorts)
            return fail(Code::exhausted, "at most 64 ports can be published by one container");
        for (std::size_t i = 0; i < options.ports.size(); ++i)
            header_.ports[i] = {plan_.first_listener_slot() + static_cast<int>(i),
                                options.ports[i].ipv4, options.ports[i].port,
                                static_cast<std::uint16_t>(options.ports[i].udp ? 1 : 0)};
        header_.port_count = static_cast<std::uint32_t>(options.ports.size());
        TRY(fill_resolver(options));
        for (const auto& entry : options.after_exit)
            TRY(add_after_exit(kind_of(entry.kind), entry.path));
        TRY(fill_restart(options.restart));
        return fill_health(options.health);
    }

    Result<> fill_resolver(const Options& options) {
        if (!encoding_.resolves) return {};
        shim::Resolver& resolver = header_.resolver;
        resolver.udp_slot = plan_.first_listener_slot() + static_cast<int>(options.ports.size());
        resolver.tcp_slot = resolver.udp_slot + 1;
        for (const auto& text : options.name_servers) {
            if (resolver.server_count == shim::kMaxNameServers) break;
            shim::NameServer& server = resolver.servers[resolver.server_count];
            auto address = sys::ip_bytes(text);
            if (!address) continue;  // a zone, or no address at all
            server.family = address->family;
            std::memcpy(server.address, address->bytes.data(), sizeof server.address);
            ++resolver.server_count;
        }
        return {};
    }

    Result<> fill_restart(const Restart& restart) {
        if (restart.command.empty()) return {};
        if (restart.command.size() > shim::kMaxRestartWords)
            return fail(Code::internal, "a longer command for a restart than the plan holds");
        header_.restart = restart.when;
        header_.restart_most = restart.most;
        header_.restart_count = restart.count;
        header_.restart_delay_ms = restart.last_delay_ms;
        for (const auto& word : restart.command) {
            std::uint32_t offset = text(word);
            if (header_.restart_words++ == 0) header_.restart_command = offset;
        }
        return {};
    }

    Result<> fill_health(const HealthSchedule& health) {
        if (health.command.empty()) return {};
        if (health.command.size() > shim::kMaxHealthWords)
            return fail(Code::internal, "a longer command for a probe than the plan holds");
        header_.health_interval_ms = health.interval_ms;
        header_.health_start_interval_ms = health.start_interval_ms;
        header_.health_start_period_ms = health.start_period_ms;
        header_.health_deadline_ms = health.deadline_ms;
        for (const auto& word : health.command) {
            std::uint32_t offset = text(word);
            if (header_.health_words++ == 0) header_.health_command = offset;
        }
        return {};
    }

    static AfterExitKind kind_of(AfterExit::Kind kind) {
        switch (kind) {
            case AfterExit::Kind::unlink: return AfterExitKind::unlink;
            case AfterExit::Kind::unlink_lease: return AfterExitKind::unlink_lease;
            case AfterExit::Kind::unlink_own: return AfterExitKind::unlink_own;
            case AfterExit::Kind::unlink_listed: return AfterExitKind::unlink_listed;
            case AfterExit::Kind::remove_tree: return AfterExitKind::remove_tree;
            case AfterExit::Kind::remove_unused_volume: break;
        }
        return AfterExitKind::remove_unused_volume;
    }

    Result<> add_after_exit(AfterExitKind kind, const std::string& path) {
        if (header_.after_exit_count == shim::kMaxAfterExit)
            return fail(Code::internal, "more paths to remove after the exit than the plan holds");
        header_.after_exit[header_.after_exit_count++] = {kind, text(path)};
        return {};
    }

    // Offsets were counted from the text's start; 0 means "none" in the header.
    void relocate_header() {
        for (std::uint32_t* offset :
             {&header_.state_dir, &header_.log_path, &header_.cgroup, &header_.facts,
              &header_.monitor_cgroups, &header_.restart_command, &header_.health_command,
              &header_.other.pid_file, &header_.other.start, &header_.other.kill,
              &header_.other.remove})
            if (*offset != 0) *offset += text_at_;
        for (std::uint32_t i = 0; i < header_.after_exit_count; ++i)
            header_.after_exit[i].path += text_at_;
    }

    const Plan& plan_;
    const Encoding& encoding_;
    std::string text_;
    std::uint32_t text_at_ = 0;
    Header header_{};
};

}  // namespace

int forward_slot(const Plan& plan, std::size_t listener_count, int number) {
    return plan.first_listener_slot() + static_cast<int>(listener_count) + number;
}

Result<std::string> encode(const Plan& plan, const Encoding& encoding) {
    return Encoder(plan, encoding).run();
}

}  // namespace crank::runtime
