// SPDX-License-Identifier: MIT
//
// Starts a program from a file: native code or bytecode.
#include "kernel/load/bytecode/start.h"

#include "kernel/base/clock.h"
#include "kernel/fs/file_view.h"
#include "kernel/fs/vfs.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"
#include "kernel/load/bytecode/bytecode.h"
#include "kernel/mm/heap.h"
#include "kernel/mm/page.h"
#include "kernel/trace/trace.h"

#define FILE_SIZE_MAX ((size_t)256 << 20)

/* Copy strings to *text, and their new addresses with NULL after them to `to`. */
static char **copy_strings(char **to, char **text, int count, const char *const *from)
{
    for (int i = 0; i < count; i++) {
        size_t len = strlen(from[i]) + 1;
        *to++ = memcpy(*text, from[i], len);
        *text += len;
    }
    *to = NULL;
    return to + 1;
}

static size_t string_bytes(int count, const char *const *from)
{
    size_t bytes = sizeof(char *);
    for (int i = 0; i < count; i++) {
        bytes += sizeof(char *) + strlen(from[i]) + 1;
    }
    return bytes;
}

char **start_copy_arguments(const struct load_options *options)
{
    static const char *const root[] = {"PWD=/"};
    const char *const *env = options->env != NULL ? options->env : root;
    int env_count = options->env != NULL ? options->env_count : (int)ARRAY_COUNT(root);
    char **copy =
        heap_alloc(string_bytes(options->argc, options->argv) + string_bytes(env_count, env));
    if (copy != NULL) {
        char *text = (char *)(copy + options->argc + env_count + 2);
        char **end = copy_strings(copy, &text, options->argc, options->argv);
        (void)copy_strings(end, &text, env_count, env);
    }
    return copy;
}

/* The limit of a program without one of its own: leaves a quarter for the kernel, the shell and the
 * next program. */
static uint64_t share_of_what_is_free(void)
{
    struct page_stats stats;
    page_get_stats(&stats);
    return stats.by_owner[PAGE_FREE] / 4 * 3;
}

/* The program's open files and its limits, before any thread of it runs. A file in the options
 * replaces the one that the program would inherit. */
void start_prepare(struct program *p, const struct load_options *options)
{
    for (unsigned i = 0; i < LOAD_FILES; i++) {
        if (options->files[i] != NULL) {
            if (p->files[i] != NULL) {
                file_close(p->files[i]);
            }
            p->files[i] = file_ref(options->files[i]);
        }
    }
    if (options->cwd != NULL) {
        (void)str_copy(p->cwd, sizeof p->cwd, options->cwd);
    }
    p->memory_limit_pages = options->memory_limit_bytes != 0
                                ? options->memory_limit_bytes / PAGE_SIZE
                                : share_of_what_is_free();
    if (options->cpu_limit_ns != 0) {
        /* The counter started before the clock, so convert a difference. */
        p->cpu_limit_ticks =
            clock_ns_to_counter(options->cpu_limit_ns) - clock_ns_to_counter(0) + 1;
    }
}

/* End a program that cannot start: with it, everything that it owns is freed. Returns s. */
enum status start_abandon(struct program *p, enum status s)
{
    enum program_end end;
    int status;
    program_kill(p, PROGRAM_KILLED, 0);
    (void)!program_wait(p, WAIT_FOREVER, &end, &status);
    program_release(p);
    return s;
}

static enum status start(const char *path, const struct load_options *options, struct program **out,
                         struct loader_error *err)
{
    struct file_view file;
    enum status s = file_view_open(path, FILE_SIZE_MAX, &file);
    if (s != OK) {
        fmt_print(err->text, sizeof(err->text), "%s: %s", path, status_text(s));
        return s;
    }
    bool is_bytecode = bytecode_find(path, file.bytes, file.len, err);
    if (is_bytecode && (options->engine != LOAD_ENGINE_INTERPRETER ||
                        bytecode_find_interpreter(path, file.bytes, file.len, err))) {
        return bytecode_start(path, &file, options, out, err);
    }
    if (err->text[0] != '\0') {
        s = E_UNRESOLVED;
    } else if (options->engine == LOAD_ENGINE_DEFAULT && options->folders == NULL) {
        s = native_start(path, file.bytes, file.len, options, out, err);
    } else {
        s = E_NOTSUP;
        fmt_print(err->text, sizeof(err->text), "%s: only portable programs have %s", path,
                  options->folders != NULL ? "folders of their own" : "a choice of engine");
    }
    file_view_close(&file);
    return s;
}

enum status loader_start(const char *path, const struct load_options *options, struct program **out,
                         struct loader_error *err)
{
    const char *slash = strrchr(path, '/');
    trace_name(TRACE_LOAD, 0, slash == NULL ? path : slash + 1);
    enum status s = start(path, options, out, err);
    trace(TRACE_LOAD_END, 0, (uint64_t)(int64_t)s, 0);
    return s;
}
