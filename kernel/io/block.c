// SPDX-License-Identifier: MIT
//
// The block layer: checks requests, queues those for which a device
// has no room, batches notifications and counts. It neither caches
// nor reorders: file systems know their future needs better.
#include "kernel/io/block_list.h"

#include "kernel/base/assert.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"
#include "kernel/mm/heap.h"
#include "kernel/sched/mutex.h"
#include "kernel/trace/trace.h"

/* Life of a request. block_submit() checks it and passes it to the driver, under dev->lock, unless
 * others wait already. If the driver has no room (E_BUSY), it is appended to `waiting`. The driver
 * completes it from its work item: block_finish_locked() updates the counts, then `done` is called
 * without the lock. For each accepted request `done` is called exactly once, and never from inside
 * block_submit() or block_cancel(), so a submitter may hold its own locks there.
 *
 * `state` records the owner of the request: WAITING (in `waiting`), AT_DEVICE (the driver),
 * WITHDRAWN (in `withdrawn`, for the work item `withdraw`), IDLE (the submitter). It changes under
 * dev->lock.
 *
 * Notifying a device is expensive, most of all in a virtual machine. submit only queues; kick
 * notifies, once for all requests since the last kick, and not while the device is plugged.
 * Preemption is off while plugged, so a thread that holds back the notification cannot be
 * switched out.
 *
 * Removal. block_unregister() sets `gone`, which makes new submits fail, and waits for `idle`:
 * signalled under the lock by whichever of block_close() and block_finish_locked() drops the last
 * reference or request.
 *
 * Partitions. A request to a partition is checked against it, and is from then on a request to its
 * disk. So a partition never has requests; it is idle when its last reference is dropped. It is
 * removed only with its disk, which is `gone` before that. */

#define DEVICES_MAX 64
#define LOGICAL_MAX 65536u
#define SECTORS_MAX (UINT64_MAX / BLOCK_SECTOR) /* so that a position in bytes fits 64 bits */
#define SYNC_PARTS  4

enum request_state { REQUEST_IDLE, REQUEST_WAITING, REQUEST_AT_DEVICE, REQUEST_WITHDRAWN };

static struct mutex list_lock = MUTEX_INIT(list_lock, "block device list");
static struct list devices = LIST_INIT(devices); /* list_lock */
static uint64_t used_names;                      /* list_lock; bit i: name i is in use */

static struct block_request *request_of(struct list_node *n)
{
    return CONTAINER_OF(n, struct block_request, link);
}

static struct block_device *device_of(struct list_node *n)
{
    return CONTAINER_OF(n, struct block_device, link);
}

static bool is_sound(const struct block_device *dev)
{
    uint32_t block = dev->logical_block;
    return block >= BLOCK_SECTOR && block <= LOGICAL_MAX && (block & (block - 1)) == 0 &&
           dev->sectors <= SECTORS_MAX && dev->sectors % (block / BLOCK_SECTOR) == 0 &&
           dev->max_segments >= 1 && dev->max_segments <= BLOCK_SEGMENTS_MAX &&
           dev->max_bytes >= block;
}

/* Work item: complete requests that were cancelled before the device had them, so that `done` is
 * not called from block_cancel(). */
static void notify_withdrawn(struct work *work)
{
    struct block_device *dev = CONTAINER_OF(work, struct block_device, withdraw);
    struct list_node *n;
    do {
        spin_lock(&dev->lock);
        n = list_pop_front(&dev->withdrawn);
        spin_unlock(&dev->lock);
        if (n != NULL) {
            block_complete(request_of(n), E_CANCELLED);
        }
    } while (n != NULL);
}

/* vda to vdz, vdaa, ... */
static void make_name(struct block_device *dev)
{
    uint32_t i = dev->index;
    if (i < 26) {
        fmt_print(dev->name, sizeof(dev->name), "vd%c", 'a' + (int)i);
    } else {
        fmt_print(dev->name, sizeof(dev->name), "vd%c%c", 'a' + (int)(i / 26 - 1),
                  'a' + (int)(i % 26));
    }
}

