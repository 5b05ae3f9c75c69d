// From what a project wants and what is there to the steps between them: pure.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "compose/service.h"

namespace crank::deploy {

// --- what is wanted -------------------------------------------------------------------------

// A network or volume.
struct DesiredResource {
    std::string key, name;
    bool external = false;
    std::string hash;     // of how it is made
    bool between = true;  // of a network: containers on it reach each other
    bool operator==(const DesiredResource&) const = default;
};

// A port that the project's gateway is to hold.
struct DesiredPort {
    std::string address;  // "127.0.0.1:8080"; "8080": the usual addresses
    std::string target;   // "web:8000"
    std::uint16_t number = 0;
    bool operator==(const DesiredPort&) const = default;
};

// A step before the start of a service's containers.
struct DesiredPreStart {
    std::string image, image_id = {};  // the latter empty: it is not here
    std::string pinned = {};           // as of a service
    bool per_replica = false;
};

// What a container's request for GPUs may be met from: `count` of these, each by what is its own
// ("/dev/nvidia0").
struct GpuChoice {
    struct Gpu {
        std::string name;  // "nvidia.com/gpu=0"
        std::set<std::string> nodes;
    };
    std::vector<Gpu> from;
    std::size_t count = 0;
};

struct DesiredService {
    std::string name;
    std::string identity, hash;   // compose::identity(), and its digest
    std::string image, image_id;  // the latter empty: it is not here
    bool builds = false;
    std::string pull_policy;  // "always", "never", "build"; others: where it is missing
    std::int64_t replicas = 1;
    std::vector<compose::Dependency> depends_on;
    std::set<std::string> shares;             // services whose namespaces or volumes it has
    std::set<std::string> networks, volumes;  // keys
    std::string container_name;               // empty: PROJECT-SERVICE-N
    struct Change {
        // Why a new container cannot run beside the old one; empty: it can.
        std::string in_the_way = {};
        bool said_to_be_safe = false;       // by its rollout
        std::chrono::nanoseconds delay{0};  // from one batch to the next
        std::int64_t parallelism = 1;       // containers of a batch; 0: all
        // Which share of those that are replaced may fail, and for how long one that has taken its
        // place may; where more fail, whether the others are replaced all the same.
        double max_failure_ratio = 0;
        std::chrono::nanoseconds monitor{0};
        bool goes_on = false;
    };
    Change update = {}, rollback = {};
    std::string pinned;  // the image's id, whatever its name means by now; empty: what that means
    bool once = false;   // it ends by itself, and others wait for that
    std::vector<DesiredPort> ports = {};
    // A process without a container. `image` is "native" then, and the id that of the directory
    // which its release is (`builds`), or nothing.
    bool native = false;
    std::string placed = {};  // why it runs where it does; empty: nobody has said anything
    // Of its own on its networks, and not the name of its containers.
    compose::Service::Address address = compose::Service::Address::possible;
    bool rebuilt = false;  // what its image will be is not known before it is built
    // What the file says of its ports: whether they speak HTTP.
    std::map<std::uint16_t, bool> speaks_http = {};
    std::optional<compose::Canary> canary = {};
    // How long what was replaced stays frozen, in seconds; 0: it goes at once.
    std::int64_t keep_warm = 0;
    std::vector<DesiredPreStart> pre_start = {};
    std::string gpus_flag = {};  // as --gpus and --device are told
    std::vector<std::string> devices = {};
    std::vector<GpuChoice> gpus = {};
    bool native_gpu = false;  // a native worker that uses one, and nobody can tell it which
};

struct Desired {
    std::string project;
    std::vector<DesiredService> services;  // each behind those it depends on
    std::vector<DesiredResource> networks, volumes;
    std::set<std::string> others;  // services of the file that are left as they are
    // By each image that services of the file build, whether they are among these or not: the
    // first that does.
    std::map<std::string, std::string> builders = {};
    // Which containers have what of the machine's GPUs: their ids by what is a GPU's own.
    std::map<std::string, std::set<std::string>> gpus_in_use = {};
};

// --- what is there --------------------------------------------------------------------------

struct ObservedContainer {
    enum class State : std::uint8_t { created, running, exited };
    std::string id, name, service, hash, image_id;
    std::int64_t number = 1, created_ns = 0;
    State state = State::running;
    int exit_code = 0;
    std::vector<std::string> depends_on;  // services
    // Where a volume of its own is, which it can write to and which the next one takes over.
    std::string own_volume;
    std::set<std::uint16_t> own_ports = {};  // of the machine, published by its monitor
    std::set<std::uint16_t> serves = {};     // its own, on which it takes connections: it runs
    bool native = false;
    std::map<std::string, std::string> on = {};  // its addresses by network, while it runs
    bool may_freeze = false;                     // it holds nothing that others may want meanwhile
    bool native_gpu = false;                     // as of a service
};

// One that was replaced and stays, frozen (engine/warm.h). It counts as none of the project's.
struct ObservedWarm {
    std::string id, name, service, hash, image_id;
    std::int64_t number = 1;
    bool native = false;
    bool stands = true;  // it is frozen, and its time is not over
};

struct ObservedResource {
    std::string hash, project;  // as its labels say; empty: somebody else made it
    std::string key;
    bool between = true;   // as in DesiredResource; not of those without names
    bool forwards = true;  // what is sent from it to it by way of the host arrives
};

struct ObservedAddress {
    std::string service, network, address;
    std::map<std::string, std::string> led;  // to containers by their ids, at these addresses
    // Ports of it, and where requests to them go at its address: as the rules say, and what the
    // gateway holds.
    std::map<std::uint16_t, std::uint16_t> relayed = {}, held = {};
};

struct Observed {
    std::vector<ObservedContainer> containers;  // of the project
    std::vector<ObservedWarm> warm = {};
    std::map<std::string, ObservedResource> networks, volumes;  // all there are, by name
    std::map<std::string, std::string> identities;              // by hash
    // Of the gateway: addresses with their targets, and targets with the ids of the containers that
    // get what comes.
    std::map<std::string, std::string> ports = {};
    std::vector<std::string> listeners = {};  // with what it calls them
    std::map<std::string, std::set<std::string>> led = {};
    std::vector<ObservedAddress> addresses = {};  // of services
    // Of services: what their steps before the start have succeeded for, last (pre_start_key).
    std::map<std::string, std::string> prepared = {};
    bool hears = true;  // what containers send to this host itself arrives
};

// --- the plan -------------------------------------------------------------------------------

enum class Action : std::uint8_t {
    build,
    prepare,  // the directory of a native release
    pull,
    create_network,
    create_volume,
    publish,
    unpublish,
    lead,  // what comes for a service to its containers
    wait,  // for a dependency
    create,
    recreate,
    finish,  // a change that a command began and did not end
    restart,
    rename,  // of one that had made way for a change that came to nothing
    start,
    remove,
    cool,      // one that was kept frozen goes
    withdraw,  // an address of a service's
    remove_network,
    remove_volume,
};
std::string_view name_of(Action action);

struct Step {
    Action action = Action::create;
    std::string object;       // as it is shown: a container's, network's or image's name
    std::string service;      // key of a network or volume, too
    std::string container;    // the id of what is there
    std::string next;         // finish: the id of what is to take its place
    std::int64_t number = 0;  // of a container
    std::vector<std::string> reasons;
    bool start_first = false;  // recreate
    std::string in_the_way;    // recreate: why the old one stops first
    compose::Dependency awaited = {};
    std::string where = {};  // create, recreate: natively or not, and why
    // recreate: the id of the frozen one that takes its place, and what stays frozen.
    std::string thaws = {};
    bool keeps = false;
    std::optional<compose::Canary> canary = {};  // recreate: what the new one has first
    std::chrono::nanoseconds delay{0};           // recreate: before it, after the batch before
    bool together = false;                       // recreate: at once with the step before it
    // It is carried out in its turn among those of its service, and those of other services go on
    // meanwhile: of the services that it depends on all are done before its first.
    bool beside = false;
    // create, recreate, start: which steps of the service's pre_start run before.
    std::vector<std::size_t> pre_start = {};
    bool operator==(const Step&) const = default;
};

// Of the containers of a service that are replaced.
struct Tolerance {
    std::int64_t replaced = 0;  // how many are
    double ratio = 0;           // which share of them may fail
    bool goes_on = false;       // where more do: the others are replaced all the same
    // One that fails so long after it has taken its place counts, and whether that is waited for.
    std::chrono::nanoseconds monitor{0};
    bool is_waited_for = false;
    bool operator==(const Tolerance&) const = default;
};

struct Plan {
    std::vector<Step> steps;
    std::map<std::string, Tolerance> tolerances = {};  // by service
    std::vector<std::string> orphans = {};  // containers of services that the file does not have
    std::vector<std::string> warnings;
    bool changes() const;  // waiting is none, nor what becomes of those that were kept frozen
};

enum class Recreate : std::uint8_t { changed, always, never };
enum class Images : std::uint8_t {
    usual,   // what is missing is got
    build,   // what can be built is
    always,  // the others are pulled
    never,   // nothing is pulled
    ready,   // they are as they are to be
};

struct PlanOptions {
    Recreate recreate = Recreate::changed;
    std::set<Images> images = {Images::usual};
    bool remove_orphans = false;
    bool starts = true;  // false: containers are made and not started
    bool back = false;   // to what was there before: as rollback_config says, without a canary
    bool waits = true;   // for what they depend on
};

// Errors: not_found (an external network or volume, an image that is not to be pulled),
// failed_precondition (a network that was made in another way), invalid_argument (two services
// publish one port).
Result<Plan> plan_up(const Desired& desired, const Observed& observed, const PlanOptions& options);

struct DownOptions {
    bool volumes = false;
    bool orphans = false;
    // `desired` is what a file says: volumes that are not in it stay, whatever their labels.
    bool declared = false;
};
// What the project's labels are on goes, but for services that are not known, and networks and
// volumes that are external.
// Errors: invalid_argument (a project without a name: whatever is no project's would be its own).
Result<Plan> plan_down(const Desired& desired, const Observed& observed,
                       const DownOptions& options);

// "web-1": what people say. "mail-web-1": its name.
std::string container_name(const Desired& desired, const DesiredService& service,
                           std::int64_t number);

// "0123456789ab_mail-web-1": what a container is called that makes way for another.
std::string aside_name(const std::string& id, const std::string& name);
bool is_aside(const std::string& id, const std::string& name);

// A line each: "recreate mail-web-1: image: a -> b".
std::string describe(const Step& step);

}  // namespace crank::deploy
