// The tables of crank.db. Internal to store. A change of these is a new format number.
#pragma once

namespace crank::store {

inline constexpr int kFormat = 1;

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
CREATE TABLE IF NOT EXISTS garbage(number INTEGER PRIMARY KEY);  -- directories l/N to delete
)";

// Where the bytes of a layer's tar come from.
enum class Origin {
    written = 0,  // layer_tar.h makes them from the tree
    recipe = 1,   // recipe.h, l/N/recipe
    kept = 2,     // l/N/tar
};

}  // namespace crank::store
