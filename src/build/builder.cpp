#include "build/builder.h"

#include <algorithm>
#include <array>

#include "base/units.h"
#include "sys/poll.h"

namespace crank::build {

namespace df = dockerfile;
using Clock = std::chrono::steady_clock;

namespace {

// Adds the place in the Dockerfile to an error.
template <class T>
Result<T> placed(Result<T> result, const std::string& file, const SourceSpan& span,
                 const std::string& text) {
    if (result) return result;
    return fail(df::at(std::move(result).error(), file, span, text));
}

}  // namespace

Result<> Builder::run() {
    prepared_ = TRY(prepare(request_));
    for (df::Warning& warning : prepared_->file.warnings) warn(std::move(warning));
    for (df::Warning& warning : prepared_->spec.warnings) warn(std::move(warning));
    if (request_.host_trust)
        for (const std::string& name : request_.host_trust->left_out)
            warn({.text = name + " of this host names a loopback address, which RUN steps do not "
                                 "reach: left out"});
    const df::BuildSpec& spec = prepared_->spec;
    for (const std::string& name : request_.no_cache_stages)
        if (std::ranges::find(spec.stages, name, &df::StageSpec::name) == spec.stages.end())
            warn({.text = "--no-cache-filter names no stage of the file: " + name});
    stages_.resize(spec.stages.size());
    // In the file's order: a stage only ever refers to earlier ones.
    for (const df::StageSpec& stage : spec.stages)
        if (stage.needed) stages_[stage.index] = TRY(build_stage(stage));
    if (auto unused = df::unused_build_args(spec, declared_args_)) warn(std::move(*unused));
    StageResult& target = *stages_[spec.target];
    if (mode_ == Mode::build) return finish(target);
    if (target.layers) explanation_.id = oci::Digest::of(document_of(target));
    return {};
}

Result<StageResult> Builder::build_stage(const df::StageSpec& stage) {
    StageResult result = TRY(begin_stage(stage));
    const df::BuildSpec& spec = prepared_->spec;
    df::LoweredStage lowered = TRY(df::lower_stage(spec, stage.index, result.state));
    for (df::Warning& warning : lowered.warnings) warn(std::move(warning));
    // Variables of the base count as the stage's own, PATH for one where the base names none.
    result.config.image.config.env = lowered.begin.env.to_list();

    std::vector<StepWork> works;
    int total = 1;
    for (const df::Step& step : lowered.steps) {
        Op op = TRY(
            placed(op_of(step, lowered, spec, prepared_->epoch), spec.file, step.span, step.text));
        works.push_back({.stage = stage, .step = step, .lowered = lowered, .op = std::move(op)});
        if (works.back().changes_files()) ++total;
    }
    int number = 1;
    StepInfo from = info_of(stage, stage.from.text, stage.from.span, number, total);
    report(StepStarted{from});
    report(StepFinished{.id = from.id, .cached = true});
    if (mode_ == Mode::build) outcome_.steps.push_back({.step = from, .cached = true});
    for (StepWork& work : works) {
        number += work.changes_files() ? 1 : 0;
        work.info = info_of(stage, work.step.text, work.step.span,
                            work.changes_files() ? number : 0, total);
        TRY(do_step(work, result));
    }
    result.state = std::move(lowered.end);
    std::ranges::copy(result.state.declared_args, std::back_inserter(declared_args_));
    return result;
}

Result<StageResult> Builder::begin_stage(const df::StageSpec& stage) {
    if (!stage.platform.empty() &&
        stage.platform !=
            df::Platform{.os = "linux", .architecture = request_.host.architecture, .variant = ""}
                .text())
        return df::fail_at(Code::unsupported,
                           "--platform=" + stage.platform + " is not this machine's",
                           prepared_->spec.file, stage.from.span, stage.from.text);
    if (const auto* earlier = std::get_if<df::StageRef>(&stage.base)) {
        StageResult result = *stages_[earlier->index];
        result.config.own_cmd = false;
        explanation_.steps.push_back({.action = ExplainedStep::Action::base,
                                      .detail = "stage " + std::to_string(earlier->index)});
        return result;
    }
    if (const auto* image = std::get_if<df::ImageRef>(&stage.base))
        return placed(begin_from_image(stage, image->image), prepared_->spec.file, stage.from.span,
                      stage.from.text);
    if (const auto* context = std::get_if<df::ContextRef>(&stage.base))
        return placed(begin_from_directory(context->name), prepared_->spec.file, stage.from.span,
                      stage.from.text);
    StageResult result;
    result.config.image.platform = {request_.host.architecture, "linux", ""};
    result.config.image.config.working_dir = "/";
    result.state = df::StageState::of_scratch();
    result.layers.emplace();
    explanation_.steps.push_back({.action = ExplainedStep::Action::base, .detail = "scratch"});
    return result;
}

Result<StageResult> Builder::begin_from_image(const df::StageSpec& stage, const std::string& name) {
    BaseImage base = TRY(find_base(name, request_, store_));
    if (!base.alias.empty()) note("using alias " + base.alias + " -> " + base.shown);
    // Until the build ends nobody may take the layers away that it stands on.
    pins_.push_back(TRY(store_.pin(base.image)));
    StageResult result;
    result.config.image = std::move(base.image.config);
    oci::ImageConfig& image = result.config.image;
    if (image.platform.architecture != request_.host.architecture)
        warn({prepared_->spec.file, stage.from.span,
              "image " + base.shown + " is for " + image.platform.architecture +
                  ", this machine is " + request_.host.architecture});
    const oci::ContainerConfig& config = image.config;
    result.state = df::StageState::of_image(config.env, config.working_dir, config.user,
                                            config.shell, config.on_build);
    image.config.on_build.clear();  // they are steps of this stage now
    result.layers = image.diff_ids;
    explanation_.steps.push_back({.action = ExplainedStep::Action::base,
                                  .detail = base.shown + " (" + base.image.id.short_hex() + ")"});
    return result;
}

Result<> Builder::do_step(StepWork& work, StageResult& result) {
    if (cancelled()) return fail(Code::cancelled, "the build was cancelled");
    if (!work.changes_files()) {
        apply_step(result.config, work.step, work.lowered, false, prepared_->epoch);
        if (mode_ == Mode::explain) explain_step(work, result);
        return {};
    }
    auto started = Clock::now();
    if (mode_ == Mode::build) report(StepStarted{work.info});
    auto outcome = [&]() -> Result<> {
        work.key = TRY(
            placed(find_key(work, result), prepared_->spec.file, work.step.span, work.step.text));
        bool known = result.layers.has_value();
        if (known && !does_again(work)) work.cached = TRY(find_cached(work));
        if (mode_ == Mode::build && !work.cached) TRY(execute(work, result));
        return {};
    }();
    auto duration = Clock::now() - started;
    if (mode_ == Mode::explain) {
        TRY(std::move(outcome));
        explain_step(work, result);
        if (!work.cached) result.layers.reset();
    } else {
        report(StepFinished{work.info.id, work.cached, !outcome.has_value(), duration});
        TRY(std::move(outcome));
        outcome_.steps.push_back({work.info, work.cached, work.layer.has_value(), duration});
    }
    if (work.layer && result.layers) result.layers->push_back(*work.layer);
    apply_step(result.config, work.step, work.lowered, work.layer.has_value(), prepared_->epoch);
    return {};
}

Result<oci::Digest> Builder::find_key(StepWork& work, const StageResult& result) {
    KeyInputs inputs;
    inputs.platform = "linux/" + result.config.image.platform.architecture;
    TRY(detach(work, result));
    if (result.layers && !work.alone) inputs.parent = *result.layers;
    inputs.epoch = prepared_->epoch;
    if (work.transfer() != nullptr) TRY(read_sources(work, inputs));
    if (const auto* run = std::get_if<RunOp>(&work.op)) {
        TRY(read_mounts(work, *run, inputs));
        inputs.settings = settings_text(request_.steps);
    }
    return *cache_key(work.op, inputs);
}

Result<std::optional<std::vector<oci::Digest>>> Builder::layers_of(const df::Origin& origin) {
    if (const auto* stage = std::get_if<df::StageRef>(&origin))
        return stages_[stage->index]->layers;
    if (const auto* image = std::get_if<df::ImageRef>(&origin)) {
        BaseImage base = TRY(find_base(image->image, request_, store_));
        if (!base.alias.empty()) note("using alias " + base.alias + " -> " + base.shown);
        pins_.push_back(TRY(store_.pin(base.image)));
        return base.image.config.diff_ids;
    }
    return std::nullopt;
}

Result<bool> Builder::find_cached(StepWork& work) {
    auto entry = TRY(store_.cache_find(*work.key));
    if (!entry) return false;
    // The layer may have gone with the last image that had it.
    if (entry->layer && !TRY(store_.find_layer(*entry->layer))) return false;
    work.layer = entry->layer;
    return true;
}

Result<> Builder::execute(StepWork& work, StageResult& result) {
    if (!request_.host.root)
        return fail(Error(Code::permission_denied, "building an image needs the rights of root")
                        .with_hint("sudo crank build"));
    for (auto& remote : work.remotes) {
        auto selected = placed(remote->select(request_, store_), prepared_->spec.file,
                               work.step.span, work.step.text);
        work.selection.push_back(TRY(std::move(selected)));
    }
    ExecuteInputs inputs{.epoch = prepared_->epoch,
                         .context = work.tree,
                         .selection = work.selection,
                         .source_layers = work.source_layers,
                         .mounts = work.mounts};
    if (!work.alone) inputs.parent = *result.layers;
    for (MountSource& mount : work.mounts)
        if (mount.tree != nullptr) mount.layers = *TRY(layer_of(*mount.tree, mount.selection));
    auto output = [&](bool error_stream, std::string_view text) {
        report(StepOutput{work.info.id, error_stream, text});
    };
    auto executed = executor_.run(work.op, inputs, output);
    if (!executed) return fail(failed_step(std::move(executed).error(), work.step));
    for (std::string& text : executed->warnings)
        warn({prepared_->spec.file, work.step.span, std::move(text)});
    work.layer = executed->layer;
    return store_.cache_put(*work.key, {.layer = work.layer, .metadata = ""});
}

// The image's configuration, whose digest is its id.
std::string Builder::document_of(StageResult& target) const {
    oci::ImageConfig& image = target.config.image;
    image.created = time_text(prepared_->epoch);
    image.diff_ids = *target.layers;
    for (const auto& [name, value] : request_.labels) image.config.labels[name] = value;
    return oci::serialize(image);
}

Result<> Builder::finish(StageResult& target) {
    if (request_.files_to) return export_files(target);
    std::string json = document_of(target);
    outcome_.id = oci::Digest::of(json);
    // A rebuild without a change writes nothing.
    auto known = store_.find(outcome_.id.str());
    outcome_.known = known.has_value();
    if (!known) TRY(store_.add_image(json));
    std::vector<std::string> present = known ? known->tags : std::vector<std::string>();
    for (const oci::Reference& reference : prepared_->tags) {
        std::string full = reference.str();
        if (std::ranges::find(present, full) == present.end())
            TRY(store_.tag(reference, outcome_.id));
        outcome_.tags.push_back(std::move(full));
    }
    report(ImageWritten{outcome_.id, outcome_.tags});
    return {};
}

StepInfo Builder::info_of(const df::StageSpec& stage, const std::string& text,
                          const SourceSpan& span, int number, int total) {
    bool alone = std::ranges::count_if(prepared_->spec.stages,
                                       [](const df::StageSpec& s) { return s.needed; }) == 1;
    return {.id = next_id_++,
            .stage = alone ? "" : stage.display_name(),
            .number = number,
            .total = total,
            .text = text,
            .span = span};
}

void Builder::warn(df::Warning warning) {
    report(warning);
    explanation_.warnings.push_back(warning);
    outcome_.warnings.push_back(std::move(warning));
}

void Builder::note(std::string text) {
    report(Note{text});
    explanation_.notes.push_back(std::move(text));
}

void Builder::report(const Progress& event) const {
    if (request_.progress && mode_ == Mode::build) request_.progress(event);
}

bool Builder::does_again(const StepWork& work) const {
    return request_.no_cache || std::ranges::find(request_.no_cache_stages, work.stage.name) !=
                                    request_.no_cache_stages.end();
}

bool Builder::cancelled() const {
    if (request_.cancel_fd < 0) return false;
    std::array entries{sys::PollEntry{.fd = request_.cancel_fd, .want_read = true}};
    auto ready = sys::poll(entries, std::chrono::milliseconds(0));
    return ready && *ready;
}

}  // namespace crank::build
