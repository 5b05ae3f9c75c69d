# shellcheck shell=bash
# Kernels that lack system calls, made up by a filter: `load ../lib/without`, and without_setup in
# setup_file.

# without ERROR CALL[,CALL...] COMMAND...: the command, on a kernel that has not these system calls:
# they answer ENOSYS, or EPERM as the filters of some containers do.
without_setup() {
    command -v musl-gcc >/dev/null || return 0 # the tests say why they skip
    musl-gcc -static -O1 -idirafter /usr/include -idirafter "/usr/include/$(uname -m)-linux-gnu" \
        -o "$CRANK_TEST_DIR/without" -x c - <<'END'
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

int main(int argc, char **argv) {
    if (argc < 4) return 125;
    unsigned error = strcmp(argv[1], "EPERM") == 0 ? EPERM : ENOSYS;
    struct sock_filter code[64] = {{0x20, 0, 0, offsetof(struct seccomp_data, nr)}};
    unsigned short n = 1;
    for (char *number = strtok(argv[2], ","); number != NULL && n < 60; number = strtok(NULL, ",")) {
        code[n++] = (struct sock_filter){0x15, 0, 1, (unsigned)atoi(number)};
        code[n++] = (struct sock_filter){0x06, 0, 0, SECCOMP_RET_ERRNO | error};
    }
    code[n++] = (struct sock_filter){0x06, 0, 0, SECCOMP_RET_ALLOW};
    struct sock_fprog program = {n, code};
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) {
        perror("seccomp");
        return 125;
    }
    execvp(argv[3], argv + 3);
    perror(argv[3]);
    return 125;
}
END
}

can_filter() { "$CRANK_TEST_DIR/without" ENOSYS 999 true; }
