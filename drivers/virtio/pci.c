// SPDX-License-Identifier: MIT
//
// Virtio over PCI: finding the registers through the device's capabilities, which are checked, and
// the interrupts of the queues.
#include "drivers/virtio/pci.h"

#include "drivers/pci/regs.h"
#include "kernel/base/assert.h"
#include "kernel/base/log.h"
#include "kernel/lib/endian.h"
#include "kernel/mm/heap.h"

#define VENDOR_VIRTIO     0x1af4
#define DEVICE_MODERN     0x1040 /* plus the device type */
#define DEVICE_TRANS_LOW  0x1000
#define DEVICE_TRANS_HIGH 0x103f

/* A capability, 4.1.4: offsets from its start. */
enum {
    CAP_LENGTH = 2,
    CAP_TYPE = 3,
    CAP_BAR = 4,
    CAP_OFFSET = 8,
    CAP_AREA_LENGTH = 12,
    CAP_SIZE = 16,
    CAP_NOTIFY_MULTIPLIER = 16,
    CAP_NOTIFY_SIZE = 20,
};

enum area_kind { AREA_COMMON = 1, AREA_NOTIFY, AREA_ISR, AREA_DEVICE, AREA_KINDS };

/* Common configuration, 4.1.4.3. */
enum {
    COMMON_OFFERED_SELECT = 0x00,
    COMMON_OFFERED = 0x04,
    COMMON_ACCEPTED_SELECT = 0x08,
    COMMON_ACCEPTED = 0x0c,
    COMMON_STATUS = 0x14,
    COMMON_GENERATION = 0x15,
    COMMON_QUEUE_SELECT = 0x16,
    COMMON_QUEUE_SIZE = 0x18,
    COMMON_QUEUE_VECTOR = 0x1a,
    COMMON_QUEUE_ENABLE = 0x1c,
    COMMON_QUEUE_NOTIFY_OFFSET = 0x1e,
    COMMON_QUEUE_DESC = 0x20,
    COMMON_QUEUE_AVAIL = 0x28,
    COMMON_QUEUE_USED = 0x30,
    COMMON_SIZE = 0x38,
};

#define ISR_QUEUES 0x1u
#define CONFIG_MAX 4096u

/* Attempts to read the configuration while the device
 * changes it. After these the device counts as broken. */
#define GENERATION_TRIES 16

struct area {
    uint8_t bar;
    uint32_t offset, len; /* len 0: the device has none */
};

/* Field protection:  [I] set before the first queue is connected   [q] changed only while the
 * vectors concerned are released, read by their handlers */
struct virtio_pci {
    struct virtio_device vd;
    struct pci_device *pci;               /* [I] */
    struct io_region common, isr, config; /* [I] config.len 0: none */
    struct area notify;                   /* [I] */
    uint32_t notify_multiplier;           /* [I] */
    uint32_t users;                       /* queues that are connected */
    uint16_t queue_count;                 /* [I] */
    struct virtio_queue *queues[];        /* [q] by index, NULL: not connected */
};

static struct virtio_pci *owner_of(struct virtio_device *vd)
{
    return CONTAINER_OF(vd, struct virtio_pci, vd);
}

bool virtio_pci_match(const struct device *dev, uint16_t device_type)
{
    const struct pci_device *d = pci_of_const(dev);
    if (d->vendor != VENDOR_VIRTIO) {
        return false;
    }
    if (d->device >= DEVICE_TRANS_LOW && d->device <= DEVICE_TRANS_HIGH) {
        return d->subsystem_device == device_type;
    }
    return d->device == DEVICE_MODERN + device_type;
}

static uint8_t pci_transport_read_status(struct virtio_device *vd)
{
    return io_read8(&owner_of(vd)->common, COMMON_STATUS);
}

static void pci_transport_write_status(struct virtio_device *vd, uint8_t status)
{
    io_write8(&owner_of(vd)->common, COMMON_STATUS, status);
}

static uint64_t pci_transport_offered(struct virtio_device *vd)
{
    const struct io_region *r = &owner_of(vd)->common;
    io_write32(r, COMMON_OFFERED_SELECT, 0);
    uint64_t low = io_read32(r, COMMON_OFFERED);
    io_write32(r, COMMON_OFFERED_SELECT, 1);
    return low | (uint64_t)io_read32(r, COMMON_OFFERED) << 32;
}

