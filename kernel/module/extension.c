// SPDX-License-Identifier: MIT
#include "kernel/module/extension.h"

#include "kernel/base/log.h"
#include "kernel/fs/vfs.h"
#include "kernel/io/host_file.h"
#include "kernel/load/loader.h"
#include "kernel/mm/heap.h"
#include "kernel/module/driver_module.h"
#include "kernel/sched/mutex.h"
#include "kernel/tty/console.h"

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
