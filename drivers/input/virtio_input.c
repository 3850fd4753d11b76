// SPDX-License-Identifier: MIT
//
// Virtio input devices (virtio 1.2, section 5.8) as keyboards. Events of type EV_KEY go to
// kernel/tty/keyboard.h, which uses the same codes. A device without the keys of a keyboard (a
// mouse, a tablet) is ignored.
#include "drivers/pci/pci.h"
#include "drivers/virtio/drivers.h"
#include "drivers/virtio/pci.h"
#include "kernel/base/log.h"
#include "kernel/lib/endian.h"
#include "kernel/lib/string.h"
#include "kernel/mm/heap.h"
#include "kernel/sched/work.h"
#include "kernel/tty/keyboard.h"

#define DEVICE_INPUT 18
#define QUEUE_EVENTS 0
#define EVENTS_MAX   64u

/* 5.8.4: the driver writes `select` and `subsel`, and reads `size` bytes of answer at
 * CONFIG_DATA. */
enum config_offset { CONFIG_SELECT = 0, CONFIG_SUBSEL = 1, CONFIG_SIZE = 2, CONFIG_DATA = 8 };
#define CONFIG_DATA_MAX 128u
#define SELECT_NAME     0x01
#define SELECT_EV_BITS  0x11
#define EV_KEY          1u

/* A device with all letters of the first row, Q to P, counts as a keyboard. */
#define KEY_Q 16u
#define KEY_P 25u

/** Layout of an event, 5.8.6, little-endian. */
enum event_offset { EVENT_TYPE = 0, EVENT_CODE = 2, EVENT_VALUE = 4, EVENT_SIZE = 8 };

struct input_event {
    uint8_t bytes[EVENT_SIZE]; /* the value, for a key: 0 up, 1 down, 2 repeat */
};

struct virtio_input {
    struct virtio_device *vd;
    struct device *dev;
    struct virtio_queue queue; /* only the work function uses it once the device runs */
    struct dma_buffer events;  /* one event for each descriptor, written by the device */
    struct work work;
    /* also set before the shut-down: the work function then does nothing; relaxed */
    _Atomic bool is_broken;
};

/* Returns the length of the answer in bytes; 0: the device has no such answer. */
static size_t read_select(struct virtio_input *in, uint8_t select, uint8_t subsel, uint8_t *out,
                          size_t len)
{
    const struct virtio_transport *t = in->vd->transport;
    uint8_t size = 0;
    if (t->write_config8(in->vd, CONFIG_SELECT, select) != OK ||
        t->write_config8(in->vd, CONFIG_SUBSEL, subsel) != OK ||
        t->read_config(in->vd, CONFIG_SIZE, &size, 1) != OK || size > CONFIG_DATA_MAX) {
        return 0;
    }
    size_t n = MIN((size_t)size, len);
    return n > 0 && t->read_config(in->vd, CONFIG_DATA, out, n) == OK ? n : 0;
}

static bool is_keyboard(struct virtio_input *in)
{
    uint8_t bits[KEYBOARD_CODES / 8];
    size_t n = read_select(in, SELECT_EV_BITS, EV_KEY, bits, sizeof bits);
    for (unsigned code = KEY_Q; code <= KEY_P; code++) {
        if (code / 8 >= n || (bits[code / 8] & (1u << code % 8)) == 0) {
            return false;
        }
    }
    return true;
}

/* --- events --- */

static struct virtq_desc piece_of(const struct virtio_input *in, size_t index)
{
    return virtq_piece(0, in->events.bus.raw + index * sizeof(struct input_event),
                       sizeof(struct input_event), true, false);
}

static enum status offer(struct virtio_input *in, struct input_event *event)
{
    struct virtq_desc piece = piece_of(in, (size_t)(event - (struct input_event *)in->events.cpu));
    return virtq_add(&in->queue.ring, &piece, 1, sizeof *event, event);
}

static void handle_event(const struct input_event *event, uint32_t len)
{
    struct input_event e = *event; /* a copy: the device may still write to the buffer */
    if (len == sizeof e && load_le16(e.bytes + EVENT_TYPE) == EV_KEY) {
        keyboard_event(load_le16(e.bytes + EVENT_CODE), load_le32(e.bytes + EVENT_VALUE) != 0);
    }
}

/* Handle at most as many events as the ring holds: a device that sends all the time must share the
 * work thread with others. Returns the reason for the end: OK if that number was reached. */
