// SPDX-License-Identifier: MIT
//
// Loading and unloading, and the registry of loaded
// modules. How a loaded program runs is in native.c.
#include "kernel/load/loader.h"

#include "kernel/base/assert.h"
#include "kernel/base/export.h"
#include "kernel/base/log.h"
#include "kernel/base/symbols.h"
#include "kernel/io/device.h"
#include "kernel/jit/backend.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"
#include "kernel/load/extension_format.h"
#include "kernel/load/bytecode/bytecode.h"
#include "kernel/load/bytecode/bytecode_format.h"
#include "kernel/load/native/module_internal.h"
#include "kernel/load/native/native_internal.h"
#include "kernel/load/typeid.h"
#include "kernel/mm/heap.h"
#include "kernel/mm/layout.h"
#include "kernel/sched/mutex.h"
#include "kernel/sched/smp.h"

#define KNOWN_MAX 128 /* names of all formats */

STATIC_ASSERT(LOAD_IDENTITY == KERNEL_IDENTITY, "front-ends see only loader.h");

/* Protects the list and the counts of references only. A module is filled without it, by the thread
 * that loads it; other threads can reach it after publish(). */
static struct mutex lock;
static const struct front_end *const *front_ends; /* [I] */
static const struct load_on_demand *on_demand;    /* [I] ends with a NULL name */
static struct list modules = LIST_INIT(modules);  /* protected by `lock`, oldest first */

void loader_init(const struct load_formats *formats)
{
    front_ends = formats->native;
    on_demand = formats->on_demand;
    mutex_init(&lock, "loader");
    typeid_init();
    codemem_init();
    native_init();
    bytecode_init(formats->bytecode, formats->on_demand);
}

/* Each front-end recognises its files by their first bytes. */
static const struct front_end *find_front_end(const void *bytes, size_t len)
{
    for (const struct front_end *const *f = front_ends; *f != NULL; f++) {
        if ((*f)->recognise(bytes, len)) {
            return *f;
        }
    }
    return NULL;
}

static bool describe(struct fault_owner *owner, uintptr_t pc, char *buf, size_t len)
{
    return module_describe_pc(CONTAINER_OF(owner, struct module, owner), pc, buf, len);
}

static uintptr_t find_function(struct fault_owner *owner, uintptr_t pc)
{
    return module_find_function(CONTAINER_OF(owner, struct module, owner), pc);
}

/* Drivers and extensions are part of the kernel: their faults are kernel panics. */
static bool decline(struct fault_owner *owner, struct fault *fault)
{
    (void)owner;
    (void)fault;
    return false;
}

/* Also for a module that was loaded only in part: everything that is missing is NULL. */
static void module_free(struct module *m)
{
    if (m->is_allocated) {
        codemem_free(&m->memory);
    }
    heap_free(m->names.symbols);
    heap_free(m->names.lines);
    heap_free(m->names.sections);
    heap_free(m->names.text);
    heap_free(m);
}

/* The text no longer moves: turn offsets into pointers. */
static void prepare_debug(struct module *m)
{
    for (uint32_t i = 0; i < m->names.section_count; i++) {
        struct module_section *s = &m->names.sections[i];
        s->name = m->names.text + s->name_at;
    }
    const char *slash = strrchr(m->name, '/');
    m->debug = (struct module_debug){.path = m->name,
                                     .name = slash == NULL ? m->name : slash + 1,
                                     .sections = m->names.sections,
                                     .section_count = m->names.section_count};
}

/* From here on the module is visible: faults in its code find it, and debuggers list it. Everything
 * that they read must be complete before. */
static void publish(struct module *m)
{
    m->owner =
        (struct fault_owner){.base = codemem_address(&m->memory, LOAD_CODE),
                             .size = m->memory.pages[LOAD_CODE] * PAGE_SIZE,
                             .name = m->name,
                             .is_kernel = m->kind != LOAD_PROGRAM,
                             .handle = m->kind != LOAD_PROGRAM ? decline : native_handle_fault,
                             .symbol = describe,
                             .function = find_function};
    if (m->owner.size != 0) {
        fault_own_code(&m->owner);
    }
    m->refs = 1;
    prepare_debug(m);
    mutex_lock(&lock);
    list_push_back(&modules, &m->link);
    module_debug_add(&m->debug);
    mutex_unlock(&lock);
}

/* An extension that is loaded on demand adds a format, which is listed already: the name of the one
 * begins with the other's. */
static bool is_on_demand(const struct bytecode_format *f)
{
    const struct load_on_demand *d = on_demand;
    while (d->name != NULL && strncmp(d->name, f->name, strlen(f->name)) != 0) {
        d++;
    }
    return d->name != NULL;
}

