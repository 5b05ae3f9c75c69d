// The gateway of one project: its listeners, its targets, and what crank asks of it.
#pragma once

#include <functional>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "gateway/accept.h"
#include "gateway/connection.h"
#include "gateway/control_request.h"
#include "gateway/journal.h"
#include "gateway/router.h"
#include "sys/unique_fd.h"

namespace crank::gateway {

class Gateway final : public Watcher {
public:
    using Log = std::function<void(const std::string&)>;
    Gateway(Loop& loop, Log log);
    ~Gateway() override;

    // The answer, as JSON, to a request; called once, now or later. `asker` names who is told.
    using Answer = std::function<void(std::string)>;
    void perform(std::string_view request, std::vector<sys::UniqueFd> descriptors,
                 const void* asker, Answer answer);
    // What is asked of it from now on, and is in force, it says there.
    void tell(Journal& journal) { journal_ = &journal; }
    // Nobody is told any more; what was asked for goes on.
    void forget(const void* asker);

    // Listens no more, serves what is there, cuts it after the grace.
    void stop(Milliseconds grace);
    bool has_stopped() const { return stopped_; }

    void on_ready(Socket& socket) override;  // a container has ended
    void on_due() override;                  // the grace of a stop is over

private:
    struct Told {
        const void* asker;
        Answer answer;
    };
    Result<> perform_now(const ControlRequest& request, std::vector<sys::UniqueFd>& descriptors);
    void keep(const ControlRequest& request, std::string_view text);
    std::vector<std::string> backends_of(const ControlRequest& request) const;
    void forget_lives_of(const std::vector<std::string>& backends);
    Result<> listen(const ListenRequest& request, std::vector<sys::UniqueFd>& descriptors);
    Result<> unlisten(const UnlistenRequest& request);
    void route(const RouteRequest& request);
    Result<> judge(const JudgeRequest& request);
    Result<> watch(const WatchRequest& request, std::vector<sys::UniqueFd>& descriptors);
    void drain(const DrainRequest& request, const void* asker, const Answer& answer);
    std::string state() const;
    void stopped(std::size_t cut);

    Loop& loop_;
    Log log_;
    Journal* journal_ = nullptr;
    Router router_;
    Connections connections_;
    Totals totals_;
    bool stopping_ = false, stopped_ = false;
    Context context_;
    std::map<std::string, std::unique_ptr<Acceptor>> listeners_;
    std::map<std::string, std::unique_ptr<Socket>> lives_;  // pidfds of containers
    std::list<Told> waiting_for_stop_;
    Timer stop_timer_;
};

}  // namespace crank::gateway
