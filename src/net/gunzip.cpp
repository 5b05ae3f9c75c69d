#include "net/gunzip.h"

#include <isa-l/igzip_lib.h>

#include <array>

namespace crank::net {
namespace {

constexpr std::size_t kPiece = std::size_t{256} << 10;  // what is handed on at once
constexpr std::array<std::uint8_t, 2> kMagic = {0x1f, 0x8b};

}  // namespace

Gunzip::Gunzip(std::string name, Sink sink) : name_(std::move(name)), sink_(std::move(sink)) {}
Gunzip::~Gunzip() = default;

Result<> Gunzip::feed(Bytes bytes) {
    if (kind_ == Kind::other) return sink_(bytes);
    if (kind_ == Kind::gzip) return inflate(bytes);
    head_.insert(head_.end(), bytes.begin(), bytes.end());
    return head_.size() < kMagic.size() ? Result<>() : begin();
}

Result<> Gunzip::begin() {
    bool is_gzip = head_.size() >= kMagic.size() && head_[0] == kMagic[0] && head_[1] == kMagic[1];
    kind_ = is_gzip ? Kind::gzip : Kind::other;
    if (is_gzip) {
        state_ = std::make_unique<inflate_state>();
        out_.resize(kPiece);
    }
    return is_gzip ? inflate(head_) : sink_(head_);
}

Result<> Gunzip::inflate(Bytes bytes) {
    state_->next_in = const_cast<std::uint8_t*>(bytes.data());  // it only reads
    state_->avail_in = static_cast<std::uint32_t>(bytes.size());
    while (true) {
        // What follows a member is another member or damage.
        if (between_members_ && state_->avail_in == 0) return {};
        TRY(step());
        bool full = filled_ == out_.size();
        if (full) TRY(flush());
        // Output may be left in the state when it has taken all input.
        if (!full && !between_members_ && state_->avail_in == 0) return {};
    }
}

Result<> Gunzip::step() {
    if (between_members_) {
        auto* next = state_->next_in;
        auto left = state_->avail_in;
        isal_inflate_init(state_.get());
        state_->crc_flag = ISAL_GZIP;
        state_->next_in = next;
        state_->avail_in = left;
        between_members_ = false;
    }
    state_->next_out = out_.data() + filled_;
    state_->avail_out = static_cast<std::uint32_t>(out_.size() - filled_);
    int status = isal_inflate(state_.get());
    filled_ = out_.size() - state_->avail_out;
    if (status != ISAL_DECOMP_OK && status != ISAL_END_INPUT)
        return fail(Code::corrupt, name_ + " is not a valid gzip stream");
    between_members_ = state_->block_state == ISAL_BLOCK_FINISH;
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
    if (kind_ == Kind::gzip && !between_members_)
        return fail(Code::corrupt, name_ + " ends inside its gzip stream");
    return {};
}

}  // namespace crank::net