void block_init(struct block_device *dev)
{
    dev->lock = (struct spinlock)SPINLOCK_INIT;
    list_init(&dev->waiting);
    list_init(&dev->withdrawn);
    dev->withdraw = (struct work){.run = notify_withdrawn};
    completion_init(&dev->idle, "block device idle");
    dev->disk = NULL;
    dev->first_sector = 0;
    dev->refs = dev->in_flight = dev->plugs = 0;
    dev->needs_kick = dev->gone = dev->was_opened = false;
    dev->reads = dev->writes = dev->flushes = dev->errors = 0;
    dev->bytes_read = dev->bytes_written = 0;
}

enum status block_register(struct block_device *dev)
{
    if (!is_sound(dev)) {
        return E_INVAL;
    }
    mutex_lock(&list_lock);
    enum status s = E_NOSPC;
    if (used_names != UINT64_MAX) {
        dev->index = (uint32_t)__builtin_ctzll(~used_names);
        used_names |= 1ull << dev->index;
        make_name(dev);
        list_push_back(&devices, &dev->link);
        s = OK;
    }
    mutex_unlock(&list_lock);
    return s;
}

/* Signal the last user of a device that is being removed. The device may be freed once the lock
 * is released. */
static void signal_if_idle_locked(struct block_device *dev) REQUIRES(dev->lock)
{
    if (dev->gone && dev->refs == 0 && dev->in_flight == 0) {
        completion_signal(&dev->idle);
    }
}

/* The partitions of a disk follow it in the list. */
static struct list_node *after_partitions_locked(const struct block_device *disk)
    REQUIRES(list_lock)
{
    struct list_node *n = disk->link.next;
    while (n != &devices.head && device_of(n)->disk == disk) {
        n = n->next;
    }
    return n;
}

enum status block_add_partition(struct block_device *disk, uint32_t number, uint64_t first,
                                uint64_t sectors)
{
    struct block_device *dev = heap_zalloc(sizeof(*dev));
    if (dev == NULL) {
        return E_NOMEM;
    }
    dev->sectors = sectors;
    dev->logical_block = disk->logical_block;
    dev->max_segments = disk->max_segments;
    dev->max_bytes = disk->max_bytes;
    dev->read_only = disk->read_only;
    dev->can_flush = disk->can_flush;
    dev->parent = disk->parent;
    block_init(dev);
    dev->disk = disk;
    dev->first_sector = first;
    dev->was_opened = true;
    enum status s = E_NAMETOOLONG;
    if (fmt_print(dev->name, sizeof(dev->name), "%s%u", disk->name, number) < sizeof(dev->name)) {
        mutex_lock(&list_lock);
        s = list_is_linked(&disk->link) ? OK : E_NODEV;
        if (s == OK) {
            list_insert_before(after_partitions_locked(disk), &dev->link);
        }
        mutex_unlock(&list_lock);
    }
    if (s != OK) {
        heap_free(dev);
    }
    return s;
}

static void refuse_requests(struct block_device *dev)
{
    spin_lock(&dev->lock);
    dev->gone = true;
    signal_if_idle_locked(dev);
    spin_unlock(&dev->lock);
}

static void wait_until_idle(struct block_device *dev)
{
    enum status s = completion_wait_uncancellable(&dev->idle, WAIT_FOREVER);
    ASSERT(s == OK);

    /* After this the signalling thread has released the lock, too, and no `done` called from
     * `withdraw` is running. */
    spin_lock(&dev->lock);
    spin_unlock(&dev->lock);
}

void block_unregister(struct block_device *dev)
{
    struct list partitions = LIST_INIT(partitions);
    struct list_node *n;
    mutex_lock(&list_lock);
    struct list_node *end = after_partitions_locked(dev);
    while ((n = dev->link.next) != end) {
        list_remove(n);
        list_push_back(&partitions, n);
    }
    list_remove(&dev->link);
    used_names &= ~(1ull << dev->index);
    mutex_unlock(&list_lock);

    refuse_requests(dev);
    while ((n = list_pop_front(&partitions)) != NULL) {
        refuse_requests(device_of(n));
        wait_until_idle(device_of(n));
        heap_free(device_of(n));
    }
    wait_until_idle(dev);
    work_cancel(&dev->withdraw);
}