static enum status handle_events(struct virtio_input *in)
{
    enum status s = OK;
    for (unsigned i = 0; s == OK && i < in->queue.ring.size; i++) {
        void *token;
        uint32_t len;
        s = virtq_pop(&in->queue.ring, &token, &len);
        if (s == OK) {
            handle_event(token, len);
            s = offer(in, token);
        }
    }
    if (virtq_publish(&in->queue.ring)) {
        virtio_queue_kick(&in->queue);
    }
    return s;
}

static void input_work(struct work *work)
{
    struct virtio_input *in = CONTAINER_OF(work, struct virtio_input, work);
    if (in->is_broken) {
        return;
    }
    enum status s = handle_events(in);
    if (s == OK || (s == E_AGAIN && !virtq_enable_interrupts(&in->queue.ring))) {
        (void)work_queue(work);
    } else if (s != E_AGAIN) {
        log_error("virtio_input", "%s: the device broke a rule of its queue: no longer used",
                  in->dev->name);
        in->is_broken = true;
        keyboard_release_all();
    }
}

static void on_interrupt(struct virtio_queue *q)
{
    (void)work_queue(&CONTAINER_OF(q, struct virtio_input, queue)->work);
}

/* --- life --- */

static enum status open_events(struct virtio_input *in)
{
    enum status s = virtio_queue_open(in->vd, &in->queue, QUEUE_EVENTS, EVENTS_MAX, on_interrupt);
    if (s == OK) {
        s = dma_alloc(in->dev, in->queue.ring.size * sizeof(struct input_event), &in->events);
    }
    struct input_event *events = in->events.cpu;
    for (unsigned i = 0; s == OK && i < in->queue.ring.size; i++) {
        s = offer(in, &events[i]);
    }
    return s;
}

static enum status start(struct virtio_input *in)
{
    enum status s = virtio_negotiate(in->vd, 0, 0);
    if (s == OK && !is_keyboard(in)) {
        log_info("virtio_input", "%s: not a keyboard, ignored", in->dev->name);
        s = E_NOTSUP;
    }
    if (s == OK) {
        s = open_events(in);
    }
    if (s == OK) {
        virtio_start(in->vd);
        if (virtq_publish(&in->queue.ring)) {
            virtio_queue_kick(&in->queue);
        }
        on_interrupt(&in->queue); /* enables interrupts */
    }
    return s;
}

static void shut_down(struct virtio_input *in)
{
    /* The work function rings the doorbell, which is unmapped together with the queue's interrupt.
     * An interrupt until then may queue the work once more, but the work then does nothing. */
    in->is_broken = true;
    work_cancel(&in->work);
    if (virtio_reset(in->vd) != OK) {
        pci_disable(pci_of(in->dev)); /* the device can then at least not access memory */
    }
    if (in->queue.slots != NULL) {
        virtio_queue_disconnect(&in->queue);
        work_cancel(&in->work);
        virtio_queue_close(&in->queue);
    }
    virtio_pci_close(in->vd);
    if (in->events.cpu != NULL) {
        dma_free(in->dev, &in->events);
    }
    heap_free(in);
}

static void report(struct virtio_input *in)
{
    char name[64];
    size_t n = read_select(in, SELECT_NAME, 0, (uint8_t *)name, sizeof name - 1);
    name[n] = '\0';
    str_make_printable(name);
    log_info("virtio_input", "%s: keyboard \"%s\"", in->dev->name, name);
}

static bool virtio_input_match(const struct device *dev)
{
    return virtio_pci_match(dev, DEVICE_INPUT);
}

static enum status virtio_input_probe(struct device *dev)
{
    struct virtio_input *in = heap_zalloc(sizeof *in);
    if (in == NULL) {
        return E_NOMEM;
    }
    enum status s = virtio_pci_open(dev, 1, &in->vd);
    if (s != OK) {
        heap_free(in);
        return s;
    }
    in->dev = dev;
    in->work.run = input_work;
    s = start(in);
    if (s != OK) {
        shut_down(in);
        return s;
    }
    dev->driver_data = in;
    report(in);
    return OK;
}

static void virtio_input_remove(struct device *dev)
{
    shut_down(dev->driver_data);
    keyboard_release_all();
}

const struct driver virtio_input_driver = {
    .name = "virtio_input",
    .version = "1.0",
    .bus = &pci_bus_type,
    .match = virtio_input_match,
    .probe = virtio_input_probe,
    .remove = virtio_input_remove,
};
