#include "net/gunzip.h"

#include <isa-l/igzip_lib.h>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

namespace crank::net {
namespace {

constexpr std::size_t kPiece = std::size_t{256} << 10;  // what is handed on at once
constexpr std::array<std::uint8_t, 2> kMagic = {0x1f, 0x8b};
constexpr std::size_t kMostHeader = std::size_t{256} << 10;

bool begins_gzip(Bytes bytes) {
    return bytes.size() >= kMagic.size() && std::ranges::equal(bytes.first(kMagic.size()), kMagic);
}

// RFC 1952, 2.3. How long the header is that `bytes` begin with; 0: longer than they are; nothing:
// it is none. ISA-L's own reader forgets where it was when a header comes in pieces.
std::optional<std::size_t> header_size(Bytes bytes) {
    constexpr std::size_t kFixed = 10;
    constexpr std::uint8_t kDeflate = 8, kCrc = 2, kExtra = 4, kName = 8, kComment = 16,
                           kReserved = 0xe0;
    bool known = bytes.size() < 4 || (bytes[2] == kDeflate && (bytes[3] & kReserved) == 0);
    if (!known || (bytes.size() >= kMagic.size() && !begins_gzip(bytes))) return std::nullopt;
    if (bytes.size() < kFixed) return 0;
    std::uint8_t flags = bytes[3];
    std::size_t at = kFixed;
    if ((flags & kExtra) != 0) {
        if (bytes.size() < at + 2) return 0;
        at += 2 + (bytes[at] | std::size_t{bytes[at + 1]} << 8);
    }
    for (std::uint8_t flag : {kName, kComment}) {
        if ((flags & flag) == 0) continue;
        if (bytes.size() <= at) return 0;
        auto end = std::ranges::find(bytes.subspan(at), 0);
        at = static_cast<std::size_t>(end - bytes.begin()) + 1;
    }
    if ((flags & kCrc) != 0) at += 2;
    return bytes.size() < at ? 0 : at;
}

}  // namespace

Gunzip::Gunzip(std::string name, Sink sink) : name_(std::move(name)), sink_(std::move(sink)) {}
Gunzip::~Gunzip() = default;

Result<> Gunzip::feed(Bytes bytes) {
    if (kind_ == Kind::other) return sink_(bytes);
    if (kind_ == Kind::gzip) return take(bytes);
    head_.insert(head_.end(), bytes.begin(), bytes.end());
    return head_.size() < kMagic.size() ? Result<>() : begin();
}

Result<> Gunzip::begin() {
    kind_ = begins_gzip(head_) ? Kind::gzip : Kind::other;
    std::vector<std::uint8_t> first = std::exchange(head_, {});
    if (kind_ == Kind::other) return sink_(first);
    state_ = std::make_unique<inflate_state>();
    out_.resize(kPiece);
    return take(first);
}

// What follows a member is another member or damage.
Result<> Gunzip::take(Bytes bytes) {
    while (!bytes.empty()) {
        if (at_ != At::in_data)
            bytes = TRY(take_header(bytes));
        else
            TRY(inflate(bytes));
    }
    return {};
}

// Returns what stands behind it.
Result<Bytes> Gunzip::take_header(Bytes bytes) {
    at_ = At::in_header;
    std::size_t before = head_.size();
    head_.insert(head_.end(), bytes.begin(), bytes.end());
    std::optional<std::size_t> size = header_size(head_);
    if (!size || (*size == 0 && head_.size() > kMostHeader))
        return fail(Code::corrupt, name_ + " is not a valid gzip stream");
    if (*size == 0) return Bytes();
    head_.clear();
    at_ = At::in_data;
    isal_inflate_init(state_.get());
    state_->crc_flag = ISAL_GZIP_NO_HDR_VER;
    return bytes.subspan(*size - before);
}

Result<> Gunzip::inflate(Bytes& bytes) {
    state_->next_in = const_cast<std::uint8_t*>(bytes.data());  // it only reads
    state_->avail_in = static_cast<std::uint32_t>(bytes.size());
    // Output may be left in the state when it has taken all input.
    for (bool full = true; full && at_ == At::in_data;) {
        state_->next_out = out_.data() + filled_;
        state_->avail_out = static_cast<std::uint32_t>(out_.size() - filled_);
        std::size_t filled = filled_, left = state_->avail_in;
        int status = isal_inflate(state_.get());
        filled_ = out_.size() - state_->avail_out;
        bool stuck = left > 0 && state_->avail_in == left && filled_ == filled &&
                     state_->block_state != ISAL_BLOCK_FINISH;
        if (stuck || (status != ISAL_DECOMP_OK && status != ISAL_END_INPUT))
            return fail(Code::corrupt, name_ + " is not a valid gzip stream");
        if (state_->block_state == ISAL_BLOCK_FINISH) at_ = At::between_members;
        full = filled_ == out_.size();
        if (full) TRY(flush());
        full = full || state_->avail_in > 0;
    }
    bytes = bytes.last(state_->avail_in);
    return {};
}

Result<> Gunzip::flush() {
    if (filled_ == 0) return {};
    auto all = Bytes(out_).first(filled_);
    filled_ = 0;
    return sink_(all);
}

Result<> Gunzip::finish() {
    if (kind_ == Kind::unknown) TRY(begin());
    TRY(flush());
    if (kind_ == Kind::gzip && at_ != At::between_members)
        return fail(Code::corrupt, name_ + " ends inside its gzip stream");
    return {};
}

}  // namespace crank::net
