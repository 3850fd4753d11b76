// SPDX-License-Identifier: MIT
//
// The table of loaded drivers. A driver that is being loaded or unloaded is listed, too, so that
// its name is reserved and `modules` shows its state.
#include "kernel/module/driver_module.h"

#include "kernel/base/assert.h"
#include "kernel/base/log.h"
#include "kernel/fs/file_view.h"
#include "kernel/fs/vfs.h"
#include "kernel/io/partition.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"
#include "kernel/mm/heap.h"

/* An entry's state decides who may act on it. Loading: the thread that listed it. Live: claim()
 * lets exactly one thread change it to unloading. Unloading: that thread, which removes the driver
 * from its devices, waits until no reader (driver_module_get_info()) uses the entry, unlists it,
 * and frees it. The table's lock is never held while a driver's code runs. */

/* Field protection:  [I] set before it is listed   [t] table */
struct driver_module {
    struct list_node link;                   /* [t] */
    struct module *module;                   /* [I] one reference */
    const struct load_driver *note;          /* [I] */
    struct driver_registration registration; /* [I] */
    struct additions_registration additions; /* [I] added: NULL if the driver has none */
    enum driver_module_state state;          /* [t] */
    uint32_t readers; /* [t] callers of driver_module_get_info() that use it */
};

/* Its lock protects the table. A thread that unloads waits in it for readers. */
static struct wait_queue table = WAIT_QUEUE_INIT(table, "driver module in use");
static struct list loaded = LIST_INIT(loaded); /* oldest first */

static enum status fail(struct loader_error *err, enum status s, const char *name, const char *why)
{
    fmt_print(err->text, sizeof(err->text), "%s: %s", name, why);
    str_make_printable(err->text);
    return s;
}

static struct driver_module *find_locked(const char *name) REQUIRES(table.lock)
{
    LIST_FOR_EACH (&loaded, n) {
        struct driver_module *m = CONTAINER_OF(n, struct driver_module, link);
        if (strcmp(m->note->name, name) == 0) {
            return m;
        }
    }
    return NULL;
}

static bool is_linked_in(const char *name)
{
    const struct driver *d;
    for (uint32_t i = 0; (d = driver_linked(i)) != NULL; i++) {
        if (strcmp(d->name, name) == 0) {
            return true;
        }
    }
    return false;
}

/* The first thread to list a name owns it. */
static enum status list_module(struct driver_module *m, struct loader_error *err)
{
    if (is_linked_in(m->note->name)) {
        return fail(err, E_EXIST, m->note->name, "linked into the kernel");
    }
    irq_state_t state = spin_lock_irq(&table.lock);
    const struct driver_module *other = find_locked(m->note->name);
    bool is_unloading = other != NULL && other->state == DRIVER_UNLOADING;
    if (other == NULL) {
        m->state = DRIVER_LOADING;
        list_push_back(&loaded, &m->link);
    }
    spin_unlock_irq(&table.lock, state);
    if (other == NULL) {
        return OK;
    }
    return is_unloading ? fail(err, E_BUSY, m->note->name, "busy: it is being unloaded")
                        : fail(err, E_EXIST, m->note->name, "already loaded");
}

static void set_state(struct driver_module *m, enum driver_module_state to)
{
    irq_state_t state = spin_lock_irq(&table.lock);
    m->state = to;
    spin_unlock_irq(&table.lock, state);
}

/* Catches mistakes in a module's source that its compiler does not see. It is no protection against
 * malice: the module's code runs in the kernel. */
static enum status check_driver(const struct load_driver *note, const struct driver *d,
                                struct loader_error *err)
{
    bool has_driver = d->bus != NULL && d->match != NULL && d->probe != NULL && d->remove != NULL;
    /* matches no device */
    bool has_only_additions = d->additions != NULL && d->bus == NULL && d->match == NULL &&
                              d->probe == NULL && d->remove == NULL && d->in_flight == NULL;
    if (d->name == NULL || d->version == NULL || (!has_driver && !has_only_additions)) {
        return fail(err, E_CORRUPT, note->name, "its struct driver lacks a required field");
    }
    if (strcmp(d->name, note->name) != 0) {
        return fail(err, E_CORRUPT, note->name, "its struct driver has another name");
    }
    return OK;
}

static void free_module(struct driver_module *m)
{
    loader_unload(m->module);
    heap_free(m);
}

