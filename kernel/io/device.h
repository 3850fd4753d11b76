// SPDX-License-Identifier: MIT
//
// Devices and drivers: a bus finds devices, drivers/registry.c lists drivers in probe order, the two meet here.
#pragma once

#include "kernel/lib/list.h"
#include "kernel/status.h"

#include <stdbool.h>
#include <stdint.h>

struct driver;

/** Kinds of bus; a driver's `match` knows the struct that contains a device of its bus. */
struct bus {
    const char *name; /* "pci" */
};

/** Embedded in the bus's own struct (struct pci_device), which owns it. */
struct device {
    struct list_node link;      /* device list */
    const struct bus *bus;
    const struct driver *driver; /* bound driver, or NULL */
    void *driver_data;           /* the bound driver's */
    uint64_t dma_limit;          /* highest bus address it reaches */
    char name[24];               /* "0000:00:02.0" */
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
/** @brief Unbind a device's driver, or bind one again. @return OK; E_NODEV. */
enum status device_unbind(struct device *dev);
enum status device_bind(struct device *dev);
/** @brief Call fn for each device in order of discovery. */
void device_for_each(void (*fn)(void *ctx, struct device *dev), void *ctx);
