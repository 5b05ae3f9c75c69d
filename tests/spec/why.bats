#!/usr/bin/env bats
# crank why, and what ps and inspect say of an end.

# shellcheck disable=SC2016 # what stands in single quotes the shell in the container expands
# shellcheck disable=SC2154 # run sets stderr
bats_require_minimum_version 1.5.0
load ../lib/crank

setup_file() {
    crank_setup_file
    busybox_image
    enders_image
}
setup() { crank_setup; }
teardown() { crank_teardown; }
teardown_file() { crank_teardown_file; }

@test "a published port that nobody answers, and where it listens instead" {
    crank run -d --name silent -p 127.0.0.1::80 busybox sleep 1000 >/dev/null
    run -0 crank why silent
    [[ $output == *"nothing listens on port 80, which is published: it is still starting, or serves nothing"* ]]
    crank run -d --name beside -p 127.0.0.1::80 busybox httpd -f -p 8080 >/dev/null
    crank run -d --name within -p 127.0.0.1::80 busybox httpd -f -p 127.0.0.1:80 >/dev/null
    crank run -d --name right -p 127.0.0.1::80 busybox httpd -f -p 80 >/dev/null
    says() { crank why "$1" | grep -qF -- "$2"; }
    until_true says beside "nothing listens on port 80, which is published: it listens on 8080"
    until_true says within "port 80 is published, and it listens there on 127.0.0.1 alone"
    quiet() { ! crank why right | grep -q 'listens'; }
    until_true quiet
    crank rm -f silent beside within right
}

@test "a program that is not there: the start says so, and why after it, also where a shell was to find it" {
    run -127 --separate-stderr crank run -d --name gone --network none busybox nosuch-program
    [[ $stderr == *nosuch-program* ]]
    run -0 crank why gone
    [[ $output == *nosuch-program*"not found"* ]]
    run -127 crank run --name shell --network none busybox sh -c 'nosuch-program; exit $?'
    run -0 crank why shell
    [[ $output == *"shells say so where a command does not exist"*"nosuch-program"* ]]
    run -126 --separate-stderr crank run --name dir --network none busybox /tmp
    run -0 crank why dir
    [[ $output == *"/tmp"* ]]
}

# The image `enders`: programs that end in ways that a shell cannot.
enders_image() {
    is_root && can_run >/dev/null 2>&1 || return 0 # the tests say why they skip
    local context=$CRANK_TEST_DIR/enders-context name
    mkdir -p "$context"
    cat >"$context/filtered.c" <<'END'
#include <stddef.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>
int main(void) {
    struct sock_filter code[] = {
        {0x20, 0, 0, offsetof(struct seccomp_data, nr)},
        {0x15, 0, 1, SYS_sethostname},
        {0x06, 0, 0, 0x80000000 /* SECCOMP_RET_KILL_PROCESS */},
        {0x06, 0, 0, 0x7fff0000 /* SECCOMP_RET_ALLOW */},
    };
    struct sock_fprog program = {4, code};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return 1;
    if (prctl(PR_SET_SECCOMP, 2, &program) != 0) return 2;
    syscall(SYS_sethostname, "x", 1);
    return 3;
}
END
    cat >"$context/fault.c" <<'END'
int main(void) {
    volatile int *nowhere = 0;
    return *nowhere;
}
END
    cat >"$context/abort.c" <<'END'
#include <stdlib.h>
int main(void) { abort(); }
END
    for name in filtered fault abort; do
        musl-gcc -static -O1 -idirafter /usr/include -idirafter "/usr/include/$(uname -m)-linux-gnu" \
            "$context/$name.c" -o "$context/$name"
    done
    printf 'FROM scratch\nCOPY filtered fault abort /\n' >"$context/Dockerfile"
    crank build -q -t enders "$context" >/dev/null
}

# ended NAME [FLAG...] -- [IMAGE...] COMMAND...: in the background, until it has ended
ended() {
    local name=$1
    shift
    local -a flags=()
    while [ "$1" != -- ]; do
        flags+=("$1")
        shift
    done
    shift
    crank run -d --name "$name" --network none "${flags[@]}" "$@" >/dev/null
    crank wait "$name" >/dev/null
}