/* Undo list_module(), once no reader uses the entry. A reader may sleep in describe() while it
 * looks at the driver's devices, so the table's lock cannot be held for it; its count keeps the
 * entry alive instead. New readers may come while this thread waits, because the entry is still
 * listed. They are few and short (the command `modules`), so the wait ends. */
static void unlist_module(struct driver_module *m)
{
    irq_state_t state = spin_lock_irq(&table.lock);
    while (m->readers > 0) {
        /* Neither a deadline nor cancellation can end this wait, so the result is always OK. */
        (void)!wait_uncancellable_locked(&table, &state, WAIT_FOREVER);
    }
    list_remove(&m->link);
    spin_unlock_irq(&table.lock, state);
}

/* After list_module(), because additions cannot be undone. */
static enum status add_additions(struct driver_module *m, struct loader_error *err)
{
    if (m->additions.added == NULL) {
        return OK;
    }
    enum status s = additions_add(&m->additions, m->note->name, err);
    if (s != OK) {
        unlist_module(m);
    }
    return s;
}

/* Takes over the module's reference, also on failure. The order: check, reserve the name, add the
 * additions, bind devices, then become live. Up to additions_add() everything can be undone, and
 * after it nothing fails. driver_add() runs probe functions of the new code, so the state is still
 * "loading": an unload of the same name fails with E_BUSY instead of removing a half-bound driver.
 * partition_find_new() comes last, when a disk that the driver found can be read. */
static enum status add_module(struct module *module, unsigned *taken, struct loader_error *err)
{
    struct driver_module *m = heap_zalloc(sizeof(*m));
    if (m == NULL) {
        (void)fail(err, E_NOMEM, loader_driver(module)->name, "no memory");
        loader_unload(module);
        return E_NOMEM;
    }
    m->module = module;
    m->note = loader_driver(module);
    const struct driver *driver = (const struct driver *)(uintptr_t)m->note->address;
    m->registration = (struct driver_registration){.driver = driver, .owner = module};
    m->additions.added = driver->additions;
    enum status s = check_driver(m->note, driver, err);
    if (s == OK) {
        s = list_module(m, err);
    }
    if (s == OK) {
        s = add_additions(m, err);
    }
    if (s != OK) {
        free_module(m);
        return s;
    }
    unsigned devices = driver_add(&m->registration);
    struct additions_count added = additions_count(driver->additions);
    *taken = devices + added.commands + added.file_systems + added.formats;
    log_debug("driver", "%s %s (%s) loaded, %u devices", m->note->name, m->note->version,
              m->note->licence, devices);
    set_state(m, DRIVER_LIVE);
    partition_find_new(); /* it may have found disks */
    return OK;
}

enum status driver_module_load_bytes(const char *path, const void *bytes, size_t len,
                                     unsigned *taken, struct loader_error *err)
{
    struct module *module;
    enum status s = loader_load(LOAD_DRIVER, path, bytes, len, &module, err);
    return s == OK ? add_module(module, taken, err) : s;
}

/* A bare name means a file in the folder of modules, with or without the suffix. A path that does
 * not fit is refused, never cut: a shorter one could name another file. */
static bool find_path(const char *file, char *path, size_t len)
{
    if (strchr(file, '/') != NULL) {
        return fmt_print(path, len, "%s", file) < len;
    }
    size_t name = strlen(file), suffix = sizeof(MODULE_SUFFIX) - 1;
    bool is_whole = name > suffix && strcmp(file + name - suffix, MODULE_SUFFIX) == 0;
    return fmt_print(path, len, MODULE_FOLDER "%s%s", file, is_whole ? "" : MODULE_SUFFIX) < len;
}

enum status driver_module_load(const char *file, unsigned *taken, struct loader_error *err)
{
    char path[VFS_PATH_MAX];
    if (!find_path(file, path, sizeof(path))) {
        return fail(err, E_NAMETOOLONG, file, status_text(E_NAMETOOLONG));
    }
    struct file_view view;
    enum status s = file_view_open(path, MODULE_FILE_MAX, &view);
    if (s != OK) {
        return fail(err, s, path, status_text(s));
    }
    s = driver_module_load_bytes(path, view.bytes, view.len, taken, err);
    file_view_close(&view);
    return s;
}

