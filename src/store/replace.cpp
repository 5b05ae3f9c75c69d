// A sound layer takes the place of a damaged one, whose tree containers may be running from.
#include "base/text.h"
#include "store/state.h"
#include "sys/file.h"
#include "sys/stream.h"

namespace crank::store {

// Takes the digest from the damaged layer that has it; its number, 0: there is none. Inside a
// transaction, which replace_layer() must follow.
Result<std::int64_t> Store::State::give_up_damaged(const oci::Digest& diff_id) {
    std::int64_t number = 0;
    {
        Rows rows = TRY(db.query("SELECT number FROM layer WHERE diff_id = ?", {diff_id.hex()}));
        if (!TRY(rows.next())) return number;
        number = rows.integer(0);
    }
    // What registries call it refers to the digest, which is another row's in a moment.
    TRY(db.script("PRAGMA defer_foreign_keys=ON"));
    TRY(db.run("UPDATE layer SET diff_id = 'damaged ' || number WHERE number = ?", {number}));
    return number;
}

// Whatever names the layer `from` names `to` from now on. The tree of `from` stays until no
// container can be using it.
Result<> Store::State::replace_layer(std::int64_t from, std::int64_t to) {
    std::vector<std::pair<std::int64_t, std::string>> images;
    {
        Rows rows =
            TRY(db.query("SELECT i.number, i.layers FROM image i "
                         "JOIN image_layer l ON l.image = i.number WHERE l.layer = ?",
                         {from}));
        while (TRY(rows.next())) images.emplace_back(rows.integer(0), rows.text(1));
    }
    std::vector<std::string> users;
    for (const auto& [image, layers] : images) {
        // An image may have one layer several times.
        std::vector<std::string> numbers = split(layers, ',');
        for (std::string& number : numbers)
            if (number == std::to_string(from)) number = std::to_string(to);
        TRY(db.run("UPDATE image SET layers = ? WHERE number = ?", {join(numbers, ","), image}));
        users.push_back(std::to_string(image));
    }
    TRY(db.run("UPDATE image_layer SET layer = ? WHERE layer = ?", {to, from}));
    TRY(db.run("UPDATE cache SET layer = ? WHERE layer = ?", {to, from}));
    TRY(db.run("UPDATE layer SET boot = NULL WHERE number = ?", {to}));
    TRY(db.run("DELETE FROM layer WHERE number = ?", {from}));
    fresh.erase(from);
    return db.run("INSERT INTO replaced(number, images) VALUES(?, ?)", {from, join(users, ",")});
}

// Layers whose place another has taken and that no container uses. Under the exclusive lock on
// kLayersByte: no build stands on them.
Result<std::vector<std::int64_t>> Store::State::replaced_and_unused() {
    std::vector<std::int64_t> unused;
    auto probe = TRY(sys::open_lock_file(root + "/locks"));
    Rows rows = TRY(db.query("SELECT number, images FROM replaced"));
    while (TRY(rows.next())) {
        bool used = false;
        std::string images = rows.text(1);
        if (!images.empty())
            for (const std::string& text : split(images, ',')) {
                std::int64_t image = parse_int(text).value_or(0);
                bool free = TRY(sys::try_lock_byte(probe.get(), image, sys::LockMode::exclusive));
                if (free) TRY(sys::unlock_byte(probe.get(), image));
                used |= !free;
            }
        if (!used) unused.push_back(rows.integer(0));
    }
    return unused;
}

}  // namespace crank::store
