// SPDX-License-Identifier: MIT
//
// Brings devices and drivers together. Buses find devices (drivers/pci), drivers/registry.c lists
// the built-in drivers, kernel/module/driver_module.c loads others.
#include "kernel/io/device.h"

#include "kernel/base/assert.h"
#include "kernel/base/log.h"
#include "kernel/lib/string.h"

/* Each device has a lock `binding`, held through probe and remove, so a device is never probed and
 * removed at the same time. The lists of devices and of added drivers are pinned lists: a walk
 * holds no lock, so a probe may itself add devices.
 *
 * A device and a driver that are added at the same time must find each other: each is listed first
 * and then walks the other list, and `binding` makes sure that the device is probed once only. For
 * removal the order is reversed. driver_remove() unlists the driver first, so that no further probe
 * can reach it, and then unbinds its devices. device_remove() unbinds first, with is_leaving set,
 * and unlists after, because driver_remove() finds its devices in the list and has to wait for the
 * driver's `remove` there. */

/* A lock in each device, not one for the list: a probe may find devices and add them. */
static struct pinned_list devices = PINNED_LIST_INIT(devices, "device in use");
static struct pinned_list added = PINNED_LIST_INIT(added, "driver in use");

/* [I] before devices are found */
static const struct driver *const *linked;

void driver_link(const struct driver *const *drivers)
{
    linked = drivers;
}

const struct driver *driver_linked(uint32_t i)
{
    /* Not by index alone: the list ends at its first NULL. */
    const struct driver *const *d = linked;
    for (; d != NULL && *d != NULL && i > 0; i--) {
        d++;
    }
    return d == NULL ? NULL : *d;
}

static struct device *next_device(struct device *from)
{
    struct pinned_node *n = pinned_next(&devices, from == NULL ? NULL : &from->node);
    return n == NULL ? NULL : CONTAINER_OF(n, struct device, node);
}

static struct driver_registration *next_added(struct driver_registration *from)
{
    struct pinned_node *n = pinned_next(&added, from == NULL ? NULL : &from->node);
    return n == NULL ? NULL : CONTAINER_OF(n, struct driver_registration, node);
}

/* E_NODEV: the driver does not support the device. dev->driver is set during the probe, because
 * driver_data belongs to it. */
static enum status try_driver_locked(struct device *dev, const struct driver *driver)
    REQUIRES(dev->binding)
{
    if (driver->bus != dev->bus || !driver->match(dev)) {
        return E_NODEV;
    }
    dev->driver = driver;
    dev->driver_data = NULL;
    enum status s = driver->probe(dev);
    if (s != OK) {
        dev->driver = NULL;
        dev->driver_data = NULL;
        log_warn("device", "%s: driver %s failed to start it: %s", dev->name, driver->name,
                 status_text(s));
    }
    return s;
}

static enum status bind_locked(struct device *dev) REQUIRES(dev->binding)
{
    if (dev->is_leaving || dev->driver != NULL) {
        return dev->is_leaving ? E_NODEV : E_BUSY;
    }
    enum status result = E_NODEV;
    const struct driver *d;
    for (uint32_t i = 0; result != OK && (d = driver_linked(i)) != NULL; i++) {
        enum status s = try_driver_locked(dev, d);
        result = s == E_NODEV ? result : s;
    }
    struct driver_registration *r = NULL;
    while (result != OK && (r = next_added(r)) != NULL) {
        enum status s = try_driver_locked(dev, r->driver);
        result = s == E_NODEV ? result : s;
    }
    if (r != NULL) {
        pinned_put(&added, &r->node);
    }
    return result;
}

static enum status unbind_locked(struct device *dev) REQUIRES(dev->binding)
{
    if (dev->driver == NULL) {
        return E_NODEV;
    }
    dev->driver->remove(dev);
    dev->driver = NULL;
    dev->driver_data = NULL;
    return OK;
}

unsigned driver_add(struct driver_registration *r)
{
    pinned_add(&added, &r->node);
    unsigned taken = 0;
    for (struct device *dev = NULL; (dev = next_device(dev)) != NULL;) {
        mutex_lock(&dev->binding);
        if (dev->driver == NULL && !dev->is_leaving) {
            taken += try_driver_locked(dev, r->driver) == OK ? 1 : 0;
        }
        mutex_unlock(&dev->binding);
    }
    return taken;
}

void driver_remove(struct driver_registration *r)
{
    /* First stop further probes, then unbind its devices. */
    pinned_remove(&added, &r->node);
    for (struct device *dev = NULL; (dev = next_device(dev)) != NULL;) {
        mutex_lock(&dev->binding);
        if (dev->driver == r->driver) {
            (void)!unbind_locked(dev);
        }
        mutex_unlock(&dev->binding);
    }
}

void driver_for_each_device(const struct driver *driver,
                            void (*fn)(void *ctx, struct device *dev, uint32_t in_flight),
                            void *ctx)
{
    for (struct device *dev = NULL; (dev = next_device(dev)) != NULL;) {
        mutex_lock(&dev->binding);
        if (dev->driver == driver) {
            fn(ctx, dev, driver->in_flight == NULL ? 0 : driver->in_flight(dev));
        }
        mutex_unlock(&dev->binding);
    }
}

enum status device_bind(struct device *dev)
{
    mutex_lock(&dev->binding);
    enum status s = bind_locked(dev);
    mutex_unlock(&dev->binding);
    return s;
}

enum status device_unbind(struct device *dev)
{
    mutex_lock(&dev->binding);
    enum status s = unbind_locked(dev);
    mutex_unlock(&dev->binding);
    return s;
}

bool device_driver_name(struct device *dev, char *out)
{
    mutex_lock(&dev->binding);
    bool is_bound = dev->driver != NULL;
    if (is_bound) {
        (void)str_copy(out, DRIVER_NAME_MAX, dev->driver->name);
    }
    mutex_unlock(&dev->binding);
    return is_bound;
}

void device_add(struct device *dev)
{
    mutex_init(&dev->binding, "device binding");
    dev->driver = NULL;
    dev->driver_data = NULL;
    dev->is_leaving = false;
    pinned_add(&devices, &dev->node);

    enum status s = device_bind(dev);
    if (s == E_NODEV) {
        log_debug("device", "%s: no driver", dev->name);
    }
}

void device_remove(struct device *dev)
{
    /* Unbind first: driver_remove() finds its devices in the list. */
    mutex_lock(&dev->binding);
    dev->is_leaving = true;
    (void)!unbind_locked(dev);
    mutex_unlock(&dev->binding);
    pinned_remove(&devices, &dev->node);
}

void device_for_each(void (*fn)(void *ctx, struct device *dev), void *ctx)
{
    for (struct device *dev = NULL; (dev = next_device(dev)) != NULL;) {
        fn(ctx, dev);
    }
}
