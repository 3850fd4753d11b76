// SPDX-License-Identifier: MIT
//
// Devices and drivers: a bus finds devices, drivers/registry.c lists drivers in probe order, the
// two meet here.
#pragma once

#include "kernel/lib/list.h"
#include "kernel/sched/mutex.h"
#include "kernel/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct device;
struct device;
struct driver;

/** Kinds of bus; a driver's `match` knows the struct that contains a device of its bus. */
struct bus {
    const char *name; /* "pci" */
    /** What the device is, on one line and without its name ("1af4:1042 class 010000, msi-x 2").
     *  Cut to fit, zero terminated. @context{thread} */
    void (*describe)(const struct device *dev, char *buf, size_t len);
};

/** Embedded in the bus's own struct (struct pci_device), which owns it.
 *  Field protection:  [I] set by the bus before device_add()   [d] device list   [b] binding */
struct device {
    struct list_node link;       /* [d] */
    struct mutex binding;        /* private: held through probe and remove */
    const struct bus *bus;       /* [I] */
    const struct driver *driver; /* [b] bound driver, or NULL */
    void *driver_data;           /* [b] the bound driver's */
    uint64_t dma_limit;          /* [I] highest bus address it reaches */
    char name[24];               /* [I] "0000:00:02.0" */
};

/** @brief A driver. Static and const; listed in drivers/registry.c. */
struct driver {
    const char *name;
    const struct bus *bus;
    bool (*match)(const struct device *dev);
    /** Take the device. On failure everything is as before. May sleep. */
    enum status (*probe)(struct device *dev);
    /** Give it up: requests in flight end first, handlers are gone on return. May sleep. */
    void (*remove)(struct device *dev);
};

/** Ends with NULL; probe order. Defined in drivers/registry.c. */
extern const struct driver *const driver_registry[];

/** @brief A bus found a device: list it and offer it to drivers. @context{thread, may sleep} */
void device_add(struct device *dev);

/** @brief It is gone: unbind and unlist. @context{thread, may sleep} */
void device_remove(struct device *dev);

/** @brief Make the driver give the device up. @return OK; E_NODEV: it has none. @context{thread,
 * may sleep} */
enum status device_unbind(struct device *dev);

/** @brief Offer a device to drivers again. @return OK; E_BUSY: it has one; E_NODEV: none matches;
 * else what the last probe said. @context{thread, may sleep} */
enum status device_bind(struct device *dev);

/** @brief Call fn for each device in order of discovery; fn adds and removes none. @context{thread}
 */
void device_for_each(void (*fn)(void *ctx, struct device *dev), void *ctx);
