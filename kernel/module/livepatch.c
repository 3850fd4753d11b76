// SPDX-License-Identifier: MIT
#include "kernel/module/livepatch.h"

#include "hal/calls.h"
#include "hal/text.h"
#include "kernel/fs/vfs.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"
#include "kernel/mm/heap.h"
#include "kernel/module/driver_module.h"
#include "kernel/sched/mutex.h"
#include "kernel/sched/smp.h"

struct patch {
    struct list_node link;
    char name[LIVEPATCH_NAME_MAX];
    const struct livepatch *functions; /* in the extension; never unloaded */
    uint32_t count;
    vaddr_t entries[LIVEPATCH_FUNCTIONS_MAX];
    bool is_applied;
    bool is_of_file; /* it stays listed when it is undone, because its code stays loaded */
};

static struct mutex lock = MUTEX_INIT(lock, "livepatch");
static struct list patches =
    LIST_INIT(patches); /* [lock] in the order in which they were applied */

static enum status fail(struct loader_error *err, enum status s, const char *name, const char *why)
{
    fmt_print(err->text, sizeof(err->text), "%s: %s", name, why);
    str_make_printable(err->text);
    return s;
}

static struct patch *find(const char *name)
{
    LIST_FOR_EACH (&patches, n) {
        struct patch *p = CONTAINER_OF(n, struct patch, link);
        if (strcmp(p->name, name) == 0) {
            return p;
        }
    }
    return NULL;
}

/* The functions that have a stub (hal/calls.h), which they keep for ever: a preempted thread may be
 * in it. */
static struct {
    vaddr_t entry;
    bool is_traced;
} stubs[HAL_STUBS];
static unsigned stub_count;

/* stub_count: it has none. */
static unsigned stub_of(vaddr_t function)
{
    unsigned i = 0;
    while (i < stub_count && hal_stubs[i].function != function) {
        i++;
    }
    return i;
}

/* The entry of a function, or 0. Its bytes may be a jump now. */
static vaddr_t known_entry(vaddr_t function)
{
    unsigned stub = stub_of(function);
    if (stub < stub_count) {
        return stubs[stub].entry;
    }
    LIST_FOR_EACH (&patches, n) {
        const struct patch *p = CONTAINER_OF(n, struct patch, link);
        for (uint32_t i = 0; i < p->count; i++) {
            if ((vaddr_t)p->functions[i].function == function) {
                return p->entries[i];
            }
        }
    }
    return hal_text_entry(function);
}

/* What a function's calls should reach: the newest replacement, or 0 for itself. */
static vaddr_t target_of(vaddr_t function)
{
    vaddr_t found = 0;
    LIST_FOR_EACH (&patches, n) {
        const struct patch *p = CONTAINER_OF(n, struct patch, link);
        for (uint32_t i = 0; p->is_applied && i < p->count; i++) {
            if ((vaddr_t)p->functions[i].function == function) {
                found = (vaddr_t)p->functions[i].replacement;
            }
        }
    }
    return found;
}

static void lead(vaddr_t function, vaddr_t entry)
{
    vaddr_t target = target_of(function);
    unsigned stub = stub_of(function);
    if (stub < stub_count) {
        atomic_store_explicit(&hal_stubs[stub].next, target == 0 ? hal_text_after(entry) : target,
                              memory_order_relaxed);
        target = stubs[stub].is_traced ? hal_stub_address(stub) : target;
    }
    unsigned step = 0;
    bool has_more;
    do {
        has_more = hal_text_step(entry, target, step++);
        smp_synchronise_fetch();
    } while (has_more);
}

static void lead_all(const struct patch *p)
{
    for (uint32_t i = 0; i < p->count; i++) {
        lead((vaddr_t)p->functions[i].function, p->entries[i]);
    }
}

/* Find the entries; nothing is changed yet. */
static enum status prepare(struct patch *p, struct loader_error *err)
{
    const struct livepatch *f = p->functions;
    for (; f != NULL && f->name != NULL && p->count < LIVEPATCH_FUNCTIONS_MAX; f++) {
        vaddr_t entry = known_entry((vaddr_t)f->function);
        if (entry == 0) {
            return fail(err, E_NOTSUP, f->name, "it has no patchable entry");
        }
        if (!hal_text_reaches(entry, (vaddr_t)f->replacement)) {
            return fail(err, E_NOTSUP, f->name, "its replacement is out of reach");
        }
        p->entries[p->count++] = entry;
    }
    return p->count == 0 || f->name != NULL
               ? fail(err, E_CORRUPT, p->name, "lists no function, or too many")
               : OK;
}

/* Read and load a file as an extension of this kernel. */
static enum status load(const char *path, struct module **out, struct loader_error *err)
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