# why NAME: its fields, for jq
why() { crank why --format json "$1"; }
# why_is NAME JQ-EXPRESSION
why_is() { why "$1" | jq -e "$2" >/dev/null || { why "$1" | jq . >&2; return 1; }; }
# line LABEL: of `crank why`'s screen in $output
line() { sed -n "s/^$1  *//p" <<<"$output" | head -1; }
# for a container that must not end by itself
forever='trap "exit 3" TERM; echo heard; while :; do sleep 0.1; done'

@test "out of memory: who was killed, the limit, the peak, in why, ps, inspect and run" {
    ended big --memory 32m -- busybox tail /dev/zero
    [ "$(crank inspect -f '{{.State.OOMKilled}} {{.State.ExitCode}} {{.State.Cause}}' big)" = "true 137 oom" ]
    why_is big '.Cause == "oom" and .Memory.Limit == 33554432 and .Memory.OOMKills == 1'
    # the peak is what the kernel saw: no more than the limit, and nearly that
    why_is big '.Memory.Peak <= .Memory.Limit and .Memory.Peak > 30000000 and .Memory.LimitHits > 0'
    why_is big '.Memory.Killed | length == 1 and .[0].Name == "tail" and .[0].OwnLimit'
    run crank why big
    [[ $(line status) == "Exited (137) "*": out of memory (limit 32MiB)" ]]
    [[ $(line why) == "the kernel killed tail (process "*" of this machine): the container reached its memory limit of 32MiB" ]]
    [[ $(line memory) == "limit 32MiB, peak "*"MiB, the limit was met "*" killed for want of it" ]]
    [[ $(line next) == "crank run --memory=64MiB "* ]]
    run crank ps -a
    [[ ${lines[1]} == *"Exited (137) "*" ago: out of memory (limit 32MiB)"* ]]
    run --separate-stderr crank run --rm --network none --memory 32m busybox tail /dev/zero
    [ "$status" -eq 137 ]
    [[ $stderr == *"the kernel killed the worker for want of memory; the memory limit is 32MiB" ]]
}

@test "scripts get Docker's words: the reason stands in a field of its own" {
    ended big --memory 32m -- busybox tail /dev/zero
    [[ $(crank ps -a --format '{{.Status}}') =~ ^Exited\ \(137\)\ [^:]*\ ago$ ]]
    [ "$(crank ps -a --format '{{.Reason}}')" = "out of memory (limit 32MiB)" ]
    crank ps -a --format json | jq -e '.Status | test("^Exited \\(137\\) [^:]* ago$")' >/dev/null
    [[ $(crank ps -a --format 'table {{.Status}}' | tail -1) =~ ^Exited\ \(137\)\ [^:]*\ ago$ ]]
    ended well -- busybox true
    [ "$(crank ps -l --format '{{.Reason}}')" = "" ]
}

@test "a child that was killed for want of memory is told from the worker" {
    ended child --memory 32m -- busybox sh -c 'tail /dev/zero; echo "child: $?"; exit 1'
    why_is child '.OOMKilled and .Cause == "failed" and .ExitCode == 1'
    why_is child '.Notes[0] | test("^the kernel killed tail \\(process [0-9]+ of this machine\\): the container reached its memory limit of 32MiB$")'
    run crank why child
    [[ $(line status) == "Exited (1) "*": a process of it was out of memory (limit 32MiB)" ]]
    [[ $output == *"child: 137"* ]]
    # and where the worker went on and ended well, ps has nothing to complain of
    ended survivor --memory 32m -- busybox sh -c 'tail /dev/zero; exit 0'
    why_is survivor '.OOMKilled and .Cause == "finished" and (.Notes | length == 1)'
    [ "$(crank ps -l --format '{{.Reason}}')" = "" ]
    run --separate-stderr crank run --rm --network none --memory 32m busybox sh -c 'tail /dev/zero; exit 5'
    [ "$status" -eq 5 ]
    [[ $stderr == *"the kernel killed a process of the worker for want of memory"* ]]
}

@test "memory that was enough is no reason" {
    ended small --memory 64m -- busybox sh -c 'head -c 8000000 /dev/zero | tail | wc -c'
    why_is small '(.OOMKilled | not) and .Cause == "finished" and .Memory.OOMKills == 0'
}

