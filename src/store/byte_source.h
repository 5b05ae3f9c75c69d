// Where bytes come from: a descriptor, a range of a file, a decompressor. For store, exchange and
// transfer.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>

#include "base/error.h"
#include "oci/digest.h"

namespace crank::store {

using Bytes = std::span<const std::uint8_t>;

inline Bytes bytes_of(std::string_view text) {
    return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

class ByteSource {
public:
    virtual ~ByteSource() = default;
    // Fills `out` from its front; fewer bytes than asked for are normal, 0 is the end.
    virtual Result<std::size_t> read(std::span<std::uint8_t> out) = 0;
    // Passes over `count` bytes; returns how many there were.
    virtual Result<std::int64_t> skip(std::int64_t count);
};

// What is read from a descriptor, which stays the caller's. `name` is for errors.
class FdSource : public ByteSource {
public:
    FdSource(int fd, std::string name) : fd_(fd), name_(std::move(name)) {}
    Result<std::size_t> read(std::span<std::uint8_t> out) override;

private:
    int fd_;
    std::string name_;
};

// Bytes [offset, offset + size) of a regular file; several may share one descriptor.
class RangeSource : public ByteSource {
public:
    RangeSource(int fd, std::int64_t offset, std::int64_t size, std::string name)
        : fd_(fd), at_(offset), end_(offset + size), name_(std::move(name)) {}
    Result<std::size_t> read(std::span<std::uint8_t> out) override;
    Result<std::int64_t> skip(std::int64_t count) override;

private:
    int fd_;
    std::int64_t at_, end_;
    std::string name_;
};

class TextSource : public ByteSource {
public:
    explicit TextSource(std::string text) : text_(std::move(text)) {}
    Result<std::size_t> read(std::span<std::uint8_t> out) override;

private:
    std::string text_;
    std::size_t at_ = 0;
};

// Hashes and counts what passes through it.
class HashingSource : public ByteSource {
public:
    explicit HashingSource(ByteSource& inner) : inner_(inner) {}
    Result<std::size_t> read(std::span<std::uint8_t> out) override;
    // Reads to the end and gives the digest of everything.
    Result<oci::Digest> finish();
    std::int64_t size() const { return size_; }

private:
    ByteSource& inner_;
    oci::Hasher hasher_;
    std::int64_t size_ = 0;
};

// Compressions that are read. Archives come in those that Docker takes, gzip, zstd, xz and bzip2;
// layers from registries in those that have a media type, gzip and zstd.
enum class Formats { of_archives, of_images };

// Looks at the first bytes of `inner` and decompresses (several members, frames or streams in a row
// count as one stream); other content passes unchanged. Errors while reading: corrupt (damaged
// stream, bytes after it), unsupported (not one of `accepted`), exhausted (more than `limit` bytes
// come out: a bomb).
Result<std::unique_ptr<ByteSource>> decompress(std::unique_ptr<ByteSource> inner,
                                               std::int64_t limit, std::string name,
                                               Formats accepted = Formats::of_archives);

// Whether the bytes at `offset` of a regular file begin a stream that decompress() would change.
Result<bool> is_compressed(int fd, std::int64_t offset);

// Reads all of `source`, at most `limit` bytes (exhausted beyond that).
Result<std::string> read_all(ByteSource& source, std::size_t limit, const std::string& name);
// Passes all of `source` to `sink`; returns the number of bytes.
Result<std::int64_t> copy_all(ByteSource& source, const std::function<Result<>(Bytes)>& sink);

}  // namespace crank::store
