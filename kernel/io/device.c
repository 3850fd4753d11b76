// SPDX-License-Identifier: MIT
//
// The meeting of devices and drivers. How devices are found is a bus's affair (drivers/pci), which
// drivers exist is drivers/registry.c's.
#include "kernel/io/device.h"

#include "kernel/assert.h"
#include "kernel/log.h"

/* Binding is a lock of each device and not of the list: a probe may find devices and add them. */
static struct mutex list_lock = {
    .queue = {.waiters = LIST_INIT(list_lock.queue.waiters), .name = "device list"}};
static struct list devices = LIST_INIT(devices); /* list_lock */

/* The driver is set during its probe, so that it finds its device's driver_data where it left it.
 */
static enum status try_driver(struct device *dev, const struct driver *driver)
{
    dev->driver = driver;
    dev->driver_data = NULL;
    enum status s = driver->probe(dev);
    if (s != OK) {
        dev->driver = NULL;
        dev->driver_data = NULL;
        log_warn("device", "%s: %s does not take it: %s", dev->name, driver->name, status_text(s));
    }
    return s;
}

static enum status bind_locked(struct device *dev) REQUIRES(dev->binding)
{
    if (dev->driver != NULL) {
        return E_BUSY;
    }
    enum status s = E_NODEV;
    for (const struct driver *const *d = driver_registry; *d != NULL; d++) {
        if ((*d)->bus == dev->bus && (*d)->match(dev)) {
            s = try_driver(dev, *d);
            if (s == OK) {
                break;
            }
        }
    }
    return s;
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

void device_add(struct device *dev)
{
    mutex_init(&dev->binding, "device binding");
    dev->driver = NULL;
    dev->driver_data = NULL;
    mutex_lock(&list_lock);
    list_push_back(&devices, &dev->link);
    mutex_unlock(&list_lock);

    enum status s = device_bind(dev);
    if (s == E_NODEV) {
        log_debug("device", "%s: no driver", dev->name);
    }
}

void device_remove(struct device *dev)
{
    enum status s = device_unbind(dev);
    ASSERT(s == OK || s == E_NODEV);
    mutex_lock(&list_lock);
    list_remove(&dev->link);
    mutex_unlock(&list_lock);
}

void device_for_each(void (*fn)(void *ctx, struct device *dev), void *ctx)
{
    mutex_lock(&list_lock);
    LIST_FOR_EACH (&devices, n) {
        fn(ctx, CONTAINER_OF(n, struct device, link));
    }
    mutex_unlock(&list_lock);
}