@test "crank stop, crank kill and others are told apart" {
    local first
    crank run -d --name stopped --network none busybox sh -c "$forever" >/dev/null
    until crank logs stopped | grep -q heard; do sleep 0.05; done
    crank stop stopped >/dev/null
    why_is stopped '.Cause == "stopped" and .ExitCode == 3 and (.Why | test("after crank stop had sent SIGTERM$"))'

    crank run -d --name stubborn --network none busybox sh -c 'trap "" TERM; echo deaf; while :; do sleep 0.1; done' >/dev/null
    until crank logs stubborn | grep -q deaf; do sleep 0.05; done
    crank stop -t 1 stubborn >/dev/null
    why_is stubborn '.Cause == "stopped" and .Why == "crank stop sent SIGTERM, waited 1 s for it to end, and sent SIGKILL"'
    [ "$(crank ps -l --format '{{.Reason}}')" = "killed after 1s of crank stop" ]

    crank run -d --name killed --network none busybox sleep 100 >/dev/null
    crank kill killed >/dev/null
    why_is killed '.Cause == "stopped" and .Why == "crank kill sent SIGKILL, and it ended by that"'

    crank run -d --name outside --network none busybox sleep 100 >/dev/null
    first=$(crank inspect -f '{{.State.Pid}}' outside)
    kill -9 "$first"
    crank wait outside >/dev/null
    why_is outside '.Cause == "signal" and (.Why | test("^somebody on this machine sent SIGKILL to the container.s first process; it was not crank"))'

    crank run -d --name asked --network none busybox sleep 100 >/dev/null
    kill -TERM "$(crank inspect -f '{{.State.Pid}}' asked)"
    crank wait asked >/dev/null
    why_is asked '.Why == "somebody on this machine sent SIGTERM to the container; it was not crank"'

    ended inside -- busybox sh -c 'kill -USR1 1; sleep 100'
    why_is inside '.Why == "a process of the container sent SIGUSR1 to its init, which passed it on"'

    ended itself -- busybox sh -c 'kill -9 $$'
    why_is itself '.Cause == "signal" and (.Why | test("^SIGKILL was sent to the worker itself"))'
}

@test "Ctrl-C at crank run is no death by strangers" {
    crank run --name front --network none busybox sleep 100 >/dev/null 2>&1 &
    local caller=$!
    until [ -n "$(crank ps -q)" ]; do sleep 0.05; done
    kill -INT "$caller" || true
    # a job of a shell without job control ignores SIGINT: then SIGTERM, which goes the same way
    sleep 0.3
    kill -TERM "$caller" || true
    wait "$caller" || true
    why_is front '.Cause == "stopped" and (.Why | test("^crank run passed on the SIG(INT|TERM) that it got"))'
}

@test "faults have their names" {
    ended fault -- enders /fault
    why_is fault '.Cause == "fault" and .Signal == 11 and (.Why | test("^SIGSEGV ended it: it used memory that it does not have"))'
    ended abort -- enders /abort
    why_is abort '.Cause == "fault" and (.Why | test("^SIGABRT ended it: it gave itself up"))'
    # sent from outside it is nobody's fault
    crank run -d --name sent --network none busybox sleep 100 >/dev/null
    crank kill -s SEGV sent >/dev/null
    crank wait sent >/dev/null
    why_is sent '.Cause == "stopped" and .Why == "crank kill sent SIGSEGV, and it ended by that"'
}

@test "a call that a filter ended it for has its name, where the kernel's log says so" {
    audit_works() { dmesg | grep -q 'type=1326'; }
    ended filtered -- enders /filtered
    why_is filtered '.Cause == "refused" and .ExitCode == 159'
    require "a kernel that logs what seccomp ended" audit_works
    why_is filtered '.Why == "a system call filter ended it (SIGSYS) when it asked for the system call sethostname"'
    [ "$(crank ps -l --format '{{.Reason}}')" = "system call sethostname refused" ]
}

@test "exit codes by convention, and codes that are the worker's own" {
    ended notfound -- busybox sh -c nosuch
    why_is notfound '.ExitCode == 127 and (.Why | test("a command does not exist$"))'
    ended code143 -- busybox sh -c 'exit 143'
    why_is code143 '.Signal == 0 and (.Why | test("ended by SIGTERM; the worker itself was ended by no signal$"))'
    ended five -- busybox sh -c 'echo first; echo second >&2; exit 5'
    run crank why -n 1 five
    [ "$(line why)" = "it ended by itself with exit code 5" ]
    [ "$(line log)" = second ]
    [[ $(line filter) == *"leave no trace but in the worker's own log" ]]
    [ "$(crank why -n 0 -f '{{.Log}}' five)" = "[]" ]
}

