// The life of a container as runtime-spec has it (runtime.md, "Lifecycle"): create, start, kill,
// delete, without a process of crank's that stays.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"
#include "oci/container_state.h"
#include "runtime/hand_over.h"
#include "runtime/oci/bundle.h"
#include "runtime/oci/store.h"

namespace crank::runtime::oci_verbs {

// What the caller gets from a verb that starts a process.
struct Caller {
    std::string console_socket;  // path; with process.terminal
    // Without a path: the caller copies the terminal itself, and this is the socket that its master
    // end is sent to; -1: it does not. Not owned.
    int relay = -1;
    bool plain_lines = false;  // of that terminal: ends of lines are left as they are written
    std::uint16_t rows = 0, columns = 0;  // of that terminal, where the process says nothing
    std::string pid_file;                 // path; empty: none
    std::string pidfd_socket;  // path of a listening socket that the process's pidfd is sent to
    std::uint32_t preserved_fds = 0;  // of the caller's from 3 on
    // Of these what was not open when the command began: what has that number now is crank's own.
    std::vector<int> missing_fds;
    std::uint32_t listen_fds = 0;  // so many of them are sockets by sd_listen_fds(3)
};

struct CreateRequest {
    std::string id, bundle;
    std::string config;  // the configuration's file, from the bundle on; empty: config.json
    Caller caller;
    bool new_keyring = true;
    GroupManager manager = GroupManager::files;
};
struct Created {
    Handed handed;          // let go: settle() before the caller ends or waits for the process
    oci::RuntimeSpec spec;  // as it is recorded
    std::vector<std::string> ignored;  // fields of the configuration that crank does not know
    std::vector<std::string> warnings;
};
// Everything but the program; on an error nothing is left behind.
Result<Created> create(Store& store, const CreateRequest& request, const HostFacts& facts);

// The program, and the hooks around it. Where a poststart hook fails the container is removed. The
// texts are warnings. `spec` is what `create` gave, for who has just called that; nullptr: it is
// read.
Result<std::vector<std::string>> start(Store& store, const std::string& id, const HostFacts& facts,
                                       const oci::RuntimeSpec* spec = nullptr);

// With the status that it has now; pid 0 when it has stopped.
Result<oci::ContainerState> state(const Store& store, const std::string& id,
                                  const HostFacts& facts);
// The record, and the status too.
Result<oci::ContainerRecord> look_up(const Store& store, const std::string& id,
                                     const HostFacts& facts);

enum class Whom : std::uint8_t { first, all };
Result<> kill(Store& store, const std::string& id, int signal, Whom whom, const HostFacts& facts);

enum class Force : std::uint8_t { no, yes };
// Only what has stopped, unless forced; then also what does not exist. The texts are warnings.
// `spec` as for `start`.
Result<std::vector<std::string>> remove(Store& store, const std::string& id, Force force,
                                        const HostFacts& facts,
                                        const oci::RuntimeSpec* spec = nullptr);

// A new process for whoever supervises it: its pid in a file, written aside and renamed, and its
// pidfd through a socket.
Result<> tell_supervisor(const Caller& caller, pid_t pid);
// The socket for the master end of the process's terminal; invalid: it has none. invalid_argument
// where terminal and console socket do not go together.
Result<sys::UniqueFd> connect_console(const Caller& caller, oci::Process& process);

}  // namespace crank::runtime::oci_verbs