static void pci_transport_accept(struct virtio_device *vd, uint64_t features)
{
    const struct io_region *r = &owner_of(vd)->common;
    io_write32(r, COMMON_ACCEPTED_SELECT, 0);
    io_write32(r, COMMON_ACCEPTED, (uint32_t)features);
    io_write32(r, COMMON_ACCEPTED_SELECT, 1);
    io_write32(r, COMMON_ACCEPTED, (uint32_t)(features >> 32));
}

/* 4.1.3.1: a field is read with its own width, a 64-bit one as two halves. */
static void read_naturally(const struct io_region *r, size_t offset, uint8_t *out, size_t len)
{
    while (len > 0) {
        size_t n = 1;
        if (offset % 4 == 0 && len >= 4) {
            store_le32(out, io_read32(r, offset));
            n = 4;
        } else if (offset % 2 == 0 && len >= 2) {
            store_le16(out, io_read16(r, offset));
            n = 2;
        } else {
            *out = io_read8(r, offset);
        }
        offset += n;
        out += n;
        len -= n;
    }
}

static enum status pci_transport_read_config(struct virtio_device *vd, size_t offset, void *buf,
                                             size_t len)
{
    struct virtio_pci *p = owner_of(vd);
    uint8_t *bytes = buf;
    if (len > p->config.len || offset > p->config.len - len) {
        return E_RANGE;
    }
    for (int i = 0; i < GENERATION_TRIES; i++) {
        uint8_t before = io_read8(&p->common, COMMON_GENERATION);
        read_naturally(&p->config, offset, bytes, len);
        if (io_read8(&p->common, COMMON_GENERATION) == before) {
            return OK;
        }
    }
    return E_IO;
}

static enum status pci_transport_write_config8(struct virtio_device *vd, size_t offset,
                                               uint8_t value)
{
    struct virtio_pci *p = owner_of(vd);
    if (offset >= p->config.len) {
        return E_RANGE;
    }
    io_write8(&p->config, offset, value);
    return OK;
}

static uint16_t pci_transport_queue_max(struct virtio_device *vd, uint16_t index)
{
    struct virtio_pci *p = owner_of(vd);
    if (index >= p->queue_count) {
        return 0;
    }
    io_write16(&p->common, COMMON_QUEUE_SELECT, index);
    return io_read16(&p->common, COMMON_QUEUE_SIZE);
}

static void write_address(const struct io_region *r, size_t at, uint64_t bus)
{
    io_write32(r, at, (uint32_t)bus);
    io_write32(r, at + 4, (uint32_t)(bus >> 32));
}

static void call_queues(struct virtio_pci *p)
{
    for (uint16_t i = 0; i < p->queue_count; i++) {
        if (p->queues[i] != NULL) {
            p->queues[i]->interrupt(p->queues[i]);
        }
    }
}

/* The vector belongs to one queue. */
static enum irq_result queue_interrupt(void *ctx)
{
    struct virtio_queue *q = ctx;
    q->interrupt(q);
    return IRQ_HANDLED;
}

/* The vector belongs to all queues. */
static enum irq_result shared_interrupt(void *ctx)
{
    call_queues(ctx);
    return IRQ_HANDLED;
}

/* Other devices may share a line. Reading the ISR register shows whether this device raised it, and
 * lowers the line. */
static enum irq_result line_interrupt(void *ctx)
{
    struct virtio_pci *p = ctx;
    uint8_t isr = io_read8(&p->isr, 0);
    if ((isr & ISR_QUEUES) != 0) {
        call_queues(p);
    }
    return isr != 0 ? IRQ_HANDLED : IRQ_NOT_MINE;
}

static bool has_own_vectors(const struct virtio_pci *p)
{
    return p->pci->irq_kind == PCI_IRQ_MSIX && p->pci->vector_count >= p->queue_count;
}

static enum status attach_handler(struct virtio_pci *p, struct virtio_queue *q)
{
    const char *name = p->pci->dev.name;
    if (has_own_vectors(p)) {
        return pci_irq_request(p->pci, q->index, queue_interrupt, q, name);
    }
    if (p->users > 0) {
        return OK; /* the first queue attached the common handler */
    }
    bool has_isr = p->pci->irq_kind != PCI_IRQ_MSIX;
    return pci_irq_request(p->pci, 0, has_isr ? line_interrupt : shared_interrupt, p, name);
}

