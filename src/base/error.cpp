#include "base/error.h"

#include <cerrno>
#include <cstring>

namespace crank {

CodeInfo describe(Code code) {
    switch (code) {
        case Code::invalid_argument: return {"invalid_argument", 1};
        case Code::usage: return {"usage", 2};
        case Code::not_found: return {"not_found", 1};
        case Code::already_exists: return {"already_exists", 1};
        case Code::in_use: return {"in_use", 1};
        case Code::failed_precondition: return {"failed_precondition", 1};
        case Code::permission_denied: return {"permission_denied", 1};
        case Code::unsupported: return {"unsupported", 1};
        case Code::exhausted: return {"exhausted", 1};
        case Code::deadline_exceeded: return {"deadline_exceeded", 1};
        case Code::cancelled: return {"cancelled", 130};
        case Code::corrupt: return {"corrupt", 1};
        case Code::io: return {"io", 1};
        case Code::step_failed: return {"step_failed", 1};
        case Code::cannot_invoke: return {"cannot_invoke", 126};
        case Code::command_not_found: return {"command_not_found", 127};
        case Code::internal: return {"internal", 1};
    }
    return {"internal", 1};
}

Code code_of_errno(int error_number) {
    switch (error_number) {
        case ENOENT: return Code::not_found;
        case EEXIST: return Code::already_exists;
        case EADDRINUSE: return Code::already_exists;
        case EBUSY: return Code::in_use;
        case ENOTEMPTY: return Code::in_use;
        case EACCES: return Code::permission_denied;
        case EPERM: return Code::permission_denied;
        case EROFS: return Code::permission_denied;
        case EINVAL: return Code::invalid_argument;
        case ENOSYS: return Code::unsupported;
        case EOPNOTSUPP: return Code::unsupported;
        case ENOSPC: return Code::exhausted;
        case EDQUOT: return Code::exhausted;
        case ENOMEM: return Code::exhausted;
        case EMFILE: return Code::exhausted;
        case ENFILE: return Code::exhausted;
        case ETIMEDOUT: return Code::deadline_exceeded;
        case EINTR: return Code::cancelled;
        default: return Code::io;
    }
}

Error Error::from_errno(int error_number, std::string what, std::source_location where) {
    Error error(code_of_errno(error_number), std::move(what), where);
    error.errno_ = error_number;
    return error;
}

Error Error::with_context(std::string context) && {
    contexts_.push_back(std::move(context));
    return std::move(*this);
}

Error Error::with_hint(std::string hint) && {
    hint_ = std::move(hint);
    return std::move(*this);
}

Error Error::with_cleanup(const Error& cleanup) && {
    cleanup_.push_back(cleanup.text());
    return std::move(*this);
}

Error Error::with_code(Code code) && {
    code_ = code;
    return std::move(*this);
}

std::string Error::text() const {
    std::string out;
    for (auto it = contexts_.rbegin(); it != contexts_.rend(); ++it) {
        out += *it;
        out += ": ";
    }
    out += message_;
    if (errno_ != 0) {
        out += ": ";
        out += std::strerror(errno_);
    }
    for (const auto& cleanup : cleanup_) {
        out += "; while undoing: ";
        out += cleanup;
    }
    return out;
}

std::unexpected<Error> fail_errno(std::string what, std::source_location where) {
    return std::unexpected(Error::from_errno(errno, std::move(what), where));
}

}  // namespace crank
