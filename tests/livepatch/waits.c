// SPDX-License-Identifier: MIT
//
// A patch whose code is in use until a file exists: for tests/smoke/test_modules.py.
#include "kernel/fs/vfs.h"
#include "kernel/lib/string.h"
#include "kernel/load/extension_format.h"
#include "kernel/sched/thread.h"

void shell_format_size(uint64_t bytes, char *out);

static void wait_for_file(uint64_t bytes, char *out)
{
    struct file_stat ignored;
    (void)vfs_mkdir("/tmp", "in"); /* it is called */
    while (vfs_stat("/tmp", "go", true, &ignored) != OK) {
        (void)thread_sleep(1000 * 1000);
    }
    (void)bytes;
    memcpy(out, "waited", sizeof "waited");
}

static const struct livepatch patches[] = {
    LIVEPATCH(shell_format_size, wait_for_file),
    {0},
};

__attribute__((section(".note.halyard"), used, aligned(4))) //
static const struct extension_note note = {
    .name_size = sizeof(note.name), .desc_size = KERNEL_IDENTITY, .type = 4, .name = "Halyard"};

const struct extension halyard_extension = {.patches = patches};