/* A new record of a patch, not applied yet. */
static enum status make(const char *name, const struct livepatch *functions, struct patch **out,
                        struct loader_error *err)
{
    struct patch *p = heap_zalloc(sizeof(*p));
    if (p == NULL) {
        return fail(err, E_NOMEM, name, status_text(E_NOMEM));
    }
    str_copy(p->name, sizeof(p->name), name);
    p->functions = functions;
    enum status s = prepare(p, err);
    if (s != OK) {
        heap_free(p);
        return s;
    }
    list_push_back(&patches, &p->link);
    *out = p;
    return OK;
}

static enum status apply(const char *name, const struct livepatch *functions, bool is_of_file,
                         struct loader_error *err)
{
    mutex_lock(&lock);
    struct patch *p = find(name);
    enum status s = OK;
    if (p == NULL) {
        s = make(name, functions, &p, err);
    } else if (p->is_applied || p->functions != functions) {
        s = fail(err, E_EXIST, name,
                 p->is_applied ? "is applied already" : "is another patch's name");
    }
    if (s == OK) {
        list_remove(&p->link);
        list_push_back(&patches, &p->link); /* the newest counts */
        p->is_applied = true;
        p->is_of_file = is_of_file;
        lead_all(p);
    }
    mutex_unlock(&lock);
    return s;
}

enum status livepatch_apply(const char *name, const struct livepatch *functions,
                            struct loader_error *err)
{
    return apply(name, functions, false, err);
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

/* The functions of a patch that is loaded, or NULL. They stay valid. */
static const struct livepatch *loaded(const char *name)
{
    mutex_lock(&lock);
    const struct patch *p = find(name);
    mutex_unlock(&lock);
    return p == NULL ? NULL : p->functions;
}

enum status livepatch_load(const char *file, struct loader_error *err)
{
    char path[VFS_PATH_MAX], name[LIVEPATCH_NAME_MAX];
    if (!split(file, path, name)) {
        return fail(err, E_NAMETOOLONG, file, status_text(E_NAMETOOLONG));
    }
    struct module *m = NULL;
    const struct livepatch *functions = loaded(name);
    if (functions == NULL) {
        enum status s = load(path, &m, err);
        if (s != OK) {
            return s;
        }
        functions = ((const struct extension *)loader_extension(m))->patches;
    }
    enum status s = apply(name, functions, true, err);
    if (s != OK && m != NULL) {
        loader_unload(m);
    }
    return s;
}

enum status livepatch_undo(const char *name, struct loader_error *err)
{
    mutex_lock(&lock);
    struct patch *p = find(name);
    bool is_applied = p != NULL && p->is_applied;
    if (is_applied) {
        p->is_applied = false;
        lead_all(p);
        if (!p->is_of_file) {
            list_remove(&p->link);
            heap_free(p);
        }
    }
    mutex_unlock(&lock);
    return is_applied ? OK : fail(err, E_NOENT, name, "no such patch is applied");
}

static enum status trace_locked(vaddr_t function)
{
    unsigned i = stub_of(function);
    vaddr_t entry = known_entry(function);
    if (entry == 0) {
        return E_NOTSUP;
    }
    if (i == HAL_STUBS) {
        return E_NOSPC;
    }
    if (!hal_text_reaches(entry, hal_stub_address(i))) {
        return E_NOTSUP;
    }
    hal_stubs[i].function = function;
    stubs[i].entry = entry;
    stubs[i].is_traced = true;
    stub_count = MAX(stub_count, i + 1);
    lead(function, entry);
    return OK;
}

enum status livepatch_trace(vaddr_t function)
{
    mutex_lock(&lock);
    enum status s = trace_locked(function);
    mutex_unlock(&lock);
    return s;
}

void livepatch_untrace(vaddr_t function)
{
    mutex_lock(&lock);
    unsigned i = stub_of(function);
    if (i < stub_count && stubs[i].is_traced) {
        stubs[i].is_traced = false;
        lead(function, stubs[i].entry);
    }
    mutex_unlock(&lock);
}

vaddr_t livepatch_get_traced(unsigned *i)
{
    vaddr_t found = 0;
    mutex_lock(&lock);
    while (found == 0 && *i < stub_count) {
        found = stubs[*i].is_traced ? hal_stubs[*i].function : 0;
        (*i)++;
    }
    mutex_unlock(&lock);
    return found;
}

bool livepatch_get_info(uint32_t i, struct livepatch_info *out)
{
    bool found = false;
    mutex_lock(&lock);
    LIST_FOR_EACH (&patches, n) {
        const struct patch *p = CONTAINER_OF(n, struct patch, link);
        if (i-- == 0) {
            out->is_applied = p->is_applied;
            out->functions = p->functions;
            str_copy(out->name, sizeof(out->name), p->name);
            found = true;
            break;
        }
    }
    mutex_unlock(&lock);
    return found;
}
