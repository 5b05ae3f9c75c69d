#include "sys/systemd.h"

#include "sys/file.h"

namespace crank::sys {
namespace {

constexpr std::chrono::seconds kDeadline{30};
constexpr const char* kName = "org.freedesktop.systemd1";
constexpr const char* kPath = "/org/freedesktop/systemd1";
constexpr const char* kManager = "org.freedesktop.systemd1.Manager";
constexpr const char* kPrivateSocket = "/run/systemd/private";
constexpr const char* kBusSocket = "/run/dbus/system_bus_socket";

dbus::Clock::time_point soon() { return dbus::Clock::now() + kDeadline; }

struct PutValue {
    dbus::Writer& out;
    void operator()(bool value) const {
        out.signature("b");
        out.boolean(value);
    }
    void operator()(std::int32_t value) const {
        out.signature("i");
        out.u32(static_cast<std::uint32_t>(value));
    }
    void operator()(std::uint64_t value) const {
        out.signature("t");
        out.u64(value);
    }
    void operator()(const std::string& value) const {
        out.signature("s");
        out.text(value);
    }
    void operator()(const std::vector<std::uint32_t>& values) const {
        out.signature("au");
        auto array = out.begin_array(4);
        for (std::uint32_t value : values) out.u32(value);
        out.end_array(array);
    }
    void operator()(const std::vector<std::uint8_t>& values) const {
        out.signature("ay");
        auto array = out.begin_array(1);
        for (std::uint8_t value : values) out.byte(value);
        out.end_array(array);
    }
    void operator()(const std::vector<std::string>& values) const {
        out.signature("as");
        auto array = out.begin_array(4);
        for (const std::string& value : values) out.text(value);
        out.end_array(array);
    }
    void operator()(const UnitCommand& value) const {
        out.signature("a(sasb)");
        auto array = out.begin_array(8);
        out.text(value.path);
        auto args = out.begin_array(4);
        for (const std::string& arg : value.args) out.text(arg);
        out.end_array(args);
        out.boolean(false);  // its failure counts
        out.end_array(array);
    }
};

// a(sv)
void put_properties(dbus::Writer& out, const std::vector<UnitProperty>& properties) {
    auto array = out.begin_array(8);
    for (const UnitProperty& property : properties) {
        out.align(8);
        out.text(property.name);
        std::visit(PutValue{out}, property.value);
    }
    out.end_array(array);
}

// The bus names who connects, and passes on the signals that it is asked for. systemd's own socket
// does neither, and has signals for everybody who is connected.
Result<> greet(dbus::Connection& bus) {
    const std::string name = "org.freedesktop.DBus";
    TRY(bus.call({name, "/org/freedesktop/DBus", name, "Hello"}, soon()));
    dbus::Writer rule;
    rule.text("type='signal',sender='org.freedesktop.systemd1',member='JobRemoved'");
    TRY(bus.call({name, "/org/freedesktop/DBus", name, "AddMatch", "s", rule.bytes()}, soon()));
    TRY(bus.call({kName, kPath, kManager, "Subscribe"}, soon()));
    return {};
}

}  // namespace

bool systemd_runs() { return exists("/run/systemd/system"); }

Result<Systemd> Systemd::connect() {
    auto own = dbus::Connection::open(kPrivateSocket, soon());
    if (own) return Systemd(std::move(*own));
    auto bus = dbus::Connection::open(kBusSocket, soon());
    if (bus) {
        TRY_IN(greet(*bus), kBusSocket);
        return Systemd(std::move(*bus));
    }
    return fail(Error(Code::unsupported,
                      "systemd does not answer: " + own.error().text() + "; " + bus.error().text())
                    .with_hint("use the cgroupfs driver: podman --cgroup-manager=cgroupfs, "
                               "dockerd --exec-opt native.cgroupdriver=cgroupfs"));
}

Result<dbus::Message> Systemd::call(const std::string& member, const std::string& signature,
                                    std::string body, dbus::Clock::time_point deadline) {
    return connection_.call({kName, kPath, kManager, member, signature, std::move(body)}, deadline);
}

Result<Systemd> Systemd::connect_user(const std::string& runtime_dir) {
    if (runtime_dir.empty())
        return fail(Code::unsupported, "the user's systemd is not found: no XDG_RUNTIME_DIR");
    auto own = dbus::Connection::open(runtime_dir + "/systemd/private", soon());
    if (own) return Systemd(std::move(*own));
    auto bus = dbus::Connection::open(runtime_dir + "/bus", soon());
    if (!bus)
        return fail(Code::unsupported, "the user's systemd does not answer: " + own.error().text() +
                                           "; " + bus.error().text());
    TRY_IN(greet(*bus), runtime_dir + "/bus");
    return Systemd(std::move(*bus));
}

// How it ended: "done", "failed", "timeout", "canceled", "dependency", "skipped".
Result<std::string> Systemd::run_job(const std::string& member, const std::string& signature,
                                     std::string body) {
    auto deadline = soon();
    dbus::Message reply = TRY(call(member, signature, std::move(body), deadline));
    std::string job = TRY(dbus::Reader(reply.body).text());
    std::string result;
    // JobRemoved: u (number), o (job), s (unit), s (result)
    TRY(connection_.wait_signal(
        [&](const dbus::Message& signal) {
            if (signal.interface != kManager || signal.member != "JobRemoved") return false;
            dbus::Reader in(signal.body);
            auto number = in.u32();
            if (!number) return false;
            auto path = in.text();
            if (!path || *path != job) return false;
            auto unit = in.text();
            if (!unit) return false;
            auto how = in.text();
            if (how) result = *how;
            return how.has_value();
        },
        deadline));
    return result;
}

Result<> Systemd::start_unit(const std::string& name, const std::vector<UnitProperty>& properties) {
    dbus::Writer out;
    out.text(name);
    out.text("replace");
    put_properties(out, properties);
    out.end_array(out.begin_array(8));  // a(sa(sv)): no units with it
    const std::string context = "starting the unit " + name;
    auto result = run_job("StartTransientUnit", "ssa(sv)a(sa(sv))", out.bytes());
    if (!result && result.error().code() == Code::already_exists) {
        dbus::Writer which;
        which.text(name);
        (void)call("ResetFailedUnit", "s", which.bytes(), soon());
        result = run_job("StartTransientUnit", "ssa(sv)a(sa(sv))", out.bytes());
    }
    std::string how = TRY_IN(std::move(result), context);
    if (how == "done") return {};
    return fail(Code::io, context + ": systemd says '" + how + "'");
}

Result<> Systemd::stop_unit(const std::string& name) {
    dbus::Writer out;
    out.text(name);
    std::string only = out.bytes();
    out.text("replace");
    auto how = run_job("StopUnit", "ss", out.bytes());
    // It may stay as one that has failed, and its name be taken.
    (void)call("ResetFailedUnit", "s", only, soon());
    if (how || how.error().code() == Code::not_found) return {};
    return fail(std::move(how).error().with_context("stopping the unit " + name));
}

Result<> Systemd::set_properties(const std::string& name,
                                 const std::vector<UnitProperty>& properties) {
    dbus::Writer out;
    out.text(name);
    out.boolean(true);  // until the machine goes down
    put_properties(out, properties);
    TRY_IN(call("SetUnitProperties", "sba(sv)", out.bytes(), soon()),
           "changing the limits of the unit " + name);
    return {};
}

}  // namespace crank::sys
