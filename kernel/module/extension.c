// SPDX-License-Identifier: MIT
#include "kernel/module/extension.h"

#include "kernel/base/log.h"
#include "kernel/fs/file_view.h"
#include "kernel/fs/vfs.h"
#include "kernel/io/host_file.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"
#include "kernel/load/loader.h"
#include "kernel/mm/heap.h"
#include "kernel/module/driver_module.h"
#include "kernel/module/shell_command.h"
#include "kernel/sched/mutex.h"
#include "kernel/tty/console.h"

/* `lock` is held while a file is read, linked and added, so two threads that need the same
 * extension load it once, and the second one waits. Nothing here is ever removed: a pointer that
 * was returned under the lock stays valid after it. Of the extension's code, only `start` runs
 * under the lock, which may not ask for it again. */
#define FILE_ON_DISK MODULE_FOLDER EXTENSION_FILE

static struct mutex lock = MUTEX_INIT(lock, "extension");
static const struct extension *loaded; /* [lock] never unloaded */

/* A file passed by the host comes before one on a disk: it belongs to this run. */
static enum status read_file(const char **name, void **bytes, size_t *len)
{
    *name = EXTENSION_HOST_FILE;
    enum status s = host_file_read(EXTENSION_HOST_FILE, MODULE_FILE_MAX, bytes, len);
    if (s != E_NOENT) {
        return s;
    }
    *name = FILE_ON_DISK;
    return vfs_read_file(FILE_ON_DISK, MODULE_FILE_MAX, bytes, len);
}

/* The file may be freed after loader_load(), which keeps copies only. Failures are printed where
 * the command was typed, and also let a later call try again. */
static const struct extension *load(void)
{
    const char *name;
    void *bytes;
    size_t len;
    enum status s = read_file(&name, &bytes, &len);
    if (s == E_NOENT) {
        console_printf("tests: neither " EXTENSION_HOST_FILE " in QEMU's fw_cfg nor " FILE_ON_DISK
                       "; scripts/run MACHINE --test makes them\n");
        return NULL;
    }
    if (s != OK) {
        console_printf("tests: %s: %s\n", name, status_text(s));
        return NULL;
    }
    struct module *module;
    struct loader_error err;
    s = loader_load(LOAD_EXTENSION, EXTENSION_FILE, bytes, len, &module, &err);
    heap_free(bytes);
    if (s != OK) {
        console_printf("tests: %s: %s\n", name, err.text);
        return NULL;
    }
    log_debug("extension", "%s loaded, %zu bytes", name, len);
    return (const struct extension *)loader_extension(module);
}

/* ---- Extensions with additions ---- */

struct added {
    struct additions_registration registration;
    const struct extension *extension;
    struct module *module;
    const char *file;
    struct added *next;
};

static struct added *all_added; /* [lock] newest first; nothing is removed */

/* Formats the reason, which starts with the file's path. */
static enum status fail(struct loader_error *err, const char *path, enum status s, const char *why)
{
    fmt_print(err->text, sizeof(err->text), "%s: %s", path, why[0] == '\0' ? status_text(s) : why);
    return s;
}

/* The additions stay in the module's memory, so it is unloaded only if nothing of it was added.
 * Additions come last in the chain of steps that can fail, and are all or nothing
 * (additions_add()). So each failure leaves the module unreferenced, and load_and_add() may unload
 * it. */
static enum status add(struct added *a, const char *path, struct module *m,
                       struct loader_error *err)
{
    struct loader_error why = {.text = ""};
    a->module = m;
    a->extension = (const struct extension *)loader_extension(m);
    a->registration.added = a->extension->additions;
    bool has_more = a->extension->commands != NULL || a->extension->start != NULL;
    enum status s = has_more ? OK : E_CORRUPT;
    if (a->registration.added != NULL) {
        s = additions_add(&a->registration, a->file, &why);
    }
    if (s == OK && a->extension->start != NULL) {
        a->extension->start();
    }
    return s == OK ? OK : fail(err, path, s, why.text);
}

