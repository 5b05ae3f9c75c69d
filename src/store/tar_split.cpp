#include "store/tar_split.h"

#include <cstring>

#include "base/base64.h"
#include "oci/json_reader.h"

namespace crank::store {

namespace {

constexpr std::size_t kChunk = std::size_t{64} << 10;
constexpr std::size_t kMaxLine = std::size_t{4} << 20;

// "type" of a record.
constexpr int kFile = 1;     // a file's content stands here
constexpr int kSegment = 2;  // these bytes do

struct Record {
    int type = 0;
    std::string path;
    std::int64_t size = 0;
    std::string bytes;
};

class TarSplitSource : public ByteSource {
public:
    TarSplitSource(std::unique_ptr<ByteSource> records, OpenTarSplitFile open, std::string name)
        : records_(std::move(records)), open_(std::move(open)), name_(std::move(name)) {}

    Result<std::size_t> read(std::span<std::uint8_t> out) override {
        while (!out.empty()) {
            if (file_left_ > 0) return read_file(out);
            if (segment_at_ < segment_.size()) {
                std::size_t n = std::min(out.size(), segment_.size() - segment_at_);
                std::memcpy(out.data(), segment_.data() + segment_at_, n);
                segment_at_ += n;
                return n;
            }
            if (!TRY(next())) return 0;
        }
        return 0;
    }

private:
    std::unexpected<Error> corrupt(const std::string& what) const {
        return fail(Code::corrupt,
                    name_ + ": record " + std::to_string(number_) + " of its tar-split " + what);
    }

    Result<std::size_t> read_file(std::span<std::uint8_t> out) {
        auto want = std::min<std::int64_t>(file_left_, static_cast<std::int64_t>(out.size()));
        std::size_t n = TRY(file_->read(out.first(static_cast<std::size_t>(want))));
        if (n == 0) return fail(Code::corrupt, name_ + ": '" + path_ + "' is shorter than it was");
        file_left_ -= static_cast<std::int64_t>(n);
        return n;
    }

    Result<bool> next() {
        std::string line;
        do {
            if (!TRY(read_line(line))) return false;
            ++number_;
        } while (line.empty());
        Record record = TRY(parse(line));
        if (record.type == kSegment) {
            segment_ = std::move(record.bytes);
            segment_at_ = 0;
        } else if (record.size > 0) {
            TRY(begin_file(record));
        }
        return true;
    }

    Result<> begin_file(const Record& record) {
        auto file = open_(record.path);
        if (!file) return fail(std::move(file).error().with_context(name_));
        if (file->size != record.size)
            return fail(Code::corrupt, name_ + ": '" + record.path + "' has " +
                                           std::to_string(file->size) + " bytes, not " +
                                           std::to_string(record.size));
        path_ = record.path;
        file_ = std::move(file->bytes);
        file_left_ = record.size;
        return {};
    }

    Result<Record> parse(const std::string& line) const {
        auto read = [&]() -> Result<Record> {
            auto json = TRY(oci::parse_json(line, Code::corrupt));
            auto in = TRY(oci::ObjectReader::create(json, "", Code::corrupt));
            Record out;
            std::string payload, raw_name;
            TRY(in.read("type", out.type));
            TRY(in.read("name", out.path));
            TRY(in.read("name_raw", raw_name));
            TRY(in.read("size", out.size));
            if (out.type != kFile && out.type != kSegment)
                return in.bad("type", "is " + std::to_string(out.type) + ", not 1 or 2");
            if (out.size < 0) return in.bad("size", "is negative");
            if (out.type == kSegment) TRY(in.read("payload", payload));
            auto bytes = base64_decode(payload);
            if (!bytes) return in.bad("payload", "is no base64");
            out.bytes = *std::move(bytes);
            // Where it is not UTF-8.
            if (!raw_name.empty()) {
                auto name = base64_decode(raw_name);
                if (!name || name->find('\0') != std::string::npos)
                    return in.bad("name_raw", "is no name");
                out.path = *std::move(name);
            }
            return out;
        };
        auto record = read();
        if (!record) return corrupt("is bad: " + record.error().text());
        return record;
    }

    // false: there is none any more.
    Result<bool> read_line(std::string& line) {
        line.clear();
        while (true) {
            if (chunk_at_ == chunk_end_) {
                chunk_at_ = 0;
                chunk_end_ = TRY(records_->read(chunk_));
                if (chunk_end_ == 0) return !line.empty();
            }
            const std::uint8_t* begin = chunk_.data() + chunk_at_;
            std::size_t left = chunk_end_ - chunk_at_;
            const void* end = std::memchr(begin, '\n', left);
            std::size_t n =
                end == nullptr
                    ? left
                    : static_cast<std::size_t>(static_cast<const std::uint8_t*>(end) - begin);
            if (line.size() + n > kMaxLine) return corrupt("is longer than 4 MiB");
            line.append(reinterpret_cast<const char*>(begin), n);
            chunk_at_ += n;
            if (end == nullptr) continue;
            ++chunk_at_;
            return true;
        }
    }

    std::unique_ptr<ByteSource> records_;
    OpenTarSplitFile open_;
    std::string name_;
    std::int64_t number_ = 0;
    std::vector<std::uint8_t> chunk_ = std::vector<std::uint8_t>(kChunk);
    std::size_t chunk_at_ = 0, chunk_end_ = 0;
    std::string segment_;
    std::size_t segment_at_ = 0;
    std::unique_ptr<ByteSource> file_;
    std::string path_;  // of file_
    std::int64_t file_left_ = 0;
};

}  // namespace

std::unique_ptr<ByteSource> join_tar_split(std::unique_ptr<ByteSource> records,
                                           OpenTarSplitFile open, std::string name) {
    return std::make_unique<TarSplitSource>(std::move(records), std::move(open), std::move(name));
}

}  // namespace crank::store
