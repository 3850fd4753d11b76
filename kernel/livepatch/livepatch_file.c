// SPDX-License-Identifier: MIT
#include "kernel/livepatch/livepatch_file.h"

#include "kernel/base/symbols.h"
#include "kernel/fs/vfs.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"
#include "kernel/livepatch/in_use.h"
#include "kernel/mm/heap.h"
#include "kernel/mm/layout.h"
#include "kernel/module/driver_module.h"
#include "kernel/sched/mutex.h"

/* A file that is loaded. A file's module has one reference, which is dropped when the patch is
 * unloaded. Lock order: `lock`, then those of the loader and of livepatch.c. Between
 * livepatch_undo() and the unload, `lock` keeps other threads from applying the patch again. */
struct patch_file {
    struct list_node link;
    char name[LIVEPATCH_NAME_MAX]; /* of the patch */
    struct module *module;
};

static struct mutex lock = MUTEX_INIT(lock, "livepatch files");
static struct list all = LIST_INIT(all); /* [lock] oldest first */

static enum status fail(struct loader_error *err, enum status s, const char *name, const char *why)
{
    fmt_print(err->text, sizeof(err->text), "%s: %s", name, why);
    str_make_printable(err->text);
    return s;
}

static struct patch_file *find(const char *name) REQUIRES(lock)
{
    LIST_FOR_EACH (&all, n) {
        struct patch_file *f = CONTAINER_OF(n, struct patch_file, link);
        if (strcmp(f->name, name) == 0) {
            return f;
        }
    }
    return NULL;
}

static const struct livepatch *functions_of(const struct patch_file *f)
{
    return ((const struct extension *)loader_extension(f->module))->patches;
}

/* Read and load a file as an extension of this kernel. */
static enum status load_module(const char *path, struct module **out, struct loader_error *err)
{
    void *bytes;
    size_t len;
    enum status s = vfs_read_file(path, MODULE_FILE_MAX, &bytes, &len);
    if (s != OK) {
        return fail(err, s, path, status_text(s));
    }
    s = loader_load(LOAD_EXTENSION, path, bytes, len, out, err);
    heap_free(bytes);
    return s;
}

/* The path of a file, and the name of its patch: the last part, without suffix. */
static bool split(const char *file, char *path, char *name)
{
    const char *slash = strrchr(file, '/');
    const char *base = slash == NULL ? file : slash + 1;
    size_t len = strlen(base), suffix = sizeof(MODULE_SUFFIX) - 1;
    bool is_whole = len > suffix && strcmp(base + len - suffix, MODULE_SUFFIX) == 0;
    len -= is_whole ? suffix : 0;
    if (len == 0 || len >= LIVEPATCH_NAME_MAX) {
        return false;
    }
    memcpy(name, base, len);
    name[len] = '\0';
    const char *folder = slash == NULL ? MODULE_FOLDER : "";
    const char *end = slash == NULL && !is_whole ? MODULE_SUFFIX : "";
    return fmt_print(path, VFS_PATH_MAX, "%s%s%s", folder, file, end) < VFS_PATH_MAX;
}

/* The mark is not a secret: it says that the tool has compared the types for this kernel. */
static uint64_t mark_of(const struct livepatch *f)
{
    uint64_t identity;
    memcpy(&identity, kernel_identity, sizeof identity);
    return ((uintptr_t)f->function - layout_slide()) ^ identity;
}

/* Without this check a patch whose replacement has other parameters would corrupt the kernel's
 * stack at the first call. The tool that links patches (scripts/lib/patch.py) compares the types in
 * the debug information and then writes the mark; it must compute it as mark_of() does. */
static enum status check(const char *path, const struct livepatch *functions,
                         struct loader_error *err)
{
    if (functions == NULL) {
        return fail(err, E_CORRUPT, path, "an extension, but no patch");
    }
    for (const struct livepatch *f = functions; f->name != NULL; f++) {
        if (f->mark != mark_of(f)) {
            return fail(err, E_NOTSUP, f->name,
                        "its replacement was not compared with this kernel's function");
        }
    }
    return OK;
}

