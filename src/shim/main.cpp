// crank-shim: monitor of a container, its first process until exec, its init, and the process that
// joins a running one. Started by crank alone, with a plan on descriptor 3.
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shim/kernel.h"
#include "shim/monitor.h"
#include "shim/plan_lock.h"
#include "shim/plan_view.h"
#include "shim/slice.h"
#include "shim/starter.h"

using namespace crank::shim;

int main(int argc, char** argv) {
    PlanView plan;
    bool starts = argc == 2 && strcmp(argv[1], "--plan") == 0;
    bool adopts = argc == 4 && strcmp(argv[1], "--adopt") == 0;
    if ((!starts && !adopts) || open_plan(plan) != 0) {
        static const char kText[] = "crank-shim is started by crank and takes no commands\n";
        (void)!write(2, kText, sizeof kText - 1);
        return 2;
    }
    if (fcntl(kPlanLockFd, F_GETFD) >= 0) plan.claim = kPlanLockFd;
    mark(plan, Moment::shim_started);
    // What happens to the caller's terminal or session does not concern the monitor.
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, nullptr);
    bool hand_over = (plan.header->flags & kFlagHandOver) != 0;
    if (plan.header->role == Role::join || hand_over) {
        // From the moment it joins, root in the container could look into this process; and into
        // one that waits to be started, where the namespaces are shared.
        prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    }
    if (plan.header->role == Role::monitor) {
        prctl(PR_SET_NAME, hand_over ? "crank-starter" : "crank-monitor", 0, 0, 0);
        if (chdir("/") != 0) return 1;
    }
    umask(022);
    close(kPlanFd);
    // Before the clone, so that monitor, init and worker all have them.
    ask_for_short_slices();
    if (adopts)
        run_adopter(plan, atoi(argv[2]), strtoull(argv[3], nullptr, 10));
    else if (hand_over)
        run_starter(plan);
    else
        run_monitor(plan);
    return 0;
}
