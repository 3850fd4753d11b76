// SPDX-License-Identifier: MIT
//
// The WebAssembly specification's tests, compiled and run in the kernel: every pack in /packs of
// the disk. It runs only when it is asked for by name, because it needs that disk.
#include "kernel/fault.h"
#include "kernel/fs/vfs.h"
#include "kernel/io/console.h"
#include "kernel/jit/backend.h"
#include "kernel/jit/code_kernel.h"
#include "kernel/jit/wasm_compiled.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"
#include "kernel/mm/heap.h"
#include "kernel/sched/thread.h"
#include "kernel/test.h"
#include "tests/conformance/spec_run.h"
#include "tests/kernel/tests.h"

#define FOLDER      "/packs"
#define PACK_MAX    ((size_t)16 << 20)
#define STACK_BYTES ((size_t)1 << 20)
#define ARENA_BYTES ((size_t)64 << 20)

static struct runner {
    struct code_kernel code;
    struct wasm_store *running; /* whose code runs */
    struct wasm_resume resume;
    struct spec_score sum;
    uint32_t files;
} runner;

static void leave(void *arg)
{
    const struct wasm_resume *r = arg;
    jit_leave(r->entry, r->outcome);
}

static bool handle(struct code_kernel *k, struct fault *fault)
{
    struct runner *r = CONTAINER_OF(k, struct runner, code);
    const struct wasm_fault f = {.pc = fault->pc,
                                 .fp = hal_frame_fp(fault->frame),
                                 .sp = hal_frame_sp(fault->frame),
                                 .caller = hal_frame_caller(fault->frame),
                                 .address = fault->address,
                                 .is_memory = fault->has_address};
    if (r->running == NULL || !wasm_compiled_fault(r->running, &f, &r->resume)) {
        return false;
    }
    vaddr_t top = ALIGN_DOWN(r->resume.entry->saved_sp, (uint64_t)16);
    hal_frame_set_call(fault->frame, top, leave, &r->resume);
    return true;
}

static bool no_symbol(struct code_kernel *k, uintptr_t pc, char *buf, size_t len)
{
    (void)k, (void)pc, (void)buf, (void)len;
    return false;
}

static void say(void *ctx, const char *line)
{
    (void)ctx;
    console_printf("# %s\n", line);
}

static void run_pack(const struct spec_config *config, const char *name)
{
    char path[VFS_NAME_MAX + sizeof FOLDER + 1];
    char stem[64];
    void *bytes;
    size_t len;
    struct spec_score score = {0};
    fmt_print(path, sizeof path, "%s/%s", FOLDER, name);
    str_copy(stem, sizeof stem, name);
    char *dot = strrchr(stem, '.');
    if (dot != NULL) {
        *dot = '\0';
    }
    enum status s = vfs_read_file(path, PACK_MAX, &bytes, &len);
    if (s == OK) {
        s = spec_run(config, stem, bytes, len, &score);
        heap_free(bytes);
    }
    if (s != OK) {
        test_fail(__FILE__, __LINE__, "%s: %s", path, status_text(s));
        score.errors++;
    }
    console_printf("file %s %u of %u %u\n", stem, score.passed, score.total, score.errors);
    runner.sum.passed += score.passed;
    runner.sum.total += score.total;
    runner.sum.errors += score.errors;
    runner.files++;
}

static void run_folder(void *arg)
{
    (void)arg;
    struct file *folder;
    struct dir_entry entry;
    if (vfs_open(NULL, FOLDER, VFS_READ | VFS_DIRECTORY, &folder) != OK) {
        return;
    }
    const struct wasm_compiled_options options = {.machine = jit_machine_native,
                                                  .jit = {.features = jit_native_features()},
                                                  .space = &runner.code.space,
                                                  .arena_bytes = ARENA_BYTES,
                                                  .fill = jit_native->code_fill,
                                                  .running = &runner.running};
    const struct spec_config config = {.engine = &wasm_compiled, .options = &options, .say = say};
    while (file_read_dir(folder, &entry) == OK) {
        if (entry.type == FILE_REGULAR) {
            run_pack(&config, entry.name);
        }
    }
    file_close(folder);
}

static void all_assertions_hold(void)
{
    runner = (struct runner){
        .code = {.name = "tests of the specification", .handle = handle, .symbol = no_symbol}};
    code_kernel_init(&runner.code);
    const struct thread_options options = {.name = "specification",
                                           .entry = run_folder,
                                           .priority = PRIO_NORMAL,
                                           .uses_fp = true,
                                           .stack_bytes = STACK_BYTES};
    struct thread *t;
    if (thread_create(&options, &t) != OK || thread_join(t, NULL) != OK) {
        test_fail(__FILE__, __LINE__, "no thread");
        return;
    }
    console_printf("conformance wasm-spec %s %u of %u\n", jit_machine_native->name,
                   runner.sum.passed, runner.sum.total);
    TEST_CHECK(runner.files > 0);
    TEST_EQUAL(runner.sum.passed, runner.sum.total);
    TEST_EQUAL(runner.sum.errors, 0);
    TEST_EQUAL(runner.code.pages, 0);
}

const struct kernel_test wasm_spec_tests[] = {
    {"spec_wasm", all_assertions_hold},
    {0},
};
