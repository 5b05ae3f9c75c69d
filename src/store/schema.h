// The tables of crank.db. Internal to store. A change of these is a new format number.
#pragma once

namespace crank::store {

// 2: manifest, blob, blob_place (images that came from registries). Each format only adds tables to
// the one before, so that kSchema makes an older store a current one.
inline constexpr int kFormat = 2;
inline constexpr int kOldestFormat = 1;

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