static void detach_handler(struct virtio_pci *p, const struct virtio_queue *q)
{
    if (has_own_vectors(p)) {
        pci_irq_release(p->pci, q->index);
    } else if (p->users == 0) {
        pci_irq_release(p->pci, 0);
    }
}

/* 4.1.4.4: each queue has an offset into the notification area for its doorbell, in units that the
 * device defines. */
static enum status map_doorbell(struct virtio_pci *p, struct virtio_queue *q)
{
    uint64_t at =
        (uint64_t)io_read16(&p->common, COMMON_QUEUE_NOTIFY_OFFSET) * p->notify_multiplier;
    if (p->notify.len < 2 || at > p->notify.len - 2 || (p->notify.offset + at) % 2 != 0) {
        log_error("virtio", "%s: queue %u's doorbell is outside its area", p->pci->dev.name,
                  q->index);
        return E_CORRUPT;
    }
    return pci_map_bar(p->pci, p->notify.bar, p->notify.offset + at, 2, &q->doorbell);
}

/* The register reads NO_VECTOR if the device did not accept the vector. */
static enum status set_vector(struct virtio_pci *p, const struct virtio_queue *q)
{
    if (p->pci->irq_kind != PCI_IRQ_MSIX) {
        return OK;
    }
    uint16_t vector = has_own_vectors(p) ? q->index : 0;
    io_write16(&p->common, COMMON_QUEUE_VECTOR, vector);
    return io_read16(&p->common, COMMON_QUEUE_VECTOR) == vector ? OK : E_NOSPC;
}

static enum status pci_transport_connect(struct virtio_device *vd, struct virtio_queue *q)
{
    struct virtio_pci *p = owner_of(vd);
    const struct io_region *r = &p->common;
    ASSERT(q->index < p->queue_count && p->queues[q->index] == NULL);
    io_write16(r, COMMON_QUEUE_SELECT, q->index);
    enum status s = map_doorbell(p, q);
    if (s != OK) {
        return s;
    }
    s = set_vector(p, q);
    if (s != OK) {
        goto unmap;
    }
    p->queues[q->index] = q;
    s = attach_handler(p, q);
    if (s != OK) {
        p->queues[q->index] = NULL;
        goto unmap;
    }
    p->users++;
    struct virtq_layout l = virtq_layout(q->ring.size);
    io_write16(r, COMMON_QUEUE_SIZE, q->ring.size);
    write_address(r, COMMON_QUEUE_DESC, q->memory.bus.raw);
    write_address(r, COMMON_QUEUE_AVAIL, q->memory.bus.raw + l.avail);
    write_address(r, COMMON_QUEUE_USED, q->memory.bus.raw + l.used);
    io_write16(r, COMMON_QUEUE_ENABLE, 1);
    return OK;

unmap:
    pci_unmap_bar(&q->doorbell);
    return s;
}

static void pci_transport_disconnect(struct virtio_device *vd, struct virtio_queue *q)
{
    struct virtio_pci *p = owner_of(vd);
    p->users--;
    detach_handler(p, q);
    p->queues[q->index] = NULL;
    pci_unmap_bar(&q->doorbell);
}

static const struct virtio_transport pci_transport = {
    .name = "pci",
    .read_status = pci_transport_read_status,
    .write_status = pci_transport_write_status,
    .offered = pci_transport_offered,
    .accept = pci_transport_accept,
    .read_config = pci_transport_read_config,
    .write_config8 = pci_transport_write_config8,
    .queue_max = pci_transport_queue_max,
    .connect = pci_transport_connect,
    .disconnect = pci_transport_disconnect,
};

