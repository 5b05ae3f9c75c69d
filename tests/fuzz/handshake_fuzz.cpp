// What crosses between crank and the processes that it starts. The first byte picks it:
//   - a plan in memory, some of its numbers changed: what crank-shim takes, it can read to the end;
//   - a plan with other texts: the shim finds them as they were, or nothing is started with it;
//   - packets of crank-shim: in whatever order they come, a start is a failure or a running
//   process;
//   - messages between crank and crank-net, as a stream of bytes and as texts.
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fuzz_support.h"
#include "registry/lane.h"
#include "runtime/builder.h"
#include "runtime/encode.h"
#include "runtime/handshake.h"
#include "shim/plan_check.h"
#include "shim/test_plan_memory.h"
#include "sys/stream_pair.h"

using namespace crank;
using namespace crank::runtime;
using crank::fuzz::Input;
using crank::fuzz::require;

namespace {

bool is_sound(const shim::PlanMemory& plan) {
    return shim::plan_is_sound(plan.bytes(), plan.size());
}

Plan small_plan() {
    Plan plan;
    Builder builder(plan);
    const std::vector<std::string> args = {"/bin/sh", "-c", "true"}, env = {"PATH=/bin", "A=1"};
    const std::vector<std::uint32_t> groups = {7, 8};
    const std::vector<std::uint64_t> filter = {6, 0x7fff000000000006};
    const std::vector<std::uint64_t> scheduler(6);
    builder.add(shim::OpKind::hostname, "name").s1 = builder.text("host");
    std::uint32_t text = builder.array<std::uint32_t>(groups);
    shim::Op& user = builder.add(shim::OpKind::user, "user");
    user.s1 = text;
    user.c = groups.size();
    builder.add(shim::OpKind::scheduler, "scheduler").s1 = builder.array<std::uint64_t>(scheduler);
    text = builder.array<std::uint64_t>(filter);
    shim::Op& seccomp = builder.add(shim::OpKind::seccomp, "filter");
    seccomp.s1 = text;
    seccomp.a = filter.size();
    const std::vector<std::string> names = {"proc", "proc"};
    text = builder.list(names);
    builder.add(shim::OpKind::mount_fs, "mount").s1 = text;
    builder.add(shim::OpKind::mapped_root, "ids").a = 1000;
    builder.add(shim::OpKind::attach_root, "root").fd = 0;
    text = builder.array<std::uint64_t>(filter);
    shim::Op& policy = builder.add(shim::OpKind::memory_policy, "policy");
    policy.s1 = text;
    policy.b = filter.size() * 64 + 1;
    plan.before_clone = 1;
    plan.between = 2;
    std::uint32_t list = builder.list(args), variables = builder.list(env);
    shim::Op& exec = builder.add(shim::OpKind::exec, "program");
    exec.s1 = list;
    exec.a = args.size();
    exec.s2 = variables;
    exec.b = env.size();
    plan.monitor_cgroups = {"/cg/a/tasks", "/cg/b/tasks"};
    return plan;
}

std::size_t count(const char* text, std::uint64_t texts) {
    std::size_t bytes = 0;
    for (; texts > 0; --texts) bytes += std::strlen(text + bytes) + 1;
    return bytes;
}

// As the shim does.
std::size_t read_op(const char* base, const shim::Op& op) {
    std::size_t bytes = 0;
    auto sum = [&](std::uint64_t elements, std::size_t size) {
        for (std::uint64_t i = 0; i < elements * size; ++i)
            bytes += static_cast<unsigned char>(base[op.s1 + i]);
    };
    switch (op.kind) {
        case shim::OpKind::user: sum(op.c, 4); break;
        case shim::OpKind::seccomp: sum(op.a, 8); break;
        case shim::OpKind::scheduler: sum(1, 48); break;
        case shim::OpKind::memory_policy: sum((op.b + 62) / 64, 8); break;
        case shim::OpKind::landlock:
            sum(op.a, 4);
            bytes += count(base + op.s2, op.b);
            break;
        case shim::OpKind::mount_fs: bytes += count(base + op.s1, 2); break;
        case shim::OpKind::exec:
        case shim::OpKind::find_program:
            bytes += count(base + op.s1, op.a) + count(base + op.s2, op.b);
            break;
        default:
            for (std::uint32_t offset : {op.s1, op.s2, op.s3}) bytes += count(base + offset, 1);
    }
    return bytes;
}

void read_plan(const shim::PlanMemory& plan) {
    const shim::Header& header = plan.header();
    volatile std::size_t bytes = 0;
    require(std::uint64_t{header.before_clone} + header.between <= header.op_count);
    for (std::uint32_t i = 0; i < header.op_count; ++i)
        bytes = bytes + read_op(plan.bytes(), plan.op(i));
    for (std::uint32_t offset : {header.state_dir, header.log_path, header.cgroup})
        bytes = bytes + count(plan.bytes() + offset, offset == 0 ? 0 : 1);
    for (std::uint32_t i = 0; i < header.after_exit_count; ++i)
        bytes = bytes + count(plan.bytes() + header.after_exit[i].path, 1);
    bytes = bytes + count(plan.bytes() + header.monitor_cgroups, header.monitor_cgroup_count);
    bytes = bytes + count(plan.bytes() + header.facts, std::uint64_t{3} * header.fact_count);
    bytes = bytes + count(plan.bytes() + header.restart_command, header.restart_words);
}

// The rest of the input: where, how many bytes, and what.
void changed_plan(Input& input) {
    static const std::string sound = *encode(small_plan(), Encoding{});
    shim::PlanMemory plan{sound};
    require(is_sound(plan));
    while (!input.empty()) {
        std::size_t at = input.number(2) % plan.size(), size = 1 + input.byte() % 8;
        std::string_view bytes = input.take(size);
        std::memcpy(plan.bytes() + at, bytes.data(), std::min(bytes.size(), plan.size() - at));
    }
    if (is_sound(plan)) read_plan(plan);
}

void other_texts(Input& input) {
    Plan plan;
    Builder builder(plan);
    std::vector<std::string> texts;
    std::vector<std::string>* lists[2];
    std::vector<std::string> args, env;
    lists[0] = &args;
    lists[1] = &env;
    for (int steps = input.byte() % 4; steps > 0; --steps) {
        texts.emplace_back(input.until('\n'));
        builder.add(shim::OpKind::write_file, "write").s1 = builder.text(texts.back());
    }
    for (auto* list : lists)
        for (int left = input.byte() % 8; left > 0; --left) list->emplace_back(input.until('\n'));
    args.insert(args.begin(), "program");
    std::uint32_t first = builder.list(args), second = builder.list(env);
    shim::Op& exec = builder.add(shim::OpKind::exec, "program");
    exec.s1 = first;
    exec.a = args.size();
    exec.s2 = second;
    exec.b = env.size();
    auto bytes = encode(plan, Encoding{});
    auto has_nul = [](const std::string& text) { return text.find('\0') != std::string::npos; };
    bool cut = std::ranges::any_of(texts, has_nul) || std::ranges::any_of(args, has_nul) ||
               std::ranges::any_of(env, has_nul);
    require(bytes.has_value() != cut);
    if (!bytes) return;
    shim::PlanMemory encoded{*bytes};
    require(is_sound(encoded));
    for (std::uint32_t i = 0; i < texts.size(); ++i)
        require(texts[i] == encoded.bytes() + encoded.op(i).s1);
    const shim::Op& op = encoded.op(encoded.header().op_count - 1);
    for (auto [list, offset] : {std::pair{&args, op.s1}, std::pair{&env, op.s2}})
        for (const std::string& text : *list) {
            require(text == encoded.bytes() + offset);
            offset += static_cast<std::uint32_t>(text.size() + 1);
        }
}

void packets(Input& input) {
    Handshake handshake(
        StepNames{"/bin/true", {"mount proc on /proc", "load a filter", "execute /bin/true"}},
        {.hooks = 0, .listener = 1});
    std::optional<std::uint64_t> reached;
    bool over = false;
    while (!input.empty()) {
        unsigned how = input.byte();
        shim::Packet packet;
        packet.message = static_cast<shim::Message>(how % 8);
        std::size_t width = (how & 8) != 0 ? 8 : 1;
        packet.a = input.number(width);
        packet.b = input.number(width);
        auto bytes = std::as_bytes(std::span(&packet, 1));
        if (how >= 240) bytes = bytes.first(how % 16);
        Phase before = handshake.phase();
        auto accepted = handshake.accept(bytes);
        require(!over || !accepted);
        over = over || !accepted || packet.message == shim::Message::exited;
        require(over == (handshake.phase() == Phase::ended));
        if (!accepted) {
            require(!accepted.error().text().empty());
            continue;
        }
        require(before <= handshake.phase());
        if (packet.message == shim::Message::exited) require(before == Phase::running);
        if (packet.message == shim::Message::reached) {
            require(handshake.phase() == Phase::waiting && (!reached || *reached < packet.a));
            reached = packet.a;
            require((handshake.point() == Point::hooks) == (packet.a == 0));
            require((handshake.point() == Point::listener) == (packet.a == 1));
        }
        if (packet.message == shim::Message::started)
            require(handshake.phase() == Phase::running && packet.a != 0);
    }
}

// A stream of bytes of the other side; its end comes with it.
void lane(std::string_view bytes) {
    auto pair = sys::make_stream_pair();
    if (!pair) return;
    auto& [mine, theirs] = *pair;
    // fits into the socket's buffer
    if (!sys::send_parts(
            theirs.get(), {},
            std::span(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size())))
        return;
    theirs.reset();
    registry::Lane reader(std::move(mine));
    std::size_t at = 0;
    while (true) {
        auto frame = reader.receive();
        if (!frame || !*frame) break;
        std::string_view text = (*frame)->text();
        require(bytes.substr(at, 1)[0] == static_cast<char>((*frame)->kind));
        require(bytes.substr(at + 5, text.size()) == text);
        at += 5 + text.size();
    }
    require(at <= bytes.size());
}

void fields(std::string_view text) {
    auto fields = registry::decode(text);
    if (!fields) return;
    auto again = registry::decode(registry::encode(*fields));
    require(again.has_value() && *again == *fields);
    auto error = registry::error_of(*fields);
    if (!error) return;
    // They are printed.
    require(registry::shown(error->text()) == error->text());
    require(registry::shown(error->hint()) == error->hint());
    auto back = registry::error_of(registry::fields_of(*error));
    require(back.has_value() && back->code() == error->code());
    require(back->text() == error->text() && back->hint() == error->hint());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    Input input(data, size);
    switch (input.byte() % 8) {
        case 0:
        case 1:
        case 2: changed_plan(input); break;
        case 3: other_texts(input); break;
        case 4: lane(input.rest()); break;
        case 5: fields(input.rest()); break;
        default: packets(input);
    }
    return 0;
}
