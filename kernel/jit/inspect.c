// SPDX-License-Identifier: MIT
//
// Compiling a portable program's file to look at it. It happens on a thread of its own: the shell's
// stack is made for less.
#include "kernel/clock.h"
#include "kernel/fs/vfs.h"
#include "kernel/jit/portable_internal.h"
#include "kernel/jit/wasm_dump.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"
#include "kernel/mm/heap.h"

#define FILE_SIZE_MAX ((size_t)256 << 20)
#define ARENA_BYTES   ((size_t)256 << 20)
#define STACK_BYTES   ((size_t)256 << 10)

struct inspection {
    const char *path, *function;
    void (*sink)(void *ctx, const char *s, size_t len);
    void *ctx;
    struct loader_error *err;
    const struct thread *asker; /* whose terminal and redirection the sink writes to */
    enum status status;
};

static enum status refuse(struct inspection *i, enum status s, const char *why)
{
    fmt_print(i->err->text, sizeof(i->err->text), "%s: %s", i->path,
              why[0] == '\0' ? status_text(s) : why);
    str_make_printable(i->err->text);
    return s;
}

struct total {
    uint64_t file_bytes, code_bytes, ns;
};

/* One line: what became of a function. */
static enum status compile(struct inspection *i, const struct wasm_module *m, uint32_t n,
                           struct total *total)
{
    const struct jit_options options = {.features = jit_native_features()};
    struct arena arena;
    struct ir_function *f;
    struct jit_code code;
    struct wasm_error err = {.text = ""};
    struct jit_error why = {.text = ""};
    arena_init(&arena, ARENA_BYTES);
    uint64_t begin = clock_now_ns();
    enum status s = wasm_function_build(m, n, &arena, &f, &err);
    if (s != OK) {
        s = refuse(i, s, err.text);
    } else {
        s = jit_compile(jit_machine_native, f, &options, &arena, &code, &why);
        s = s == OK ? OK : refuse(i, s, why.text);
    }
    if (s == OK) {
        uint64_t ns = clock_now_ns() - begin;
        const char *name = m->names == NULL || m->names[n] == NULL ? "" : m->names[n];
        fmt_sink_printf(i->sink, i->ctx, "%6u %6u bytes -> %6u, %5u of stack, %8u ns  %s\n", n,
                        m->functions[n].body_size, code.size, code.frame_bytes, (unsigned)ns, name);
        total->file_bytes += m->functions[n].body_size;
        total->code_bytes += code.size;
        total->ns += ns;
    }
    arena_free_all(&arena);
    return s;
}

static enum status compile_all(struct inspection *i, const struct wasm_module *m)
{
    struct total total = {.ns = 0};
    enum status s = OK;
    for (uint32_t n = m->imported[WASM_FUNCTION]; s == OK && n < m->function_count; n++) {
        s = compile(i, m, n, &total);
    }
    if (s == OK) {
        fmt_sink_printf(i->sink, i->ctx, "%u functions, %llu bytes -> %llu in %llu us\n",
                        m->function_count - m->imported[WASM_FUNCTION],
                        (unsigned long long)total.file_bytes, (unsigned long long)total.code_bytes,
                        (unsigned long long)total.ns / 1000);
    }
    return s;
}

static enum status dump(struct inspection *i, const struct wasm_module *m)
{
    uint32_t n;
    struct wasm_error err = {.text = ""};
    if (!wasm_find_function(m, i->function, &n)) {
        return refuse(i, E_NOENT, "it has no such function");
    }
    if (n < m->imported[WASM_FUNCTION]) {
        return refuse(i, E_NOENT, "that function is imported");
    }
    const struct jit_dump d = {.machine = jit_machine_native,
                               .features = jit_native_features(),
                               .sink = i->sink,
                               .ctx = i->ctx};
    enum status s = wasm_dump(m, n, &d, &err);
    return s == OK ? OK : refuse(i, s, err.text);
}

static enum status inspect(struct inspection *i, const void *bytes, size_t len)
{
    const struct wasm_bounds bounds = {.arena_bytes = ARENA_BYTES,
                                       .table_elements = PORTABLE_TABLE_ELEMENTS};
    struct wasm_error err = {.text = ""};
    struct wasm_module *m;
    if (!portable_recognise(bytes, len)) {
        return refuse(i, E_FORMAT, "no portable program");
    }
    enum status s = wasm_module_decode(bytes, len, &bounds, &m, &err);
    if (s != OK) {
        return refuse(i, s, err.text);
    }
    s = i->function == NULL ? compile_all(i, m) : dump(i, m);
    wasm_module_free(m);
    return s;
}

static void run(void *arg)
{
    struct inspection *i = arg;
    void *bytes;
    size_t len;
    thread_current()->terminal = i->asker->terminal;
    thread_current()->sink = i->asker->sink;
    i->status =
        portable_touch_stack() ? vfs_read_file(i->path, FILE_SIZE_MAX, &bytes, &len) : E_NOMEM;
    if (i->status != OK) {
        (void)refuse(i, i->status, "");
        return;
    }
    i->status = inspect(i, bytes, len);
    heap_free(bytes);
}

enum status loader_inspect(const char *path, const char *function,
                           void (*sink)(void *ctx, const char *s, size_t len), void *ctx,
                           struct loader_error *err)
{
    struct inspection i = {.path = path,
                           .function = function,
                           .sink = sink,
                           .ctx = ctx,
                           .err = err,
                           .asker = thread_current()};
    const struct thread_options options = {.name = "inspection",
                                           .entry = run,
                                           .arg = &i,
                                           .priority = PRIO_NORMAL,
                                           .stack_bytes = STACK_BYTES};
    struct thread *t;
    enum status s = thread_create(&options, &t);
    if (s != OK) {
        return refuse(&i, s, "");
    }
    s = thread_join(t, NULL);
    return s == OK ? i.status : s;
}
