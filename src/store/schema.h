// The tables of crank.db. Internal to store. A change of these is a new format number: one more
// migration, never a change of an old one.
#pragma once

#include <array>

namespace crank::store {

// Formats 1 and 2 are kSchema, which makes the first the second (manifest, blob, blob_place: images
// that came from registries); each migration makes the next. A new store gets all of them in order.
// `user_version` in crank.db says which migrations a database has had, so that a kill between the
// commit and the file `format` does no harm.
inline constexpr std::array kMigrations{
    // 3: regular files are hard links to o/, l/N/keys names them; what a tag has named before.
    R"(
CREATE TABLE tag_history(
    number INTEGER PRIMARY KEY AUTOINCREMENT,  -- later ones are greater
    name TEXT NOT NULL,      -- the full reference
    image TEXT NOT NULL,     -- its id; the image itself may be gone
    from_ns INTEGER NOT NULL,
    to_ns INTEGER            -- NULL: it still does
);
CREATE INDEX tag_history_name ON tag_history(name, number);
INSERT INTO tag_history(name, image, from_ns)
    SELECT t.name, i.id, i.added FROM tag t JOIN image i ON i.number = t.image;
ALTER TABLE cache ADD COLUMN used INTEGER NOT NULL DEFAULT 0;  -- 0: not since it was added
)",
    // 4: layers that verify() has found damaged, which the next import or commit replaces; the
    // lowest layers of deep images as one tree.
    R"(
ALTER TABLE layer ADD COLUMN damaged INTEGER NOT NULL DEFAULT 0;
CREATE TABLE merged(
    number INTEGER PRIMARY KEY AUTOINCREMENT,  -- of the directory m/N; never used twice
    layers TEXT NOT NULL UNIQUE  -- what it stands for: layer numbers, lowest first; or, of one
                                 -- that is not to be used any more, "damaged N"
);
)",
    // 5: a layer that takes the place of a damaged one has a tree of its own; the other's stays as
    // long as a container may be using it.
    R"(
CREATE TABLE replaced(
    number INTEGER PRIMARY KEY,  -- of the directory l/N; no layer's any more
    images TEXT NOT NULL         -- numbers of the images that had it: "3,7"
);
)",
    // 6: o/ and l/N/keys are gone; l/N/files and `index` find files that are the same.
    "",
    // 7: recipes without what can be foretold; recipes and lists as differences.
    "",
};
inline constexpr int kUnmigrated = 2;  // the format that kSchema makes
inline constexpr int kFormat = kUnmigrated + static_cast<int>(kMigrations.size());

// Digests are 64 hexadecimal digits; times nanoseconds since 1970; sizes bytes.
inline constexpr const char* kSchema = R"(
CREATE TABLE IF NOT EXISTS layer(
    number INTEGER PRIMARY KEY AUTOINCREMENT,  -- of the directory l/N; never used twice
    diff_id TEXT NOT NULL UNIQUE,
    size INTEGER NOT NULL,      -- of its regular files
    tar_size INTEGER NOT NULL,  -- of its uncompressed tar
    origin INTEGER NOT NULL,    -- enum Origin: where the tar comes from
    boot TEXT                   -- the boot during which it was written; NULL: it is on disk
);
CREATE INDEX IF NOT EXISTS layer_unsynced ON layer(boot) WHERE boot IS NOT NULL;
CREATE TABLE IF NOT EXISTS image(
    number INTEGER PRIMARY KEY AUTOINCREMENT,  -- the byte of `locks` that pins it; never used twice
    id TEXT NOT NULL UNIQUE,
    config TEXT NOT NULL,
    layers TEXT NOT NULL,       -- layer numbers, lowest first: "3,7,12"
    size INTEGER NOT NULL,
    added INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS image_layer(
    layer INTEGER NOT NULL REFERENCES layer(number),
    image INTEGER NOT NULL REFERENCES image(number),
    PRIMARY KEY(layer, image)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS image_layer_image ON image_layer(image);
CREATE TABLE IF NOT EXISTS tag(
    name TEXT PRIMARY KEY,
    image INTEGER NOT NULL REFERENCES image(number)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS tag_image ON tag(image);
CREATE TABLE IF NOT EXISTS cache(
    key TEXT PRIMARY KEY,
    layer INTEGER REFERENCES layer(number),
    metadata TEXT NOT NULL,
    added INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS cache_layer ON cache(layer);
CREATE TABLE IF NOT EXISTS manifest(
    image INTEGER NOT NULL REFERENCES image(number) ON DELETE CASCADE,
    repository TEXT NOT NULL,   -- "host/a/b"
    digest TEXT NOT NULL,       -- of `json`, or of the index that led to it
    media_type TEXT NOT NULL,
    json TEXT NOT NULL,         -- the manifest's bytes
    added INTEGER NOT NULL,
    PRIMARY KEY(repository, digest)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS manifest_image ON manifest(image);
CREATE INDEX IF NOT EXISTS manifest_digest ON manifest(digest);
CREATE TABLE IF NOT EXISTS blob(
    digest TEXT PRIMARY KEY,    -- of a layer's bytes as a registry has them
    diff_id TEXT NOT NULL REFERENCES layer(diff_id) ON DELETE CASCADE,
    size INTEGER NOT NULL,
    media_type TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS blob_diff_id ON blob(diff_id);
CREATE TABLE IF NOT EXISTS blob_place(
    digest TEXT NOT NULL REFERENCES blob(digest) ON DELETE CASCADE,
    repository TEXT NOT NULL,   -- where it is
    PRIMARY KEY(digest, repository)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS garbage(number INTEGER PRIMARY KEY);  -- directories l/N to delete
)";

// Where the bytes of a layer's tar come from.
enum class Origin {
    written = 0,  // layer_tar.h makes them from the tree
    recipe = 1,   // recipe.h, l/N/recipe
    kept = 2,     // l/N/tar
};

}  // namespace crank::store
