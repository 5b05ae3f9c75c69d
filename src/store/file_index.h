// Where a file with a hash may be found, for all layers: the file `index`, a hash table. Internal
// to store.
//
// It holds hints alone. Processes write to it without waiting for each other, a power cut may leave
// anything in it, layers go without being taken out: whoever follows a hint looks at what it finds,
// and what is lost costs sharing, never data. Missing, it is made anew from the layers' lists.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "store/file_identity.h"
#include "sys/memory.h"

namespace crank::store {

class FileIndex {
public:
    struct Place {
        std::uint32_t layer = 0;  // l/N
        std::uint32_t file = 0;   // in the layer's list, from 0
    };
    // not_found, corrupt: it has to be made.
    static Result<FileIndex> open(const std::string& path);
    // With room for `entries` and half as many again, at `path`, which is not there.
    static Result<FileIndex> create(const std::string& path, std::size_t entries);

    std::vector<Place> find(FileHash hash) const;  // a few at most
    // False: it is full, make a larger one.
    bool insert(FileHash hash, Place place);
    // Grows with each entry: whether anything came since.
    std::uint64_t count() const;

private:
    struct Slot;
    FileIndex(sys::SharedMapping mapping, std::uint64_t slots)
        : mapping_(std::move(mapping)), slots_(slots) {}
    Slot* slot(std::uint64_t number) const;
    std::uint64_t first_slot(FileHash hash) const;
    sys::SharedMapping mapping_;
    std::uint64_t slots_ = 0;
};

}  // namespace crank::store
