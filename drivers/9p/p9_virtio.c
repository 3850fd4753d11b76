// SPDX-License-Identifier: MIT
//
// Virtio 9P devices: folders of the host, each with a tag, its name. The driver is an extension
// (docs/extensions.md): `mount TAG DIR` mounts one, and the one with the tag "host" is mounted at
// /host as soon as it is found. p9_virtio_io.c moves the messages.
#include "drivers/9p/p9_fs.h"
#include "drivers/9p/p9_virtio.h"

#include "drivers/virtio/pci.h"
#include "kernel/base/log.h"
#include "kernel/lib/endian.h"
#include "kernel/lib/string.h"
#include "kernel/mm/heap.h"
#include "kernel/module/additions.h"

#define DEVICE_9P     9
#define F_MOUNT_TAG   1ull
#define CONFIG_LENGTH 0u /* of the tag, 2 bytes; the tag follows */
#define CONFIG_TAG    2u

#define HOST_TAG    "host"
#define HOST_FOLDER "/host"

static struct mutex lock = MUTEX_INIT(lock, "9p devices");
static struct list devices = LIST_INIT(devices); /* [lock] */

/* ---- Sessions ---- */

static struct p9_virtio *find_locked(const char *tag) REQUIRES(lock)
{
    LIST_FOR_EACH (&devices, n) {
        struct p9_virtio *v = CONTAINER_OF(n, struct p9_virtio, link);
        if (strcmp(v->tag, tag) == 0) {
            return v;
        }
    }
    return NULL;
}

/* A session has all of a device: the protocol ends the old one when a new one begins. */
static enum status claim(const char *tag, struct p9_virtio **out)
{
    mutex_lock(&lock);
    struct p9_virtio *v = find_locked(tag);
    enum status st = v == NULL ? E_NODEV : v->is_claimed ? E_BUSY : p9_virtio_restart(v);
    if (st == OK) {
        v->is_claimed = true;
        *out = v;
    }
    mutex_unlock(&lock);
    return st;
}

void p9_virtio_close(struct p9_transport *t)
{
    struct p9_virtio *v = CONTAINER_OF(t, struct p9_virtio, transport);
    mutex_lock(&lock);
    bool is_last = v->is_removed;
    v->is_claimed = false;
    mutex_unlock(&lock);
    if (is_last) {
        heap_free(v);
    }
}

static enum status make_named(const char *tag, struct fs **out)
{
    struct p9_virtio *v;
    enum status st = claim(tag, &v);
    return st == OK ? p9_mount(&v->transport, out) : st;
}

static void mount_host(void)
{
    struct fs *fs;
    enum status st = make_named(HOST_TAG, &fs);
    if (st == OK) {
        st = vfs_mount_fs(fs, HOST_FOLDER, HOST_TAG);
    }
    if (st != OK) {
        log_error("9p", HOST_TAG ": not mounted at " HOST_FOLDER ": %s", status_text(st));
    }
}

/* ---- Devices ---- */

/* The tag comes from outside, and is compared with what is typed: other than printable characters
 * become '?'. */
static enum status read_tag(struct p9_virtio *v)
{
    uint8_t length[2];
    const struct virtio_transport *t = v->vd->transport;
    enum status st = t->read_config(v->vd, CONFIG_LENGTH, length, sizeof(length));
    size_t n = st == OK ? load_le16(length) : 0;
    if (st == OK && (n == 0 || n >= sizeof(v->tag))) {
        log_error("9p", "%s: a tag of %zu bytes", v->parent->name, n);
        st = E_NOTSUP;
    }
    if (st == OK) {
        st = t->read_config(v->vd, CONFIG_TAG, v->tag, n);
    }
    if (st == OK) {
        str_make_printable(v->tag);
    }
    return st;
}

