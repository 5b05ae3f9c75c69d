#include "transfer/fetch.h"

#include "sys/file.h"

namespace crank::transfer {

Result<> fetch_url(const SessionOptions& options, const std::string& url, int fd) {
    Session session = TRY(Session::start(options));
    Channel& channel = session.first();
    TRY(channel.begin({{"op", "fetch"}, {"url", url}}));
    while (true) {
        Bytes bytes = TRY(channel.next());
        if (bytes.empty()) return {};
        TRY(sys::write_all(fd, {reinterpret_cast<const char*>(bytes.data()), bytes.size()}, url));
    }
}

}  // namespace crank::transfer