@test "a worker that is slow: how often its quota held it back" {
    crank run -d --name slow --cpus 0.1 --network none busybox sh -c 'while :; do :; done' >/dev/null
    sleep 1.5
    why_is slow '.Cause == "running" and .Cpu.ThrottledPeriods > 3 and .Cpu.Periods >= .Cpu.ThrottledPeriods'
    run crank why slow
    [[ $(line cpu) =~ ^limit\ 0.10\ CPUs,\ used\ 0\.[0-9]+s,\ held\ back\ in\ [0-9]+\ of\ [0-9]+\ periods ]]
    [[ $(line next) == "crank logs -f slow" ]]
    crank stop -t 0 slow >/dev/null
    why_is slow '.Cause == "stopped" and .Cpu.ThrottledPeriods > 3'
    # and one that had all it wanted
    ended quick --cpus 1 -- busybox true
    why_is quick '.Cpu.ThrottledPeriods == 0'
    run crank why quick
    [[ $(line cpu) != *"held back"* ]]
}

@test "processes that were refused" {
    ended forks --pids-limit 5 -- busybox sh -c 'for i in 1 2 3 4 5 6 7 8; do sleep 1 & done; wait'
    why_is forks '.Pids.Refused > 0 and (.Notes[0] | test("refused a new process or thread .*: it may have 5"))'
}

@test "starts that failed can be asked about later, until one succeeds" {
    run -127 crank run -d --name broken --network none busybox nosuch --flag
    [ -z "$(crank ps -aq)" ]
    run crank why broken
    [ "$status" -eq 0 ]
    [ "$(line worker)" = "broken, image busybox" ]
    [[ $(line status) == "did not start, "*" ago" ]]
    [ "$(line why)" = 'exec: "nosuch": executable file not found in $PATH' ]
    why_is broken '.Cause == "not-started" and .ExitCode == 127 and .Next[-1] == "crank run --name broken busybox nosuch --flag"'
    ended broken -- busybox true
    why_is broken '.Cause == "finished"'
    crank rm broken >/dev/null
    run crank why broken
    [ "$status" -eq 1 ]
    [ "${lines[0]}" = "crank why: no such container: broken" ]
    [ "${lines[1]}" = "hint: crank ps -a" ]
}

@test "what a worker writes does not move the reader's terminal" {
    ended noisy -- busybox printf 'red \033[31m and a bell \a\n'
    run crank why noisy
    [ "$(line log)" = 'red ?[31m and a bell ?' ]
}

@test "bad questions" {
    run crank why
    [ "$status" -eq 2 ]
    run crank why -n many nobody
    [ "$status" -ne 0 ]
    [[ $output == 'crank why: --tail: from 0 to 1000, not "many"'* ]]
    run crank why nobody
    [ "$status" -eq 1 ]
}

@test "an end that nobody saw is not guessed at" {
    # an init ends without a word by SIGKILL alone: that would be known
    crank run -d --name orphan --init=false --network none busybox sleep 100 >/dev/null
    local id pid
    id=$(crank inspect -f '{{.Id}}' orphan)
    # before: a command that looks at it gives it a monitor again
    pid=$(crank inspect -f '{{.State.Pid}}' orphan)
    kill_monitors "$id"
    kill -9 "$pid"
    # as long as it can be looked at, its end can be found out
    while [ -d "/proc/$pid" ]; do sleep 0.02; done
    crank wait orphan >/dev/null
    why_is orphan '.Cause == "lost" and .Why == "its monitor was killed: how it ended is not known"'
    [ "$(crank ps -a --format '{{.Reason}}')" = "end not seen" ]
}

@test "native workers are explained too" {
    crank run -d --name native --native -- sh -c 'exit 4' >/dev/null
    crank wait native >/dev/null
    why_is native '.Cause == "failed" and .Why == "it ended by itself with exit code 4"'
    crank run -d --name natkill --native -- sleep 100 >/dev/null
    crank stop natkill >/dev/null
    why_is natkill '.Cause == "stopped"'
}
