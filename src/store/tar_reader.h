// A strict reader of tar archives that others wrote: ustar, pax, GNU long names. Internal to store
// and exchange.
//
// The archive is hostile. Where readers are known to disagree about what an archive holds, it is
// refused rather than interpreted: sizes that two headers state differently, sparse files,
// malformed or repeated pax records, bad checksums, payloads where the kind has none, and data
// after the end.
#pragma once

#include <array>
#include <functional>
#include <optional>
#include <vector>

#include "store/byte_source.h"
#include "store/tar_format.h"

namespace crank::store {

struct TarLimits {
    std::int64_t entries = 4'000'000;
    std::int64_t payload = std::int64_t{1} << 40;  // bytes, all files together
    std::size_t extension = std::size_t{1} << 20;  // bytes of one pax header or long name
    std::size_t path = 4095;                       // bytes of a path or link (PATH_MAX - 1)
    std::size_t buffer = std::size_t{128} << 10;   // bytes that are read ahead, at least a block
};

class TarReader {
public:
    // Errors name the archive `name`: corrupt, unsupported, exhausted (a limit).
    TarReader(ByteSource& source, const TarLimits& limits, std::string name);

    // Sees every byte that is no payload: headers, padding, the end and what pads it.
    void observe_structure(std::function<Result<>(Bytes)> observer) {
        structure_ = std::move(observer);
    }
    // The next entry; what is left of the last one's payload is passed over. Nothing: the end was
    // read, with everything after it.
    Result<std::optional<TarEntry>> next();
    // Payload of the entry that next() returned; 0 at its end.
    Result<std::size_t> read(std::span<std::uint8_t> out);
    // Where the payload begins, in bytes from the archive's.
    std::int64_t payload_position() const { return payload_at_; }

private:
    using Block = std::array<std::uint8_t, kTarBlock>;
    struct Extension {
        std::optional<std::string> path, link;
        std::optional<std::int64_t> size, uid, gid, mtime;
        std::uint32_t mtime_ns = 0;
        std::map<std::string, std::string> xattrs;
        bool pax = false, gnu_path = false, gnu_link = false;
    };

    std::unexpected<Error> corrupt(const std::string& what) const;
    std::unexpected<Error> unsupported(const std::string& what) const;
    Result<std::size_t> fill();
    Result<std::size_t> read_raw(std::span<std::uint8_t> out);
    Result<bool> read_block(Block& block);  // false: the source ended at a block's border
    Result<> read_structure(std::span<std::uint8_t> out);
    Result<> finish_payload();
    Result<> finish_archive();
    Result<std::string> read_extension(std::int64_t size);
    Result<> read_pax(const std::string& records, Extension& out);
    Result<> pax_field(const std::string& key, const std::string& value, Extension& out);
    Result<bool> take_extension(const Block& block, char type, std::int64_t size, Extension& out);
    Result<TarEntry> decode(const Block& block, char type, Extension& extension);
    Result<> decode_device(const Block& block, TarEntry& entry) const;
    Result<> check(const TarEntry& entry) const;
    Result<std::int64_t> number(const Block& block, std::size_t at, std::size_t length,
                                const char* field) const;

    ByteSource& source_;
    TarLimits limits_;
    std::string name_;
    std::function<Result<>(Bytes)> structure_;
    std::int64_t position_ = 0, payload_at_ = 0, payload_left_ = 0, padding_left_ = 0;
    std::int64_t entries_ = 0, payload_total_ = 0;
    std::string current_;  // path of the entry, for errors
    bool done_ = false;
    std::vector<std::uint8_t> buffer_;
    std::size_t buffer_at_ = 0, buffer_end_ = 0;
};

}  // namespace crank::store