static void get(struct block_device *dev)
{
    spin_lock(&dev->lock);
    dev->refs++;
    spin_unlock(&dev->lock);
}

struct block_device *block_open(const char *name)
{
    struct block_device *found = NULL;
    mutex_lock(&list_lock);
    LIST_FOR_EACH (&devices, n) {
        struct block_device *dev = device_of(n);
        if (strcmp(dev->name, name) == 0) {
            get(dev);
            found = dev;
            break;
        }
    }
    mutex_unlock(&list_lock);
    return found;
}

struct block_device *block_open_new(void)
{
    struct block_device *found = NULL;
    mutex_lock(&list_lock);
    LIST_FOR_EACH (&devices, n) {
        struct block_device *dev = device_of(n);
        if (!dev->was_opened) {
            dev->was_opened = true;
            get(dev);
            found = dev;
            break;
        }
    }
    mutex_unlock(&list_lock);
    return found;
}

void block_close(struct block_device *dev)
{
    spin_lock(&dev->lock);
    ASSERT(dev->refs > 0);
    dev->refs--;
    signal_if_idle_locked(dev);
    spin_unlock(&dev->lock);
}

void block_for_each(void (*fn)(void *ctx, struct block_device *dev), void *ctx)
{
    mutex_lock(&list_lock);
    LIST_FOR_EACH (&devices, n) {
        fn(ctx, device_of(n));
    }
    mutex_unlock(&list_lock);
}

static enum status check_transfer(const struct block_device *dev, struct block_request *req)
{
    uint64_t bytes = 0;
    if (req->segment_count == 0 || req->segment_count > dev->max_segments) {
        return E_INVAL;
    }
    for (uint32_t i = 0; i < req->segment_count; i++) {
        uint32_t len = req->segments[i].len;
        if (len == 0 || len % BLOCK_SECTOR != 0) {
            return E_INVAL;
        }
        bytes += len;
    }
    uint32_t mask = dev->logical_block - 1; /* logical_block is a power of two */
    if (bytes > dev->max_bytes || (bytes & mask) != 0 || (req->sector & mask / BLOCK_SECTOR) != 0) {
        return E_INVAL;
    }
    uint64_t count = bytes / BLOCK_SECTOR;
    if (req->sector > dev->sectors || count > dev->sectors - req->sector) {
        return E_RANGE;
    }
    req->bytes = (uint32_t)bytes;
    return OK;
}

static enum status check(const struct block_device *dev, struct block_request *req)
{
    if (dev->read_only && req->op != BLOCK_READ) {
        return E_ROFS;
    }
    switch (req->op) {
    case BLOCK_READ:
    case BLOCK_WRITE:
        return check_transfer(dev, req);
    case BLOCK_FLUSH:
        req->bytes = 0;
        return !dev->can_flush ? E_NOTSUP : req->segment_count != 0 ? E_INVAL : OK;
    }
    return E_INVAL;
}

static void kick_locked(struct block_device *dev) REQUIRES(dev->lock)
{
    if (dev->needs_kick && dev->plugs == 0) {
        dev->needs_kick = false;
        dev->ops->kick(dev);
    }
}

/* Pass a request to the driver; may return E_BUSY. */
static enum status hand_over_locked(struct block_device *dev, struct block_request *req)
    REQUIRES(dev->lock)
{
    req->state = REQUEST_AT_DEVICE;
    enum status s = dev->ops->submit(dev, req);
    if (s == OK) {
        dev->needs_kick = true;
    }
    return s;
}

static NOINLINE void record_begin(const struct block_device *dev, const struct block_request *req)
{
    trace_record(TRACE_BLOCK, (uint32_t)req->op | dev->index << 8, (uintptr_t)req,
                 req->disk_sector | (uint64_t)(req->bytes / BLOCK_SECTOR) << TRACE_SECTOR_BITS);
}

