// What an instruction does to the image's configuration and its history. Pure.
#pragma once

#include <cstdint>
#include <string>

#include "dockerfile/lower.h"
#include "oci/image.h"

namespace crank::build {

// "1980-01-02T00:00:00Z"
std::string time_text(std::int64_t epoch);

// Applies one step; `made_layer` as known after its execution. ENTRYPOINT clears a CMD that came
// from the base image (`own_cmd` is false), as Docker does.
struct ConfigState {
    oci::ImageConfig image;
    bool own_cmd = false;
};
void apply_step(ConfigState& state, const dockerfile::Step& step,
                const dockerfile::LoweredStage& stage, bool made_layer, std::int64_t epoch);

// The text of a history entry: "RUN /bin/sh -c make", "ENV A=1".
std::string created_by(const dockerfile::Step& step, const dockerfile::LoweredStage& stage);

}  // namespace crank::build
