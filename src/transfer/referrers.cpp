#include "transfer/referrers.h"

#include "base/text.h"
#include "transfer/session.h"

namespace crank::transfer {

namespace {

// As many pages as crank-net follows, each as large as a document may be.
constexpr std::size_t kMaxData = std::size_t{64} << 20;

}  // namespace

Result<Referrers> referrers(const Connection& connection, const std::string& typed) {
    auto progress = connection.progress;
    SessionOptions options{
        connection.program, connection.tls_verify, 1,
        [progress](const std::string& text) { progress({Progress::Kind::note, text}); }};
    options.cancel_fd = connection.cancel_fd;
    Session session = TRY(Session::start(options));
    std::string data;
    Fields answer =
        TRY(session.first().ask({{"op", "referrers"}, {"reference", typed}}, &data, kMaxData));
    Referrers out;
    out.subject = TRY(oci::Digest::parse(TRY(field(answer, "digest"))));
    std::string_view rest = data;
    for (const std::string& size : split(TRY(field(answer, "pages")), ',')) {
        if (size.empty()) continue;
        auto bytes = parse_int(size);
        if (!bytes || *bytes < 0 || static_cast<std::size_t>(*bytes) > rest.size())
            return fail(Code::internal, "crank-net's answer has no page of " + size + " bytes");
        auto page = rest.substr(0, static_cast<std::size_t>(*bytes));
        rest.remove_prefix(page.size());
        for (registry::Referrer& referrer : TRY_IN(registry::parse_referrers(page), typed))
            out.all.push_back(std::move(referrer));
    }
    return out;
}

}  // namespace crank::transfer