/* 4.1.4.1: use the first valid capability of a kind. */
static bool find_area(const struct pci_device *d, enum area_kind kind, uint32_t least,
                      struct area *out, unsigned *where)
{
    unsigned size = kind == AREA_NOTIFY ? CAP_NOTIFY_SIZE : CAP_SIZE;
    unsigned cap = 0;
    while ((cap = pci_find_capability(d, PCI_CAP_VENDOR, cap)) != 0) {
        if (pci_read8(d, cap + CAP_TYPE) != kind || pci_read8(d, cap + CAP_LENGTH) < size ||
            cap + size > 256) {
            continue;
        }
        struct area a = {
            .bar = pci_read8(d, cap + CAP_BAR),
            .offset = pci_read32(d, cap + CAP_OFFSET),
            .len = pci_read32(d, cap + CAP_AREA_LENGTH),
        };
        if (a.bar < PCI_BARS && a.len >= least && d->bar[a.bar].is_placed &&
            (uint64_t)a.offset + a.len <= d->bar[a.bar].size) {
            *out = a;
            *where = cap;
            return true;
        }
    }
    return false;
}

static enum status map_area(struct virtio_pci *p, enum area_kind kind, uint32_t least,
                            struct io_region *out)
{
    struct area a;
    unsigned cap;
    /* 4.1.4.3, 4.1.4.6: at another address the fields cannot be read with their own widths. */
    uint32_t align = kind == AREA_ISR ? 1 : 4;
    if (!find_area(p->pci, kind, least, &a, &cap) || a.offset % align != 0) {
        return E_CORRUPT;
    }
    uint32_t len = kind == AREA_DEVICE ? MIN(a.len, CONFIG_MAX) : least;
    return pci_map_bar(p->pci, a.bar, a.offset, len, out);
}

static void unmap_registers(struct virtio_pci *p)
{
    struct io_region *const mapped[] = {&p->common, &p->isr, &p->config};
    for (size_t i = 0; i < ARRAY_COUNT(mapped); i++) {
        if (mapped[i]->len > 0) {
            pci_unmap_bar(mapped[i]);
        }
    }
}

static enum status map_registers(struct virtio_pci *p)
{
    unsigned cap;
    enum status s = map_area(p, AREA_COMMON, COMMON_SIZE, &p->common);
    if (s == OK) {
        s = map_area(p, AREA_ISR, 1, &p->isr);
    }
    if (s == OK && !find_area(p->pci, AREA_NOTIFY, 2, &p->notify, &cap)) {
        s = E_CORRUPT;
    }
    if (s != OK) {
        return s;
    }
    p->notify_multiplier = pci_read32(p->pci, cap + CAP_NOTIFY_MULTIPLIER);
    /* A device need not have its own configuration. */
    s = map_area(p, AREA_DEVICE, 1, &p->config);
    return s == E_CORRUPT ? OK : s;
}

static enum status check_modern(const struct pci_device *d)
{
    if (pci_find_capability(d, PCI_CAP_VENDOR, 0) != 0) {
        return OK;
    }
    log_error("virtio", "%s: legacy device: virtio 1.0 or later is needed", d->dev.name);
    return E_NOTSUP;
}

enum status virtio_pci_open(struct device *dev, uint16_t queues, struct virtio_device **out)
{
    struct pci_device *d = pci_of(dev);
    ASSERT(queues > 0);
    enum status s = check_modern(d);
    if (s != OK) {
        return s;
    }
    struct virtio_pci *p = heap_zalloc(sizeof(*p) + queues * sizeof(p->queues[0]));
    if (p == NULL) {
        return E_NOMEM;
    }
    p->pci = d;
    p->queue_count = queues;
    p->vd.transport = &pci_transport;
    p->vd.parent = dev;
    s = pci_enable(d, true);
    if (s != OK) {
        goto free;
    }
    s = map_registers(p);
    if (s != OK) {
        log_error("virtio", "%s: registers: %s", dev->name, status_text(s));
        goto unmap;
    }
    s = pci_irq_setup(d, queues);
    if (s != OK) {
        log_error("virtio", "%s: interrupts: %s", dev->name, status_text(s));
        goto unmap;
    }
    *out = &p->vd;
    return OK;

unmap:
    unmap_registers(p);
    pci_disable(d);
free:
    heap_free(p);
    return s;
}

void virtio_pci_close(struct virtio_device *vd)
{
    struct virtio_pci *p = owner_of(vd);
    ASSERT(p->users == 0);
    pci_irq_teardown(p->pci);
    unmap_registers(p);
    pci_disable(p->pci);
    heap_free(p);
}
