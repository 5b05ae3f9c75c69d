#include "sys/dbus.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <thread>

#include "sys/systemd.h"

namespace crank::sys::dbus {
namespace {

using ::testing::HasSubstr;
using namespace std::string_literals;

Clock::time_point soon() { return Clock::now() + std::chrono::seconds(20); }

// The header of a signal whose body is missing, which it says it has.
const std::string kJobRemoved =
    "l\4\1\1"s
    "\x6c\0\0\0"s
    "\x2a\0\0\0"s
    "\x93\0\0\0"s
    "\1\1o\0\x19\0\0\0/org/freedesktop/systemd1\0\0\0\0\0\0\0"s
    "\2\1s\0\x20\0\0\0org.freedesktop.systemd1.Manager\0\0\0\0\0\0\0\0"s
    "\3\1s\0\x0a\0\0\0JobRemoved\0\0\0\0\0\0"s
    "\7\1s\0\4\0\0\0:1.0\0\0\0\0"s
    "\x08\1g\0\4uoss\0\0\0\0\0\0"s;

std::string job_removed(std::uint32_t job, const std::string& result) {
    Writer body;
    body.u32(job);
    body.text("/org/freedesktop/systemd1/job/" + std::to_string(job));
    body.text("crank-x.scope");
    body.text(result);
    Writer out;
    out.byte('l');
    out.byte(4);
    out.byte(1);
    out.byte(1);
    out.u32(static_cast<std::uint32_t>(body.bytes().size()));
    out.u32(7);
    auto fields = out.begin_array(8);
    auto put = [&](std::uint8_t code, char type, const std::string& value) {
        out.align(8);
        out.byte(code);
        out.signature({&type, 1});
        type == 'g' ? out.signature(value) : out.text(value);
    };
    put(1, 'o', "/org/freedesktop/systemd1");
    put(2, 's', "org.freedesktop.systemd1.Manager");
    put(3, 's', "JobRemoved");
    put(8, 'g', "uoss");
    put(10, 'o', "/a/field/that/is/not/known");
    out.end_array(fields);
    out.align(8);
    return out.bytes() + body.bytes();
}

std::string reply(Type type, std::uint32_t to, const std::string& signature,
                  const std::string& body, const std::string& error = "") {
    Writer out;
    out.byte('l');
    out.byte(static_cast<std::uint8_t>(type));
    out.byte(1);
    out.byte(1);
    out.u32(static_cast<std::uint32_t>(body.size()));
    out.u32(9);
    auto fields = out.begin_array(8);
    out.byte(5);
    out.signature("u");
    out.u32(to);
    if (!error.empty()) {
        out.align(8);
        out.byte(4);
        out.signature("s");
        out.text(error);
    }
    out.align(8);
    out.byte(8);
    out.signature("g");
    out.signature(signature);
    out.end_array(fields);
    out.align(8);
    return out.bytes() + body;
}

TEST(DBusMessage, is_written_byte_for_byte_as_the_specification_has_it) {
    Writer body;
    body.text("x.scope");
    std::string bytes = encode({"org.a", "/p", "org.a.I", "Stop", "s", body.bytes()}, 3);
    EXPECT_EQ(bytes,
              "l\1\0\1"s
              "\x0c\0\0\0"s
              "\3\0\0\0"s
              "\x47\0\0\0"s
              "\1\1o\0\2\0\0\0/p\0\0\0\0\0\0"s
              "\2\1s\0\7\0\0\0org.a.I\0"s
              "\3\1s\0\4\0\0\0Stop\0\0\0\0"s
              "\6\1s\0\5\0\0\0org.a\0\0\0"s
              "\x08\1g\0\1s\0\0"s
              "\7\0\0\0x.scope\0"s);
    Message message = decode(bytes).value();
    EXPECT_EQ(message.type, Type::call);
    EXPECT_EQ(message.serial, 3U);
    EXPECT_EQ(message.path, "/p");
    EXPECT_EQ(message.interface, "org.a.I");
    EXPECT_EQ(message.member, "Stop");
    EXPECT_EQ(Reader(message.body).text().value(), "x.scope");
}

TEST(DBusMessage, a_signal_is_read_and_unknown_fields_are_left_out) {
    Message message = decode(job_removed(42, "done")).value();
    EXPECT_EQ(message.type, Type::signal);
    EXPECT_EQ(message.member, "JobRemoved");
    EXPECT_EQ(message.signature, "uoss");
    Reader body(message.body);
    EXPECT_EQ(body.u32().value(), 42U);
    EXPECT_EQ(body.text().value(), "/org/freedesktop/systemd1/job/42");
    EXPECT_EQ(body.text().value(), "crank-x.scope");
    EXPECT_EQ(body.text().value(), "done");
    EXPECT_FALSE(body.u32().has_value());
}

// Every prefix and every changed byte: refused or read, never out of bounds (the sanitizers look).
TEST(DBusMessage, whatever_comes_is_read_or_refused) {
    for (const std::string& good : {job_removed(42, "done"), kJobRemoved}) {
        for (std::size_t size = 0; size < good.size(); ++size)
            EXPECT_FALSE(decode(good.substr(0, size)).has_value()) << size;
        for (std::size_t at = 0; at < good.size(); ++at)
            for (int value : {0, 1, 0x7f, 0x80, 0xff}) {
                std::string bad = good;
                bad[at] = static_cast<char>(value);
                (void)size_of(bad);
                if (auto message = decode(bad)) {
                    Reader body(message->body);
                    while (body.text()) {}
                }
            }
    }
}

TEST(DBusMessage, a_length_that_it_cannot_have_is_refused_before_it_is_waited_for) {
    std::string bytes = job_removed(1, "done");
    for (std::size_t at : {std::size_t{4}, std::size_t{12}}) {
        std::string bad = bytes;
        bad.replace(at, 4, "\xff\xff\xff\xff"s);
        EXPECT_THAT(size_of(bad).error().text(), HasSubstr("more than 1 MiB"));
    }
    bytes[0] = 'B';
    EXPECT_THAT(size_of(bytes).error().text(), HasSubstr("not little-endian"));
}

struct Pair {
    UniqueFd ours, theirs;
};
Pair make_pair() {
    int fds[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    return {UniqueFd(fds[0]), UniqueFd(fds[1])};
}

void say(const UniqueFd& fd, const std::string& bytes) {
    EXPECT_EQ(::write(fd.get(), bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
}
std::string hear(const UniqueFd& fd, const std::string& until) {
    std::string heard;
    char byte;
    while (!heard.ends_with(until) && ::read(fd.get(), &byte, 1) == 1) heard += byte;
    return heard;
}

TEST(DBusConnection, authenticates_calls_and_keeps_the_signals_that_came_before_the_reply) {
    Pair pair = make_pair();
    std::string auth;
    std::thread server([&, theirs = std::move(pair.theirs)] {
        auth = hear(theirs, "\r\n");
        say(theirs, "OK 0123456789abcdef\r\n");
        hear(theirs, "BEGIN\r\n");
        hear(theirs, "x.scope\0"s);
        // In pieces, the signal first; and a reply to nobody.
        std::string all = job_removed(5, "canceled") + reply(Type::reply, 77, "s", "") +
                          reply(Type::reply, 1, "s", "\2\0\0\0ok\0"s) + job_removed(6, "done");
        for (char c : all) say(theirs, {&c, 1});
        hear(theirs, "y.scope\0"s);
        say(theirs,
            reply(Type::error, 2, "s", "\4\0\0\0no\n!\0"s, "org.freedesktop.systemd1.NoSuchUnit"));
    });
    Connection connection = Connection::over(std::move(pair.ours), soon()).value();
    Writer body;
    body.text("x.scope");
    Message answer =
        connection.call({"o.a", "/p", "o.a", "Stop", "s", body.bytes()}, soon()).value();
    EXPECT_EQ(Reader(answer.body).text().value(), "ok");
    auto of_job = [&](std::uint32_t job) {
        return [job](const Message& m) { return Reader(m.body).u32().value_or(0) == job; };
    };
    EXPECT_EQ(connection.wait_signal(of_job(5), soon()).value().member, "JobRemoved");
    EXPECT_EQ(connection.wait_signal(of_job(6), soon()).value().member, "JobRemoved");
    Writer other;
    other.text("y.scope");
    auto refused = connection.call({"o.a", "/p", "o.a", "Stop", "s", other.bytes()}, soon());
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().code(), Code::not_found);
    EXPECT_EQ(refused.error().message(), "Stop: no ! (org.freedesktop.systemd1.NoSuchUnit)");
    server.join();
    std::string digits;
    for (char c : std::to_string(::geteuid())) digits += std::string("3") + c;
    EXPECT_EQ(auth, "\0AUTH EXTERNAL "s + digits + "\r\n");
    auto gone = connection.call({"o.a", "/p", "o.a", "Stop"}, soon());
    ASSERT_FALSE(gone.has_value());
}

TEST(DBusConnection, a_server_that_refuses_says_nothing_or_talks_without_end_is_left) {
    Pair refusing = make_pair();
    say(refusing.theirs, "REJECTED EXTERNAL\r\n");
    EXPECT_EQ(Connection::over(std::move(refusing.ours), soon()).error().code(),
              Code::permission_denied);
    Pair silent = make_pair();
    EXPECT_EQ(Connection::over(std::move(silent.ours), Clock::now() + std::chrono::milliseconds(50))
                  .error()
                  .code(),
              Code::deadline_exceeded);
    Pair endless = make_pair();
    say(endless.theirs, std::string(20000, 'x'));
    EXPECT_EQ(Connection::over(std::move(endless.ours), soon()).error().code(), Code::corrupt);
    Pair closed = make_pair();
    closed.theirs.reset();
    EXPECT_FALSE(Connection::over(std::move(closed.ours), soon()).has_value());
}

}  // namespace
}  // namespace crank::sys::dbus