static enum status load(const char *name, const char *path, struct patch_file **out,
                        struct loader_error *err)
{
    struct patch_file *f = heap_zalloc(sizeof *f);
    if (f == NULL) {
        return fail(err, E_NOMEM, path, status_text(E_NOMEM));
    }
    enum status s = load_module(path, &f->module, err);
    if (s == OK) {
        s = check(path, functions_of(f), err);
        if (s != OK) {
            loader_unload(f->module);
        }
    }
    if (s != OK) {
        heap_free(f);
        return s;
    }
    str_copy(f->name, sizeof f->name, name);
    *out = f;
    return OK;
}

/* livepatch_apply() changes nothing if it fails, so a file that was just loaded can be unloaded at
 * once: no call can be in its code. */
static enum status apply_locked(const char *name, const char *path, struct loader_error *err)
    REQUIRES(lock)
{
    struct patch_file *f = find(name), *fresh = NULL;
    if (f == NULL) {
        enum status s = load(name, path, &fresh, err);
        if (s != OK) {
            return s;
        }
        f = fresh;
    }
    enum status s = livepatch_apply(name, functions_of(f), err);
    if (s == OK && fresh != NULL) {
        list_push_back(&all, &fresh->link);
    } else if (fresh != NULL) {
        loader_unload(fresh->module);
        heap_free(fresh);
    }
    return s;
}

enum status livepatch_load(const char *file, struct loader_error *err)
{
    char path[VFS_PATH_MAX], name[LIVEPATCH_NAME_MAX];
    if (!split(file, path, name)) {
        return fail(err, E_NAMETOOLONG, file, status_text(E_NAMETOOLONG));
    }
    mutex_lock(&lock);
    enum status s = apply_locked(name, path, err);
    mutex_unlock(&lock);
    return s;
}

static bool is_applied(const struct patch_file *f)
{
    struct livepatch_info info;
    uint32_t i = 0;
    while (livepatch_get_info(i, &info) && info.functions != functions_of(f)) {
        i++;
    }
    return livepatch_get_info(i, &info);
}

static bool is_in_use(const struct patch_file *f)
{
    size_t code_bytes, data_bytes;
    uintptr_t code = loader_code(f->module);
    loader_get_size(f->module, &code_bytes, &data_bytes);
    return code_is_in_use(code, code + code_bytes);
}

/* The order matters: first no new call can begin, then each thread is examined, then the memory is
 * freed. After E_BUSY the patch is undone but stays loaded, and the command can be repeated. */
static enum status unload_locked(const char *name, struct loader_error *err) REQUIRES(lock)
{
    struct patch_file *f = find(name);
    if (f == NULL) {
        return fail(err, E_NOENT, name, "no such patch is loaded");
    }
    enum status s = is_applied(f) ? livepatch_undo(name, err) : OK;
    if (s == OK && is_in_use(f)) {
        s = fail(err, E_BUSY, name, "undone, but not unloaded: a call of it has not ended");
    }
    if (s == OK) {
        list_remove(&f->link);
        loader_unload(f->module);
        heap_free(f);
    }
    return s;
}

enum status livepatch_unload(const char *name, struct loader_error *err)
{
    mutex_lock(&lock);
    enum status s = unload_locked(name, err);
    mutex_unlock(&lock);
    return s;
}

void livepatch_visit(void (*visit)(const struct livepatch_info *info, bool is_applied))
{
    struct livepatch_info info;
    mutex_lock(&lock);
    LIST_FOR_EACH (&all, n) {
        const struct patch_file *f = CONTAINER_OF(n, struct patch_file, link);
        if (!is_applied(f)) {
            str_copy(info.name, sizeof(info.name), f->name);
            info.functions = functions_of(f);
            visit(&info, false);
        }
    }
    for (uint32_t i = 0; livepatch_get_info(i, &info); i++) {
        visit(&info, true);
    }
    mutex_unlock(&lock);
}
