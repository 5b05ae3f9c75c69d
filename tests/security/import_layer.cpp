// For tar_differential.py: what crank makes of archives.
//
//   import_layer ROOT TAR...
//
// Imports each archive as a layer into the store ROOT; prints a line for each: "tree PATH" or
// "refused TEXT".
#include <cstdio>
#include <fstream>
#include <iterator>
#include <string>

#include "oci/digest.h"
#include "store/store.h"

namespace {

std::string content_of(const char* path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 3) return 2;
    auto store = crank::store::Store::open(argv[1], crank::store::OpenMode::read_write);
    if (!store) {
        std::fprintf(stderr, "import_layer: %s\n", store.error().text().c_str());
        return 1;
    }
    for (int i = 2; i < argc; ++i) {
        auto layer = store->import_tar(argv[i], crank::oci::Digest::of(content_of(argv[i])));
        if (layer)
            std::printf("tree %s\n", store->layer_path(*layer).c_str());
        else
            std::printf("refused %s\n", layer.error().text().c_str());
    }
    return 0;
}
