// SPDX-License-Identifier: MIT
#include "kernel/io/host_file.h"

#include "hal/bootinfo.h"
#include "kernel/lib/string.h"
#include "kernel/mm/heap.h"
#include "kernel/mm/vm.h"
#include "kernel/sched/mutex.h"

static struct mutex one_at_a_time; /* held during `reader`'s calls */
static host_file_reader_fn reader; /* [I] */

static const struct boot_module *modules; /* [I] */
static uint32_t module_count;             /* [I] */

void host_file_set_reader(host_file_reader_fn fn)
{
    mutex_init(&one_at_a_time, "host files");
    reader = fn;
}

void host_file_set_modules(const struct boot_module *first, uint32_t count)
{
    modules = first;
    module_count = count;
}

bool host_file_is_module(const struct boot_module *module)
{
    return str_has_prefix(module->name, HOST_FILE_FOLDER);
}

/* The memory of a boot module stays as it is, so it may be read again. It is mapped only meanwhile:
 * it may be anywhere. */
static enum status read_module(const struct boot_module *m, size_t limit, void **bytes, size_t *len)
{
    if (m->len == 0 || m->len > limit) {
        return m->len == 0 ? E_CORRUPT : E_OVERFLOW;
    }
    void *copy = heap_alloc((size_t)m->len);
    const void *from = copy != NULL ? vm_map_module(m->base, m->len) : NULL;
    if (from == NULL) {
        heap_free(copy);
        return E_NOMEM;
    }
    memcpy(copy, from, (size_t)m->len);
    vm_unmap_module(from);
    *bytes = copy;
    *len = (size_t)m->len;
    return OK;
}

enum status host_file_read(const char *name, size_t limit, void **bytes, size_t *len)
{
    enum status s = E_NOENT;
    if (reader != NULL) {
        mutex_lock(&one_at_a_time);
        s = reader(name, limit, bytes, len);
        mutex_unlock(&one_at_a_time);
    }
    for (uint32_t i = 0; s == E_NOENT && i < module_count; i++) {
        if (strcmp(modules[i].name, name) == 0) {
            s = read_module(&modules[i], limit, bytes, len);
        }
    }
    return s;
}
