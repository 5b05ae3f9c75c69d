#include "sys/iptables.h"

#include <linux/netfilter.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <sys/socket.h>

#include <cstddef>
#include <cstring>
#include <string>
#include <vector>

#include "sys/file.h"
#include "sys/unique_fd.h"

namespace crank::sys {

namespace {

constexpr const char* kTable = "filter";
constexpr int kDropVerdict = -NF_DROP - 1;  // how a standard target writes it

bool table_in_use() {
    auto names = read_file("/proc/thread-self/net/ip_tables_names");
    return names && ("\n" + *names).find("\n" + std::string(kTable) + "\n") != std::string::npos;
}

template <class T>
bool read_at(const std::vector<std::byte>& data, std::size_t offset, T& out) {
    if (offset > data.size() || data.size() - offset < sizeof out) return false;
    std::memcpy(&out, data.data() + offset, sizeof out);
    return true;
}

}  // namespace

Result<bool> legacy_drops(LegacyChain chain) {
    if (!table_in_use()) return false;
    UniqueFd socket(::socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW));
    if (!socket) return fail_errno("open a raw socket");
    ipt_getinfo info{};
    std::strcpy(info.name, kTable);
    socklen_t size = sizeof info;
    if (::getsockopt(socket.get(), IPPROTO_IP, IPT_SO_GET_INFO, &info, &size) != 0)
        return fail_errno("read the iptables table filter");
    ipt_get_entries request{};
    std::strcpy(request.name, kTable);
    request.size = info.size;
    const std::size_t header = offsetof(ipt_get_entries, entrytable);
    std::vector<std::byte> data(header + info.size);
    std::memcpy(data.data(), &request, header);
    size = static_cast<socklen_t>(data.size());
    if (::getsockopt(socket.get(), IPPROTO_IP, IPT_SO_GET_ENTRIES, data.data(), &size) != 0)
        return fail_errno("read the iptables table filter");
    // The rule at the end of a built-in chain carries its policy.
    const int hook = chain == LegacyChain::input ? NF_INET_LOCAL_IN : NF_INET_FORWARD;
    const std::size_t at = header + info.underflow[hook];
    ipt_entry entry;
    xt_standard_target target;
    if (!read_at(data, at, entry) || !read_at(data, at + entry.target_offset, target))
        return fail(Code::io, "the iptables table filter is malformed");
    return target.verdict == kDropVerdict;
}

}  // namespace crank::sys
