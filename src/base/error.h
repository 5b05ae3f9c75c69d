// The one error value of the house and the one way to pass it on.
#pragma once

#include <cstdint>
#include <expected>
#include <source_location>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace crank {

// A closed set: every code has one row in the table in error.cpp that gives its name and the exit
// code of a command that fails with it. What a program must tell apart has a code of its own.
enum class Code : std::uint8_t {
    invalid_argument,     // the caller's value is malformed or out of range
    usage,                // a flag or an argument of the command line is wrong
    not_found,            // the named object does not exist
    already_exists,       // a name, a port or a path is taken
    in_use,               // the object exists and something depends on it
    failed_precondition,  // the object is in the wrong state for this (not running, not created,
                          // ...)
    permission_denied,    // the rights of the caller do not suffice
    unsupported,          // this host or this version cannot do it
    exhausted,            // no space, no memory, no address, a limit was reached
    deadline_exceeded,    // a wait ran out
    cancelled,            // the user or a signal ended it
    corrupt,              // stored or received data contradicts its digest or its format
    io,                   // a system call failed for a reason not listed above
    step_failed,          // a RUN step or a hook ended with a status other than 0
    cannot_invoke,        // the worker's program exists and cannot be executed (exit code 126)
    command_not_found,    // the worker's program does not exist (exit code 127)
    internal,             // a bug of crank
};

// `name` as printed in JSON; `exit_code` for verbs other than `run`, `exec` (which use 125 for
// everything but cannot_invoke and command_not_found, as Docker does).
struct CodeInfo {
    std::string_view name;
    int exit_code;
};
CodeInfo describe(Code code);

// An error carries what failed (message, lower case, no full stop, names the object), the contexts
// it passed through (innermost first), the errno where a system call failed, the next command to
// type (hint), and the errors met while undoing. Cheap to move; never thrown.
class [[nodiscard]] Error {
public:
    Error(Code code, std::string message,
          std::source_location where = std::source_location::current())
        : code_(code), message_(std::move(message)), where_(where) {}

    // From the errno of a failed system call; the code is derived from it (code_of_errno).
    // `what` names the operation and its object: "open /etc/passwd".
    static Error from_errno(int error_number, std::string what,
                            std::source_location where = std::source_location::current());

    Code code() const { return code_; }
    int error_number() const { return errno_; }  // 0 when no system call failed
    const std::string& message() const { return message_; }
    const std::vector<std::string>& contexts() const { return contexts_; }
    const std::string& hint() const { return hint_; }
    const std::vector<std::string>& cleanup_errors() const { return cleanup_; }
    const std::source_location& where() const { return where_; }

    Error with_context(std::string context) &&;
    Error with_hint(std::string hint) &&;
    Error with_cleanup(const Error& cleanup) &&;
    Error with_code(Code code) &&;

    // "outer context: inner context: message (No such file or directory)", then the clean-up
    // errors; the hint is not part of it.
    std::string text() const;

private:
    Code code_;
    int errno_ = 0;
    std::string message_;
    std::vector<std::string> contexts_;
    std::string hint_;
    std::vector<std::string> cleanup_;
    std::source_location where_;
};

Code code_of_errno(int error_number);

template <class T = void>
using Result = std::expected<T, Error>;

// `return fail(Code::not_found, "no such image: x");`
inline std::unexpected<Error> fail(Code code, std::string message,
                                   std::source_location where = std::source_location::current()) {
    return std::unexpected(Error(code, std::move(message), where));
}
inline std::unexpected<Error> fail(Error error) { return std::unexpected(std::move(error)); }
// From the current errno, which must be that of the call just made.
std::unexpected<Error> fail_errno(std::string what,
                                  std::source_location where = std::source_location::current());

namespace detail {
template <class T>
T take(std::expected<T, Error>&& r) {
    return std::move(*r);
}
inline void take(std::expected<void, Error>&&) {}
}  // namespace detail

}  // namespace crank

// The counter keeps a TRY inside a lambda inside a TRY from shadowing the outer one's variable.
#define CRANK_TRY_NAME_(a, b) a##b
#define CRANK_TRY_NAME(a, b) CRANK_TRY_NAME_(a, b)
#define CRANK_TRY_AS(result, expression, error_of)                               \
    __extension__({                                                              \
        auto result = (expression);                                              \
        if (!result) return std::unexpected(std::move(result).error() error_of); \
        ::crank::detail::take(std::move(result));                                \
    })

// Evaluates to the value of a Result, or returns its error from the enclosing function.
#define TRY(expression) CRANK_TRY_AS(CRANK_TRY_NAME(try_result_, __COUNTER__), expression, )

// As TRY, and names what was being done: TRY_IN(load(x), "loading image " + name).
#define TRY_IN(expression, context) \
    CRANK_TRY_AS(CRANK_TRY_NAME(try_result_, __COUNTER__), expression, .with_context(context))
