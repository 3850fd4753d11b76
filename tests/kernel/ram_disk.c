// SPDX-License-Identifier: MIT
//
// See ram_disk.h.
#include "tests/kernel/ram_disk.h"

#include "kernel/lib/compiler.h"
#include "kernel/lib/string.h"
#include "kernel/mm/heap.h"
#include "kernel/test/test.h"

static struct ram_disk *disk_of(struct block_device *dev)
{
    return CONTAINER_OF(dev, struct ram_disk, dev);
}

static void finish_requests(struct work *work)
{
    struct ram_disk *d = CONTAINER_OF(work, struct ram_disk, work);
    struct list_node *n;
    do {
        spin_lock(&d->dev.lock);
        n = list_pop_front(&d->done);
        spin_unlock(&d->dev.lock);
        if (n != NULL) {
            block_complete(CONTAINER_OF(n, struct block_request, link), OK);
        }
    } while (n != NULL);
}

static enum status submit(struct block_device *dev, struct block_request *req)
{
    struct ram_disk *d = disk_of(dev);
    uint8_t *at = d->bytes + req->sector * BLOCK_SECTOR;
    for (uint32_t i = 0; i < req->segment_count; i++) {
        bool is_read = req->op == BLOCK_READ;
        memcpy(is_read ? req->segments[i].data : at, is_read ? at : req->segments[i].data,
               req->segments[i].len);
        at += req->segments[i].len;
    }
    list_push_back(&d->done, &req->link);
    return OK;
}

static void kick(struct block_device *dev)
{
    (void)work_queue(&disk_of(dev)->work);
}

static bool cancel(struct block_device *dev, struct block_request *req)
{
    (void)dev, (void)req;
    return false;
}

static const struct block_ops ops = {.submit = submit, .kick = kick, .cancel = cancel};

bool ram_disk_add(struct ram_disk *d, size_t len)
{
    *d = (struct ram_disk){.bytes = heap_zalloc(len), .work = {.run = finish_requests}};
    if (d->bytes == NULL) {
        test_fail(__FILE__, __LINE__, "no memory");
        return false;
    }
    list_init(&d->done);
    d->dev.ops = &ops;
    d->dev.sectors = len / BLOCK_SECTOR;
    d->dev.logical_block = BLOCK_SECTOR;
    d->dev.max_segments = 4;
    d->dev.max_bytes = 16384;
    block_init(&d->dev);
    enum status s = block_register(&d->dev);
    TEST_EQUAL(s, OK);
    if (s != OK) {
        heap_free(d->bytes);
    }
    return s == OK;
}

void ram_disk_remove(struct ram_disk *d)
{
    block_unregister(&d->dev);
    work_cancel(&d->work);
    heap_free(d->bytes);
}
