// SPDX-License-Identifier: MIT
//
// The WebAssembly specification's tests in the kernel, compiled and interpreted: every pack in
// /packs of the disk. They need that disk, so they run only when they are named.
#include "kernel/fs/vfs.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"
#include "kernel/mm/heap.h"
#include "kernel/test/test.h"
#include "kernel/tty/console.h"
#include "kernel/wasm/run/wasm_interp.h"
#include "tests/conformance/spec_run.h"
#include "tests/kernel/tests.h"
#include "tests/kernel/wasm_bed.h"

#define FOLDER            "/packs"
#define PACK_MAX          ((size_t)16 << 20)
#define INTERPRETER_STACK ((size_t)1 << 20) /* a limit for endless recursion */
#define INTERPRETER_ARENA ((size_t)64 << 20)

static const struct wasm_interpreter_options interpreter_options = {
    .stack_bytes = INTERPRETER_STACK, .arena_bytes = INTERPRETER_ARENA};

static struct spec_score sum;
static uint32_t files;

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
    sum.passed += score.passed;
    sum.total += score.total;
    sum.errors += score.errors;
    files++;
}

static void run_folder(void *arg)
{
    const struct spec_config *config = arg;
    struct file *folder;
    struct dir_entry entry;
    if (vfs_open(NULL, FOLDER, VFS_READ | VFS_DIRECTORY, &folder) != OK) {
        return;
    }
    while (file_read_dir(folder, &entry) == OK) {
        if (entry.type == FILE_REGULAR) {
            run_pack(config, entry.name);
        }
    }
    file_close(folder);
}

static void *start(void (*fn)(void *arg), void *arg)
{
    return wasm_bed_start(fn, arg);
}

static void join(void *thread)
{
    TEST_EQUAL(test_join(thread, NULL), OK);
}

/* Run all packs on one engine; `suffix` follows the machine's name in its name. */
static void all_hold(struct spec_config config, const char *suffix)
{
    sum = (struct spec_score){0};
    files = 0;
    config.say = say;
    config.start = start;
    config.join = join;
    if (!wasm_bed_run(run_folder, &config)) {
        test_fail(__FILE__, __LINE__, "no thread");
        return;
    }
    console_printf("conformance wasm-spec %s%s %u of %u\n", jit_machine_native->name, suffix,
                   sum.passed, sum.total);
    TEST_CHECK(files > 0);
    TEST_EQUAL(sum.passed, sum.total);
    TEST_EQUAL(sum.errors, 0);
    TEST_EQUAL(wasm_bed_pages(), 0);
}

static void all_assertions_hold_compiled(void)
{
    all_hold((struct spec_config){.engine = &wasm_compiled, .options = &wasm_bed_options}, "");
}

static void all_assertions_hold_interpreted(void)
{
    all_hold((struct spec_config){.engine = &wasm_interpreter, .options = &interpreter_options},
             "-interpreter");
}

const struct kernel_test wasm_spec_tests[] = {
    {"spec_wasm", all_assertions_hold_compiled, TEST_ON_NOTHING},
    {"spec_wasm_interpreted", all_assertions_hold_interpreted, TEST_ON_NOTHING},
    {0},
};