static enum status submit_locked(struct block_device *dev, struct block_request *req)
    REQUIRES(dev->lock)
{
    if (dev->gone) {
        return E_NODEV;
    }
    enum status s = E_BUSY; /* waiting requests go first */
    if (list_is_empty(&dev->waiting)) {
        s = hand_over_locked(dev, req);
    }
    if (s == E_BUSY) {
        req->state = REQUEST_WAITING;
        list_push_back(&dev->waiting, &req->link);
        s = OK;
    }
    if (s == OK) {
        dev->in_flight++;
        if (trace_is_on()) {
            record_begin(dev, req);
        }
    }
    return s;
}

static struct block_device *disk_of(struct block_device *dev)
{
    return dev->disk != NULL ? dev->disk : dev;
}

enum status block_submit(struct block_device *dev, struct block_request *req)
{
    enum status s = check(dev, req);
    if (s != OK) {
        return s;
    }
    struct block_device *disk = disk_of(dev);
    req->dev = disk;
    req->disk_sector = dev->first_sector + req->sector;
    spin_lock(&disk->lock);
    s = submit_locked(disk, req);
    kick_locked(disk);
    spin_unlock(&disk->lock);
    return s;
}

void block_plug(struct block_device *dev)
{
    struct block_device *disk = disk_of(dev);
    preempt_disable();
    spin_lock(&disk->lock);
    disk->plugs++;
    spin_unlock(&disk->lock);
}

void block_unplug(struct block_device *partition)
{
    struct block_device *dev = disk_of(partition);
    spin_lock(&dev->lock);
    ASSERT(dev->plugs > 0);
    dev->plugs--;
    kick_locked(dev);
    spin_unlock(&dev->lock);
    preempt_enable();
}

void block_cancel(struct block_request *req)
{
    struct block_device *dev = req->dev;
    bool is_withdrawn = false;
    spin_lock(&dev->lock);
    if (req->state == REQUEST_WAITING) {
        list_remove(&req->link);
        is_withdrawn = true;
    } else if (req->state == REQUEST_AT_DEVICE) {
        is_withdrawn = dev->ops->cancel(dev, req);
    }
    if (is_withdrawn) {
        req->state = REQUEST_WITHDRAWN;
        list_push_back(&dev->withdrawn, &req->link);
        work_queue(&dev->withdraw);
    }
    spin_unlock(&dev->lock);
}

static void count_locked(struct block_device *dev, const struct block_request *req,
                         enum status result) REQUIRES(dev->lock)
{
    if (result != OK) {
        dev->errors += result != E_CANCELLED;
        return;
    }
    switch (req->op) {
    case BLOCK_READ:
        dev->reads++;
        dev->bytes_read += req->bytes;
        break;
    case BLOCK_WRITE:
        dev->writes++;
        dev->bytes_written += req->bytes;
        break;
    case BLOCK_FLUSH:
        dev->flushes++;
        break;
    }
}

/* The analysis cannot know that the caller holds the lock of req->dev. */
void block_finish_locked(struct block_request *req, enum status result) NO_LOCK_ANALYSIS
{
    struct block_device *dev = req->dev;
    ASSERT(dev->in_flight > 0 && req->state != REQUEST_IDLE);
    req->state = REQUEST_IDLE;
    req->result = result;
    count_locked(dev, req, result);
    trace(TRACE_BLOCK_END, 0, (uintptr_t)req, (uint64_t)(int64_t)result);
    dev->in_flight--;
    signal_if_idle_locked(dev);
}

void block_complete(struct block_request *req, enum status result)
{
    struct block_device *dev = req->dev;
    spin_lock(&dev->lock);
    block_finish_locked(req, result);
    spin_unlock(&dev->lock);
    /* The device may be freed from here on; the request still belongs to the submitter. */
    req->done(req);
}

/* Submit waiting requests until the driver has no room. A request that it refuses now is completed
 * with the error at once, without the lock. */
