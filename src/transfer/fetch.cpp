#include "transfer/fetch.h"

#include "sys/file.h"

namespace crank::transfer {

namespace {

constexpr std::size_t kMostFetched = std::size_t{16} << 30;

}  // namespace

Result<> fetch_url(const SessionOptions& options, const std::string& url, int fd) {
    Session session = TRY(Session::start(options));
    Channel& channel = session.first();
    TRY(channel.begin({{"op", "fetch"}, {"url", url}, {"most", std::to_string(kMostFetched)}}));
    std::size_t left = kMostFetched;
    while (true) {
        Bytes bytes = TRY(channel.next());
        if (bytes.empty()) return {};
        if (bytes.size() > left)
            return fail(Code::exhausted, url + " sends more than 16 GiB: it is not fetched");
        left -= bytes.size();
        TRY(sys::write_all(fd, {reinterpret_cast<const char*>(bytes.data()), bytes.size()}, url));
    }
}

}  // namespace crank::transfer