static void shut_down(struct p9_virtio *v)
{
    if (v->queue.slots != NULL) {
        virtio_queue_close(&v->queue);
    }
    virtio_pci_close(v->vd);
    if (v->memory.cpu != NULL) {
        dma_free(v->parent, &v->memory);
    }
}

static enum status start(struct p9_virtio *v)
{
    uint64_t needed = F_MOUNT_TAG | VIRTIO_F_INDIRECT_DESC;
    enum status st = virtio_negotiate(v->vd, F_MOUNT_TAG, needed);
    if (st == OK) {
        st = read_tag(v);
    }
    if (st == OK) {
        st = dma_alloc(v->parent, P9_CALLS * sizeof(struct p9_shared), &v->memory);
    }
    if (st == OK) {
        p9_virtio_init_io(v);
        st = virtio_queue_open(v->vd, &v->queue, 0, P9_RING, p9_virtio_interrupt);
    }
    if (st == OK && v->queue.ring.size < P9_RING) {
        log_error("9p", "%s: a queue of %u", v->parent->name, v->queue.ring.size);
        st = E_NOTSUP;
    }
    if (st == OK) {
        (void)virtq_enable_interrupts(&v->queue.ring); /* nothing is in flight */
        virtio_start(v->vd);
    } else if (virtio_reset(v->vd) != OK) {
        pci_disable(pci_of(v->parent));
    }
    return st;
}

static void list_device(struct p9_virtio *v)
{
    mutex_lock(&lock);
    if (find_locked(v->tag) != NULL) {
        log_warn("9p", "%s: another device has the tag %s, too", v->parent->name, v->tag);
    }
    list_push_back(&devices, &v->link);
    mutex_unlock(&lock);
}

static bool p9_match(const struct device *dev)
{
    return virtio_pci_match(dev, DEVICE_9P);
}

static enum status p9_probe(struct device *dev)
{
    struct p9_virtio *v = heap_zalloc(sizeof(*v));
    if (v == NULL) {
        return E_NOMEM;
    }
    enum status st = virtio_pci_open(dev, 1, &v->vd);
    if (st != OK) {
        heap_free(v);
        return st;
    }
    v->parent = dev;
    v->transport =
        (struct p9_transport){.ops = &p9_virtio_ops, .name = v->tag, .data_max = P9_DATA_MAX};
    st = start(v);
    if (st != OK) {
        shut_down(v);
        heap_free(v);
        return st;
    }
    dev->driver_data = v;
    list_device(v);
    log_info("9p", "%s: %s", dev->name, v->tag);
    if (strcmp(v->tag, HOST_TAG) == 0) {
        mount_host();
    }
    return OK;
}

/* A session that is left gets errors until it is closed. */
static void p9_remove(struct device *dev)
{
    struct p9_virtio *v = dev->driver_data;
    mutex_lock(&lock);
    list_remove(&v->link);
    mutex_unlock(&lock);
    p9_virtio_stop(v, P9_GONE);
    shut_down(v);
    mutex_lock(&lock);
    v->is_removed = true;
    bool is_last = !v->is_claimed;
    mutex_unlock(&lock);
    if (is_last) {
        heap_free(v);
    }
}

static uint32_t p9_in_flight(const struct device *dev)
{
    struct p9_virtio *v = dev->driver_data;
    irq_state_t state = spin_lock_irq(&v->idle.lock);
    uint32_t busy = v->busy;
    spin_unlock_irq(&v->idle.lock, state);
    return busy;
}

static const struct fs_format format = {.name = "9p", .make_named = make_named};
static const struct fs_format *const file_systems[] = {&format, NULL};
static const struct additions added = {.file_systems = file_systems};

const struct driver p9_driver = {
    .name = "9p",
    .version = "1.0",
    .bus = &pci_bus_type,
    .match = p9_match,
    .probe = p9_probe,
    .remove = p9_remove,
    .in_flight = p9_in_flight,
    .additions = &added,
};

DRIVER_MODULE(p9_driver, "9p", "1.0", "MIT");