static void submit_waiting_locked(struct block_device *dev) REQUIRES(dev->lock)
{
    struct list_node *n;
    while ((n = list_pop_front(&dev->waiting)) != NULL) {
        struct block_request *req = request_of(n);
        enum status s = hand_over_locked(dev, req);
        if (s == E_BUSY) {
            req->state = REQUEST_WAITING;
            list_push_front(&dev->waiting, n);
            return;
        }
        if (s != OK) {
            block_finish_locked(req, s);
            spin_unlock(&dev->lock);
            req->done(req);
            spin_lock(&dev->lock);
        }
    }
}

void block_restart(struct block_device *dev)
{
    spin_lock(&dev->lock);
    submit_waiting_locked(dev);
    kick_locked(dev);
    spin_unlock(&dev->lock);
}

/* Plugged meanwhile: `done` functions often submit the next request, and all of them are notified
 * by one kick at the end. */
void block_complete_batch_locked(struct block_device *dev, struct block_request *const *reqs,
                                 unsigned count)
{
    dev->plugs++;
    spin_unlock(&dev->lock);
    for (unsigned i = 0; i < count; i++) {
        reqs[i]->done(reqs[i]);
    }
    spin_lock(&dev->lock);
    submit_waiting_locked(dev);
    dev->plugs--;
    kick_locked(dev);
}

struct sync_part {
    struct block_request req;
    struct block_segment segment;
    struct completion done;
};

static void sync_done(struct block_request *req)
{
    struct sync_part *part = CONTAINER_OF(req, struct sync_part, req);
    completion_signal(&part->done);
}

static enum status start_part(struct block_device *dev, struct sync_part *part, enum block_op op,
                              uint64_t sector, void *data, uint32_t len)
{
    part->segment = (struct block_segment){.data = data, .len = len};
    part->req = (struct block_request){.op = op,
                                       .sector = sector,
                                       .segment_count = op == BLOCK_FLUSH ? 0 : 1,
                                       .segments = &part->segment,
                                       .done = sync_done};
    completion_init(&part->done, "block I/O");
    return block_submit(dev, &part->req);
}

/* The device owns the buffer until it completes the request, so the wait cannot be cancelled, even
 * for a program that is being killed. */
static enum status finish_part(struct sync_part *part)
{
    enum status s = completion_wait_uncancellable(&part->done, WAIT_FOREVER);
    ASSERT(s == OK);
    return part->req.result;
}

static enum status transfer(struct block_device *dev, enum block_op op, uint64_t sector,
                            uint8_t *data, size_t len)
{
    if (len % dev->logical_block != 0) {
        return E_INVAL;
    }
    /* Several parts in flight, so that the device always has work; all started parts are waited for
     * even after an error, because they are on this stack. */
    struct sync_part parts[SYNC_PARTS];
    uint32_t most = ALIGN_DOWN(dev->max_bytes, dev->logical_block);
    enum status s = OK;
    while (len > 0 && s == OK) {
        unsigned count = 0;
        block_plug(dev);
        while (count < SYNC_PARTS && len > 0 && s == OK) {
            uint32_t n = (uint32_t)MIN(len, (size_t)most);
            s = start_part(dev, &parts[count], op, sector, data, n);
            if (s == OK) {
                count++;
                sector += n / BLOCK_SECTOR;
                data += n;
                len -= n;
            }
        }
        block_unplug(dev);
        for (unsigned i = 0; i < count; i++) {
            enum status r = finish_part(&parts[i]);
            s = s == OK ? r : s;
        }
    }
    return s;
}

enum status block_read(struct block_device *dev, uint64_t sector, void *buf, size_t len)
{
    return transfer(dev, BLOCK_READ, sector, buf, len);
}

enum status block_write(struct block_device *dev, uint64_t sector, const void *buf, size_t len)
{
    /* the device only reads from it */
    return transfer(dev, BLOCK_WRITE, sector, (uint8_t *)(uintptr_t)buf, len);
}

enum status block_flush(struct block_device *dev)
{
    if (!dev->can_flush || dev->read_only) {
        return OK;
    }
    struct sync_part part;
    enum status s = start_part(dev, &part, BLOCK_FLUSH, 0, NULL, 0);
    return s == OK ? finish_part(&part) : s;
}