/* Drivers and extensions are native; programs may be in any format. */
static enum status refuse_format(struct load *load)
{
    char known[KNOWN_MAX];
    size_t used = 0;
    for (unsigned i = 0; front_ends[i] != NULL && used < sizeof known; i++) {
        used += fmt_print(known + used, sizeof known - used, "%s%s", i > 0 ? ", " : "",
                          front_ends[i]->name);
    }
    const struct bytecode_format *f;
    for (unsigned i = 0;
         load->kind == LOAD_PROGRAM && used < sizeof known && (f = bytecode_format_at(i)) != NULL;
         i++) {
        used += is_on_demand(f) ? 0 : fmt_print(known + used, sizeof known - used, ", %s", f->name);
    }
    for (const struct load_on_demand *d = on_demand;
         load->kind == LOAD_PROGRAM && used < sizeof known && d->name != NULL; d++) {
        used += fmt_print(known + used, sizeof known - used, ", %s", d->name);
    }
    return load_fail(load, E_FORMAT, "unknown format (known: %s)", known);
}

/* Read the file into code memory, then seal it: before that the code is not executable, after it
 * not writable. m->names is taken over before the status is tested: module_free() frees them in any
 * case. The order of the rest matters: codemem_seal() makes the code executable and no longer
 * writable, and smp_synchronise_fetch() comes after that and before any other CPU can be sent
 * there. */
static enum status fill(struct module *m, const void *bytes, size_t len, struct loader_error *err)
{
    struct load load = {.kind = m->kind,
                        .driver_bytes = sizeof(struct driver),
                        .driver_interface = DRIVER_INTERFACE,
                        .extension_bytes = sizeof(struct extension),
                        .identity = kernel_identity,
                        .image = {.linked = HAL_IMAGE_BASE,
                                  .len = (uint64_t)(__image_end - __image_base),
                                  .slide = layout_slide()},
                        .bytes = bytes,
                        .len = len,
                        .backend = jit_native,
                        .err = err,
                        .owner = m};
    m->format = find_front_end(bytes, len);
    if (m->format == NULL) {
        return refuse_format(&load);
    }
    enum status s = m->format->load(&load);
    m->names = load.names;
    if (s != OK) {
        return s;
    }
    s = codemem_seal(&m->memory, load.has_landing_pads);
    if (s != OK) {
        return load_fail(&load, s, "no memory to map its code");
    }
    if (m->kind != LOAD_PROGRAM) {
        /* every running thread may call it at once; a program's threads do not exist yet */
        smp_synchronise_fetch();
    }
    m->entry = (uintptr_t)load.entry;
    m->uses_fp = load.uses_fp;
    m->driver = load.driver;
    m->extension = (uintptr_t)load.extension;
    return OK;
}

/* No lock is held while the file is read: the module is not visible yet. */
enum status loader_load(enum load_kind kind, const char *name, const void *bytes, size_t len,
                        struct module **out, struct loader_error *err)
{
    struct module *m = heap_zalloc(sizeof(*m));
    if (m == NULL) {
        fmt_print(err->text, sizeof(err->text), "%s: no memory", name);
        return E_NOMEM;
    }
    m->kind = kind;
    str_copy(m->name, sizeof(m->name), name);
    enum status s = fill(m, bytes, len, err);
    if (s != OK) {
        module_free(m);
        return s;
    }
    publish(m);
    log_debug("loader", "%s: code at %p, %llu pages", m->name, (void *)m->owner.base,
              (unsigned long long)m->memory.pages[LOAD_CODE]);
    *out = m;
    return OK;
}

const struct load_driver *loader_driver(const struct module *m)
{
    ASSERT(m->kind == LOAD_DRIVER);
    return &m->driver;
}

uintptr_t loader_extension(const struct module *m)
{
    ASSERT(m->kind == LOAD_EXTENSION);
    return m->extension;
}

uintptr_t loader_code(const struct module *m)
{
    return m->owner.base;
}

void loader_get_size(const struct module *m, size_t *code_bytes, size_t *data_bytes)
{
    *code_bytes = m->owner.size;
    *data_bytes = m->data_bytes;
}

/* Drop a reference. With the last one, first remove the module from the lists, so that no other CPU
 * can find it, and then free it. No thread may run in it any more; the caller guarantees that. */
void loader_unload(struct module *m)
{
    mutex_lock(&lock);
    ASSERT(m->refs != 0);
    bool is_last = --m->refs == 0;
    if (is_last) {
        list_remove(&m->link);
        module_debug_remove(&m->debug);
    }
    mutex_unlock(&lock);
    if (!is_last) {
        return;
    }
    if (m->owner.size != 0) {
        fault_disown(&m->owner);
    }
    module_free(m);
}

/* Copies under the lock, because a module may be unloaded as soon as that is released. */
bool loader_get_info(uint32_t i, struct module_info *out)
{
    bool found = false;
    mutex_lock(&lock);
    LIST_FOR_EACH (&modules, n) {
        const struct module *m = CONTAINER_OF(n, struct module, link);
        if (i-- != 0) {
            continue;
        }
        *out = (struct module_info){.format = m->format->name,
                                    .code = m->owner.base,
                                    .code_bytes = m->owner.size,
                                    .data_bytes = m->data_bytes,
                                    .refs = m->refs};
        str_copy(out->name, sizeof(out->name), m->name);
        found = true;
        break;
    }
    mutex_unlock(&lock);
    return found;
}
