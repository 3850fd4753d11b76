// SPDX-License-Identifier: MIT
//
// Inspects a bytecode program's file; its format compiles it. Uses a separate thread, because the
// shell's stack is too small for that.
#include "kernel/fs/file_view.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"
#include "kernel/load/bytecode/bytecode_format.h"

#define FILE_SIZE_MAX ((size_t)256 << 20)
#define STACK_BYTES   ((size_t)256 << 10)

enum status inspection_refuse(const struct inspection *i, enum status s, const char *why)
{
    fmt_print(i->err->text, sizeof(i->err->text), "%s: %s", i->path,
              why[0] == '\0' ? status_text(s) : why);
    str_make_printable(i->err->text);
    return s;
}

/* The thread writes to the terminal of the thread that waits for it. */
static void run(void *arg)
{
    struct inspection *i = arg;
    struct file_view file;
    thread_current()->terminal = i->asker->terminal;
    thread_current()->sink = i->asker->sink;
    i->status = bytecode_touch_stack(BYTECODE_STACK_FOR_LOADING)
                    ? file_view_open(i->path, FILE_SIZE_MAX, &file)
                    : E_NOMEM;
    if (i->status != OK) {
        (void)inspection_refuse(i, i->status, "");
        return;
    }
    if (bytecode_find(i->path, file.bytes, file.len, i->err)) {
        i->status = bytecode_recognise(file.bytes, file.len)->inspect(i, file.bytes, file.len);
    } else {
        i->status = i->err->text[0] != '\0' ? E_UNRESOLVED
                                            : inspection_refuse(i, E_FORMAT, "no portable program");
    }
    file_view_close(&file);
}

/* `i` is on this stack, so this must wait for the thread whatever happens to the program. */
enum status loader_inspect(const char *path, const char *function, struct loader_inspection *what,
                           struct loader_error *err)
{
    struct inspection i = {.path = path,
                           .function = function,
                           .sink = what->sink,
                           .ctx = what->ctx,
                           .result = what,
                           .err = err,
                           .asker = thread_current()};
    const struct thread_options options = {.name = "inspection",
                                           .entry = run,
                                           .arg = &i,
                                           .priority = PRIO_NORMAL,
                                           .placement = THREAD_ANYWHERE,
                                           .stack_bytes = STACK_BYTES};
    struct thread *t;
    enum status s = thread_create(&options, &t);
    if (s != OK) {
        return inspection_refuse(&i, s, "");
    }
    s = thread_join(t, NULL);
    return s == OK ? i.status : s;
}
