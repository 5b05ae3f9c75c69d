// Files that are not there, for tests.
#pragma once

#include <map>
#include <string>

#include "compose/load.h"

namespace crank::compose {

class MemoryFiles : public Files {
public:
    std::map<std::string, std::string> texts;

    Result<std::string> read(const std::string& path) override {
        auto known = texts.find(path);
        if (known == texts.end()) return fail(Code::not_found, path + " does not exist");
        return known->second;
    }
    bool exists(const std::string& path) override { return texts.contains(path); }
};

}  // namespace crank::compose