/* Get the exclusive right to unload it. The state decides between two unloads of one name under the
 * table's lock; the loser reports E_BUSY. A driver with additions is refused whatever its state is,
 * because readers of additions keep pointers into its memory (additions.c). */
static enum status claim(const char *name, struct driver_module **out, struct loader_error *err)
{
    irq_state_t state = spin_lock_irq(&table.lock);
    struct driver_module *m = find_locked(name);
    bool has_additions = m != NULL && m->additions.added != NULL;
    bool is_live = m != NULL && m->state == DRIVER_LIVE && !has_additions;
    if (is_live) {
        m->state = DRIVER_UNLOADING;
    }
    spin_unlock_irq(&table.lock, state);
    if (is_live) {
        *out = m;
        return OK;
    }
    if (has_additions) {
        return fail(err, E_NOTSUP, name, "an extension: cannot be unloaded");
    }
    if (m != NULL) {
        return fail(err, E_BUSY, name, "busy: it is being loaded or unloaded");
    }
    return is_linked_in(name)
               ? fail(err, E_NOTSUP, name, "linked into the kernel: cannot be unloaded")
               : fail(err, E_NOENT, name, "no such module is loaded");
}

/* driver_remove() returns when no device uses the driver any longer and its calls in flight have
 * ended. Only then the entry leaves the table, and the code is freed last. No other thread can
 * reach `m` after unlist_module(), so its fields are read without the lock. */
enum status driver_module_unload(const char *name, struct loader_error *err)
{
    struct driver_module *m;
    enum status s = claim(name, &m, err);
    if (s != OK) {
        return s;
    }
    driver_remove(&m->registration);
    unlist_module(m);
    log_debug("driver", "%s unloaded", m->note->name);
    free_module(m);
    return OK;
}

static void count_device(void *ctx, struct device *dev, uint32_t in_flight)
{
    struct driver_module_info *info = ctx;
    if (info->devices++ == 0) {
        (void)str_copy(info->device, sizeof(info->device), dev->name);
    }
    info->in_flight += in_flight;
}

static void describe_linked(const struct driver *d, struct driver_module_info *out)
{
    *out = (struct driver_module_info){.state = DRIVER_LINKED_IN};
    (void)str_copy(out->name, sizeof(out->name), d->name);
    (void)str_copy(out->version, sizeof(out->version), d->version == NULL ? "" : d->version);
    driver_for_each_device(d, count_device, out);
}

static void describe(const struct driver_module *m, struct driver_module_info *out)
{
    memcpy(out->name, m->note->name, sizeof(out->name));
    memcpy(out->version, m->note->version, sizeof(out->version));
    memcpy(out->licence, m->note->licence, sizeof(out->licence));
    loader_get_size(m->module, &out->code_bytes, &out->data_bytes);
    out->added = additions_count(m->additions.added);
    /* While it is being loaded or unloaded, its devices may be locked for as long as a device
     * takes to answer. */
    if (out->state == DRIVER_LIVE) {
        driver_for_each_device(m->registration.driver, count_device, out);
    }
}

/* An index is not stable: a module that is unlisted between two calls makes a listing skip one. No
 * caller depends on more than that. */
static struct driver_module *hold(uint32_t i, enum driver_module_state *current)
{
    struct driver_module *found = NULL;
    irq_state_t state = spin_lock_irq(&table.lock);
    LIST_FOR_EACH (&loaded, n) {
        if (i-- == 0) {
            found = CONTAINER_OF(n, struct driver_module, link);
            found->readers++;
            *current = found->state;
            break;
        }
    }
    spin_unlock_irq(&table.lock, state);
    return found;
}

static void release(struct driver_module *m)
{
    irq_state_t state = spin_lock_irq(&table.lock);
    if (--m->readers == 0) {
        wait_wake_all_locked(&table);
    }
    spin_unlock_irq(&table.lock, state);
}

bool driver_module_get_info(uint32_t i, struct driver_module_info *out)
{
    const struct driver *d;
    uint32_t linked = 0;
    for (; (d = driver_linked(linked)) != NULL; linked++) {
        if (linked == i) {
            describe_linked(d, out);
            return true;
        }
    }
    i -= linked;
    enum driver_module_state state;
    struct driver_module *m = hold(i, &state);
    if (m == NULL) {
        return false;
    }
    *out = (struct driver_module_info){.state = state};
    describe(m, out);
    release(m);
    return true;
}
