// SPDX-License-Identifier: MIT
//
// Out of memory in the shell: each command, its redirections, and programs that it starts, with
// each allocation failing in turn. See failure_walk.h.
#include "kernel/test/test.h"
#include "tests/kernel/tests.h"

#ifdef HALYARD_DEBUG
#include "kernel/debug/fault_injection.h"
#include "kernel/fs/vfs.h"
#include "kernel/lib/compiler.h"
#include "kernel/shell/shell.h"
#include "tests/kernel/failure_walk.h"
#include "tests/kernel/program_runs.h"

#define LINES 3u

/* The typed command, and the command that removes its results (run with allocations enabled). Every
 * command but `panic`, `reboot`, `poweroff`, `test` and `bench`; the last two wait for the test run
 * that this one belongs to. `mount` has no counterpart and a test of its own. */
static const struct typed {
    const char *lines[LINES], *last;
} typed[] = {
    {{"help > /tmp/out", "help ls >> /tmp/out", "help nothing"}, NULL},
    {{"uptime > /tmp/out", "cpus > /tmp/out", "ps > /tmp/out"}, NULL},
    {{"log > /tmp/out"}, NULL},
    {{"mem > /tmp/out", "mem map > /tmp/out"}, NULL},
    {{"heap > /tmp/out", "heap sites > /tmp/out"}, NULL},
    {{"lspci > /tmp/out", "lsblk > /tmp/out", "irq > /tmp/out"}, NULL},
    {{"mount > /tmp/out", "ls / /tmp > /tmp/out"}, NULL},
    {{"write /tmp/s one two", "cat /tmp/s > /tmp/out", "rm /tmp/s"}, NULL},
    {{"modules > /tmp/out", "random 64 > /tmp/out"}, NULL},
    {{"load virtio_rng > /tmp/out", "unload virtio_rng > /tmp/out"}, "unload virtio_rng"},
    {{"trace start", "trace stop", "trace dump > /tmp/out"}, "trace stop"},
    {{"profile start", "profile stacks > /tmp/out", "profile stop > /tmp/out"}, "profile stop"},
    {{"jit > /tmp/out", "jit /tmp/leave.wasm > /tmp/out"}, NULL},
    {{"run --memory 1M --cpu 5 --dir /tmp /tmp/leave.wasm > /tmp/out", "ls / | /tmp/leave.wasm"},
     NULL},
    {{"cd /tmp; X=1; for f in s* o* ?; do if [ -f $f ]; then cat $f; fi; done > out",
      "Y=2 sh -c 'export X=$1; while read a; do [ $a ] || break; done' n a < /tmp/leave.wasm",
      "ls / | cat /tmp/out | /tmp/leave.wasm; cd /"},
     NULL},
    {{"time ls / | cat > /tmp/out", "kill 1", "kill %1 2> /tmp/out"}, NULL},
};

static const struct typed *now;

static void type(void)
{
    for (unsigned i = 0; i < LINES && now->lines[i] != NULL; i++) {
        shell_execute(now->lines[i]);
    }
    (void)failure_pause();
    if (now->last != NULL) {
        shell_execute(now->last);
    }
    (void)!vfs_unlink(NULL, "/tmp/s");
    (void)!vfs_unlink(NULL, "/tmp/out");
}

static void commands_run(void)
{
    const struct image image = {"/tmp/leave.wasm", runs_leave, RUNS_LEAVE_LEN};
    if (!runs_write_file(&image)) {
        return;
    }
    /* loads the commands of tools.ko, which stay: a step of the walk would count them as a leak */
    shell_execute("uptime > /tmp/out");
    for (unsigned i = 0; i < ARRAY_COUNT(typed); i++) {
        now = &typed[i];
        failures_walk(type);
    }
    runs_remove_file(&image);
}

const struct kernel_test failure_shell_tests[] = {
    {"failures.commands_of_the_shell_run", commands_run, TEST_ON_NOTHING},
    {0},
};
#else
const struct kernel_test failure_shell_tests[] = {{0}};
#endif
