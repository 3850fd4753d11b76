// SPDX-License-Identifier: MIT
//
// Devices and drivers: a bus finds devices; drivers are built into the kernel (drivers/registry.c,
// in probe order) or loaded later (kernel/module/driver_module.h); this code binds them. A driver's
// source is the same in both cases.
#pragma once

#include "kernel/lib/list.h"
#include "kernel/lib/status.h"
#include "kernel/sched/mutex.h"
#include "kernel/sched/pinned_list.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct additions;
struct device;
struct module;

/** A kind of bus; a driver's `match` knows the struct that contains a device of its bus. */
struct bus {
    const char *name; /* "pci" */
    /** Describe the device on one line, without its name ("1af4:1042 class 010000, msi-x 2").
     * Truncated to fit, zero terminated. @context{thread} */
    void (*describe)(const struct device *dev, char *buf, size_t len);
};

/** Embedded in the bus's own struct (struct pci_device), which owns it.
 *  Field protection:  [I] set by the bus before device_add()   [b] binding */
struct device {
    struct pinned_node node;     /* private */
    struct mutex binding;        /* private: held through probe and remove */
    const struct bus *bus;       /* [I] */
    const struct driver *driver; /* [b] bound driver, or NULL */
    void *driver_data;           /* [b] belongs to the bound driver */
    bool is_leaving;             /* [b] device_remove() has begun: no driver may bind it */
    uint64_t dma_limit;          /* [I] highest bus address that it can access */
    char name[24];               /* [I] "0000:00:02.0" */
};

#define DRIVER_NAME_MAX 32 /* with the terminating zero */

/** @brief A driver. Static and const. One that is loaded may be an extension, which has additions
 *     and no driver: then `bus` and the functions are NULL. */
struct driver {
    const char *name;    /* unique, shorter than DRIVER_NAME_MAX */
    const char *version; /* NULL for a driver that is only ever built in */
    const struct bus *bus;
    bool (*match)(const struct device *dev);
    /** Initialise the device and start using it. On failure everything is undone. May sleep. */
    enum status (*probe)(struct device *dev);
    /** Stop using the device, whatever state it is in: refuse new requests, finish those in flight
     * or fail them after a time limit, stop the device. On return no interrupt handler, timer, work
     * item or caller is in the driver's code. Memory that they use is freed
     * after them. May sleep. */
    void (*remove)(struct device *dev);
    /** Number of unfinished requests; NULL: not counted. The device stays bound meanwhile. */
    uint32_t (*in_flight)(const struct device *dev);
    /** Commands, file systems and formats that it adds when it is loaded
     * (kernel/module/additions.h); NULL: none. */
    const struct additions *additions;
};

/**
 * Describes a driver as a loadable module; written once in its source, after its struct driver. In
 * the kernel itself it only checks the name, since drivers/registry.c lists the driver. Modules get
 * another definition from modules/module.h, which their build includes first.
 */
#ifndef DRIVER_MODULE
#define DRIVER_MODULE(driver, name, version, licence)                                              \
    STATIC_ASSERT(sizeof(name) <= DRIVER_NAME_MAX, "name of a driver")
#endif

/** @brief Install the drivers that are linked in. @param drivers Ends with NULL; probe order;
 * stays.
 *  @context{once, before device_add()} */
void driver_link(const struct driver *const *drivers);

/** @brief The i-th driver that is linked in, or NULL. @context{any} */
const struct driver *driver_linked(uint32_t i);

/** A driver added while the kernel runs. The caller owns
 * the struct from driver_add() to driver_remove(). */
struct driver_registration {
    struct pinned_node node;     /* private */
    const struct driver *driver; /* [I] */
    struct module *owner; /* [I] contains its code; loaded until driver_remove() has returned */
};

/** @brief Add a driver and offer it every device that has none.
 * @return the number of devices that it bound. @context{thread, may sleep} */
unsigned driver_add(struct driver_registration *r);

/** @brief Remove a driver: its devices are unbound, and no code of it runs on return. The devices
 *     stay without a driver. @pre not called from a driver. @context{thread, may sleep} */
void driver_remove(struct driver_registration *r);

/** @brief Call fn for each device bound to `driver`; it stays bound meanwhile. `in_flight` is the
 *     driver's count of requests, 0 if it does not count.
 * @context{thread, may sleep} */
void driver_for_each_device(const struct driver *driver,
                            void (*fn)(void *ctx, struct device *dev, uint32_t in_flight),
                            void *ctx);

/** @brief For buses: list a new device and offer it to drivers. @context{thread, may sleep} */
void device_add(struct device *dev);

/** @brief For buses: remove a device: unbind it, let no driver bind it again, then unlist it. It
 *     stays listed while it is bound, so that driver_remove() waits for the driver's `remove`. On
 *     return no code uses the struct. Only tests call it yet: it is for buses whose devices can be
 *     unplugged (PCI hot-plug, USB). @pre the caller is not in device_for_each(). @context{thread,
 *     may sleep} */
void device_remove(struct device *dev);

/** @brief Unbind the driver from the device. Only tests call it yet: it is for a bus that takes a
 *     device away, and for a shell command that does. @return OK; E_NODEV: it has none.
 *     @context{thread, may sleep} */
enum status device_unbind(struct device *dev);

/** @brief Offer a device to drivers again. @return OK; E_BUSY: it has one; E_NODEV: none matches,
 *     or it is being removed; otherwise the last probe's error. @context{thread, may sleep} */
enum status device_bind(struct device *dev);

/** @brief Copy the name of the bound driver. @param out DRIVER_NAME_MAX bytes.
 * @return false: it has none. @context{thread, may sleep} */
bool device_driver_name(struct device *dev, char *out);

/** @brief Call fn for each device in order of discovery; fn must not remove devices.
 *     @context{thread} */
void device_for_each(void (*fn)(void *ctx, struct device *dev), void *ctx);
