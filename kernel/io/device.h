// SPDX-License-Identifier: MIT
//
// Devices and drivers: a bus finds devices; drivers are linked into the kernel
// (drivers/registry.c, in probe order) or come later (kernel/module/driver_module.h); the two meet
// here. A driver's source is the same either way.
#pragma once

#include "kernel/lib/list.h"
#include "kernel/lib/status.h"
#include "kernel/sched/mutex.h"
#include "kernel/sched/pinned_list.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct device;
struct module;

/** Kinds of bus; a driver's `match` knows the struct that contains a device of its bus. */
struct bus {
    const char *name; /* "pci" */
    /** What the device is, on one line and without its name ("1af4:1042 class 010000, msi-x 2").
     *  Cut to fit, zero terminated. @context{thread} */
    void (*describe)(const struct device *dev, char *buf, size_t len);
};

/** Embedded in the bus's own struct (struct pci_device), which owns it.
 *  Field protection:  [I] set by the bus before device_add()   [b] binding */
struct device {
    struct pinned_node node;     /* private */
    struct mutex binding;        /* private: held through probe and remove */
    const struct bus *bus;       /* [I] */
    const struct driver *driver; /* [b] bound driver, or NULL */
    void *driver_data;           /* [b] the bound driver's */
    bool is_leaving;             /* [b] device_remove() has begun: no driver takes it any more */
    uint64_t dma_limit;          /* [I] highest bus address it reaches */
    char name[24];               /* [I] "0000:00:02.0" */
};

#define DRIVER_NAME_MAX 32 /* with the zero */

/** @brief A driver. Static and const. */
struct driver {
    const char *name;    /* shorter than DRIVER_NAME_MAX; no other driver has it */
    const char *version; /* or NULL, of one that is only ever linked in */
    const struct bus *bus;
    bool (*match)(const struct device *dev);
    /** Take the device. On failure everything is as before. May sleep. */
    enum status (*probe)(struct device *dev);
    /** Give it up, whatever state it is in: new requests are refused, those in flight end first or
     * are failed after a limit of the driver's, the device is stopped, and no interrupt handler,
     * timer, work or caller is in the driver's code on return. What they use goes after them. May
     * sleep. */
    void (*remove)(struct device *dev);
    /** Requests that the device has and has not answered; NULL: not counted. The device is bound
     * meanwhile. */
    uint32_t (*in_flight)(const struct device *dev);
};

/**
 * What a driver's source says once, after its struct driver, of the module that it may be loaded
 * from; linked into the kernel it says nothing: drivers/registry.c lists the driver. Modules get
 * another definition from modules/module.h, which their compiler is told to include first.
 */
#ifndef DRIVER_MODULE
#define DRIVER_MODULE(driver, name, version, licence)                                              \
    STATIC_ASSERT(sizeof(name) <= DRIVER_NAME_MAX, "name of a driver")
#endif

/** Ends with NULL; probe order. Defined in drivers/registry.c. */
extern const struct driver *const driver_registry[];

/** A driver that was added while the kernel runs. The caller owns the struct from driver_add() to
 * driver_remove(). */
struct driver_registration {
    struct pinned_node node;     /* private */
    const struct driver *driver; /* [I] */
    struct module *owner; /* [I] what its code is in, loaded until driver_remove() has returned */
};

/** @brief Add a driver: every device that has none is offered to it.
 *  @return how many it took. @context{thread, may sleep} */
unsigned driver_add(struct driver_registration *r);

/** @brief Take a driver back: its devices are unbound, and nothing runs in it on return. They stay
 * without a driver. @pre not called from a driver. @context{thread, may sleep} */
void driver_remove(struct driver_registration *r);

/** @brief Call fn for each device that is bound to `driver`, which stays so meanwhile.
 *  `in_flight` is what the driver says of its requests, 0 if it does not count them.
 *  @context{thread, may sleep} */
void driver_for_each_device(const struct driver *driver,
                            void (*fn)(void *ctx, struct device *dev, uint32_t in_flight),
                            void *ctx);

/** @brief A bus found a device: list it and offer it to drivers. @context{thread, may sleep} */
void device_add(struct device *dev);

/** @brief It is gone: unbind it, let no driver have it, then unlist it. It stays listed while it is
 *  bound, so that driver_remove() waits for the driver's `remove`. On return nothing uses the
 *  struct. @pre the caller is not in device_for_each(). @context{thread, may sleep} */
void device_remove(struct device *dev);

/** @brief Make the driver give the device up. @return OK; E_NODEV: it has none. @context{thread,
 * may sleep} */
enum status device_unbind(struct device *dev);

/** @brief Offer a device to drivers again. @return OK; E_BUSY: it has one; E_NODEV: none matches,
 * or it is leaving; else what the last probe said. @context{thread, may sleep} */
enum status device_bind(struct device *dev);

/** @brief Copy the name of the bound driver. @param out  DRIVER_NAME_MAX bytes.
 *  @return false: there is none. @context{thread, may sleep} */
bool device_driver_name(struct device *dev, char *out);

/** @brief Call fn for each device in order of discovery; fn removes none. @context{thread} */
void device_for_each(void (*fn)(void *ctx, struct device *dev), void *ctx);