/* The file that came with the boot is made for this kernel; one on a disk may be older. */
static enum status read_added(const char *file, char *path, size_t size, struct file_view *out)
{
    void *bytes;
    size_t len;
    fmt_print(path, size, HOST_FILE_FOLDER "%s", file);
    enum status s = host_file_read(path, MODULE_FILE_MAX, &bytes, &len);
    if (s == OK) {
        *out = (struct file_view){.bytes = bytes, .len = len};
    } else if (s == E_NOENT) {
        fmt_print(path, size, MODULE_FOLDER "%s", file);
        s = file_view_open(path, MODULE_FILE_MAX, out);
    }
    return s;
}

static enum status load_and_add(struct added *a, struct loader_error *err)
{
    char path[64];
    struct file_view file;
    struct module *m;
    struct loader_error why = {.text = ""};
    enum status s = read_added(a->file, path, sizeof path, &file);
    if (s == E_NOENT) {
        fmt_print(err->text, sizeof(err->text),
                  "%s: %s, and " HOST_FILE_FOLDER "%s did not come with the boot", path,
                  status_text(s), a->file);
        return s;
    }
    if (s != OK) {
        return fail(err, path, s, "");
    }
    s = loader_load(LOAD_EXTENSION, a->file, file.bytes, file.len, &m, &why);
    file_view_close(&file);
    if (s != OK) {
        return fail(err, path, s, why.text);
    }
    s = add(a, path, m, err);
    if (s != OK) {
        loader_unload(m);
    }
    return s;
}

/* Files are told apart by name alone. A file that changes on the disk is not loaded again in this
 * run. */
static const struct added *find(const char *file) REQUIRES(lock)
{
    const struct added *a = all_added;
    while (a != NULL && strcmp(a->file, file) != 0) {
        a = a->next;
    }
    return a;
}

static enum status add_locked(const char *file, struct loader_error *err) REQUIRES(lock)
{
    if (find(file) != NULL) {
        return OK;
    }
    struct added *a = heap_zalloc(sizeof *a);
    if (a == NULL) {
        return fail(err, file, E_NOMEM, "");
    }
    a->file = file;
    enum status s = load_and_add(a, err);
    if (s != OK) {
        heap_free(a);
        return s;
    }
    a->next = all_added;
    all_added = a;
    return OK;
}

enum status extension_add(const char *file, struct loader_error *err)
{
    mutex_lock(&lock);
    enum status s = add_locked(file, err);
    mutex_unlock(&lock);
    return s;
}

#ifdef HALYARD_DEBUG
void extension_forget(const char *file)
{
    mutex_lock(&lock);
    struct added **at = &all_added;
    while (*at != NULL && strcmp((*at)->file, file) != 0) {
        at = &(*at)->next;
    }
    struct added *a = *at;
    if (a != NULL) {
        ASSERT(a->registration.added == NULL && a->extension->commands == NULL);
        *at = a->next;
        loader_unload(a->module);
        heap_free(a);
    }
    mutex_unlock(&lock);
}
#endif

/* The message is formatted before the load: if that fails it replaces the text with its own reason,
 * and otherwise the text is right if the search finds no command. */
const struct shell_command *extension_find_command(const char *file, const char *name,
                                                   struct loader_error *err)
{
    const struct shell_command *c = NULL;
    mutex_lock(&lock);
    fmt_print(err->text, sizeof(err->text), "%s has no command %s", file, name);
    if (add_locked(file, err) == OK) {
        c = find(file)->extension->commands;
    }
    mutex_unlock(&lock);
    while (c != NULL && c->name != NULL && strcmp(c->name, name) != 0) {
        c++;
    }
    return c == NULL || c->name == NULL ? NULL : c;
}

/* ---- The tests ---- */

const struct extension *extension_get(void)
{
    mutex_lock(&lock);
    if (loaded == NULL) {
        loaded = load();
    }
    const struct extension *found = loaded;
    mutex_unlock(&lock);
    return found;
}
