// SPDX-License-Identifier: MIT
//
// Reads a whole file at a time. The device is open only during that.
#include "drivers/fw_cfg/fw_cfg_files.h"

#include "drivers/fw_cfg/fw_cfg.h"
#include "kernel/io/host_file.h"
#include "kernel/mm/heap.h"

static struct io_region device; /* set before the files are offered */

static enum status read_found(struct fw_cfg *f, const struct fw_cfg_file *file, size_t limit,
                              void **bytes, size_t *len)
{
    if (file->size == 0 || file->size > limit) {
        return file->size == 0 ? E_CORRUPT : E_OVERFLOW;
    }
    void *block = heap_alloc(file->size);
    if (block == NULL) {
        return E_NOMEM;
    }
    enum status s = fw_cfg_read(f, file, block, file->size);
    if (s != OK) {
        heap_free(block);
        return s;
    }
    *bytes = block;
    *len = file->size;
    return OK;
}

static enum status read_file(const char *name, size_t limit, void **bytes, size_t *len)
{
    struct fw_cfg f;
    struct fw_cfg_file file;
    enum status s = fw_cfg_open(&device, &f);
    if (s != OK) {
        return s == E_NODEV ? E_NOENT : s;
    }
    s = fw_cfg_find(&f, name, &file);
    if (s == OK) {
        s = read_found(&f, &file, limit, bytes, len);
    }
    fw_cfg_close(&f);
    return s;
}

void fw_cfg_offer_files(const struct io_region *regs)
{
    device = *regs;
    host_file_set_reader(read_file);
}
