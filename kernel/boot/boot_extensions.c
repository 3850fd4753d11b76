// SPDX-License-Identifier: MIT
//
// Loads extensions that come with the boot, not from a disk.

#include "hal/bootinfo.h"
#include "kernel/base/log.h"
#include "kernel/boot/boot.h"
#include "kernel/fs/vfs.h"
#include "kernel/io/host_file.h"
#include "kernel/mm/heap.h"
#include "kernel/mm/vm.h"
#include "kernel/module/driver_module.h"
#include "kernel/module/extension.h"

#define HOST_FILE HOST_FILE_FOLDER "extension"

/* The machine boots without an extension that is refused. */
static void load(const char *name, const void *bytes, size_t len)
{
    unsigned taken;
    struct loader_error err;
    if (driver_module_load_bytes(name, bytes, len, &taken, &err) != OK) {
        log_error("boot", "extension \"%s\": not loaded: %s", name, err.text);
    } else {
        log_info("boot", "extension \"%s\": loaded", name);
    }
}

/* The file is mapped only while it is loaded: the loader copies code and data to memory with the
 * right permissions. The limit is checked first, so that a huge module costs no address space. */
static void load_module(const struct boot_module *module)
{
    const void *bytes = NULL;
    if (module->len <= MODULE_FILE_MAX) {
        bytes = vm_map_module(module->base, module->len);
    }
    if (bytes == NULL) {
        log_error("boot", "extension \"%s\": not loaded: %s", module->name,
                  status_text(module->len > MODULE_FILE_MAX ? E_OVERFLOW : E_NOMEM));
        return;
    }
    load(module->name, bytes, (size_t)module->len);
    vm_unmap_module(bytes);
}

/* Most boots have no such file, so its absence is not reported. */
static void load_host_file(void)
{
    void *bytes;
    size_t len;
    enum status s = host_file_read(HOST_FILE, MODULE_FILE_MAX, &bytes, &len);
    if (s == OK) {
        load(HOST_FILE, bytes, len);
        heap_free(bytes);
    } else if (s != E_NOENT) {
        log_error("boot", "extension \"" HOST_FILE "\": not loaded: %s", status_text(s));
    }
}

static enum status load_for(const char *area, const char *file)
{
    struct loader_error err;
    enum status s = extension_add(file, &err);
    if (s != OK) {
        log_error(area, "%s", err.text);
    }
    return s;
}

/* For the root, perhaps: no disk is mounted yet. */
static enum status load_ext4(void)
{
    return load_for("ext4", "tools.ko");
}

static enum status load_ext2_writing(void)
{
    return load_for("ext2", "ext2w.ko");
}

/* A boot module that has the name of a host's file is loaded when it is needed. */
void boot_load_extensions(const struct boot_info *info)
{
    host_file_set_modules(info->modules, info->module_count);
    for (uint32_t i = 0; i < info->module_count; i++) {
        const struct boot_module *m = &info->modules[i];
        if (!host_file_is_module(m) && boot_is_extension(m)) {
            load_module(m);
        }
    }
    load_host_file();
    ext2_set_ext4_loader(load_ext4);
    ext2_set_writing_loader(load_ext2_writing);
}
