// SPDX-License-Identifier: MIT
//
// From a disk's partition table to devices. partition_table.c reads the table, block.c keeps the
// devices.
#include "kernel/io/partition.h"

#include "kernel/base/log.h"
#include "kernel/io/block_list.h"
#include "kernel/io/partition_table.h"
#include "kernel/mm/heap.h"

static void add_all(struct block_device *disk, const struct partition_table *t)
{
    if (t->is_backup) {
        log_warn("partition", "%s: %s; the copy at the end of the disk is used", disk->name,
                 t->why);
    }
    for (uint32_t i = 0; i < t->count; i++) {
        const struct partition *p = &t->partitions[i];
        enum status s = block_add_partition(disk, p->number, p->first, p->sectors);
        if (s != OK) {
            log_error("partition", "%s%u: %s", disk->name, p->number, status_text(s));
            return;
        }
    }
    log_info("partition", "%s: %s, %u partitions", disk->name, t->scheme, t->count);
}

static void find_in(struct block_device *disk)
{
    struct partition_table *t = heap_alloc(sizeof(*t));
    enum status s = t == NULL ? E_NOMEM : partition_table_read(disk, t);
    if (s == OK) {
        add_all(disk, t);
    } else if (s == E_CORRUPT) {
        log_error("partition", "%s: its %s is not used: %s", disk->name, t->scheme, t->why);
    } else if (s != E_FORMAT) {
        log_error("partition", "%s: its partition table cannot be read: %s", disk->name,
                  status_text(s));
    }
    heap_free(t);
}

void partition_find_new(void)
{
    struct block_device *disk;
    while ((disk = block_open_new()) != NULL) {
        find_in(disk);
        block_close(disk);
    }
}
