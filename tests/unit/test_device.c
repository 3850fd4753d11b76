// SPDX-License-Identifier: MIT
//
// Devices that are removed while their driver is unloaded (kernel/io/device.c): in either
// order, no driver code runs after the driver was unregistered, and no driver gets a
// device that is being removed.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "fake/world.h"
#include "kernel/io/device.h"

static const struct bus bus = {.name = "test"};
static struct device device;
static struct completion may_go; /* what the driver's remove() waits for */

static bool match(const struct device *dev)
{
    return dev == &device;
}

static enum status probe(struct device *dev)
{
    (void)dev;
    world_note("probe");
    return OK;
}

static void remove_slowly(struct device *dev)
{
    (void)dev;
    world_note("remove");
    assert_int_equal(completion_wait_uncancellable(&may_go, WAIT_FOREVER), OK);
    world_note("removed");
}

static void remove_at_once(struct device *dev)
{
    (void)dev;
    world_note("other-removed");
}

static const struct driver slow = {
    .name = "slow", .bus = &bus, .match = match, .probe = probe, .remove = remove_slowly};
static const struct driver other = {
    .name = "other", .bus = &bus, .match = match, .probe = probe, .remove = remove_at_once};
static struct driver_registration slow_driver, other_driver;

static int set_up(void **state)
{
    (void)state;
    world_forget_notes();
    completion_init(&may_go, "test");
    device = (struct device){.bus = &bus, .name = "device"};
    slow_driver = (struct driver_registration){.driver = &slow};
    other_driver = (struct driver_registration){.driver = &other};
    assert_int_equal(driver_add(&slow_driver), 0);
    device_add(&device);
    assert_string_equal(world_notes(), "probe");
    world_forget_notes();
    return 0;
}

static void remove_device(void *arg)
{
    (void)arg;
    device_remove(&device);
    world_note("gone");
}

static void take_driver_back(void *arg)
{
    (void)arg;
    driver_remove(&slow_driver);
    world_note("taken-back");
}

static void add_other(void *arg)
{
    (void)arg;
    assert_int_equal(driver_add(&other_driver), 0);
    world_note("added");
}

static void bind(void *arg)
{
    (void)arg;
    assert_int_equal(device_bind(&device), E_NODEV);
    world_note("not-bound");
}

/* Its code may be freed once it has been unregistered. */
static void test_a_driver_stays_until_its_remove_has_returned(void **state)
{
    (void)state;
    struct thread *removes = world_thread("removes", 40, remove_device, NULL);
    struct thread *takes = world_thread("takes", 40, take_driver_back, NULL);
    assert_string_equal(world_notes(), "remove"); /* it waits in the driver's code */
    completion_signal(&may_go);
    (void)world_join(takes);
    (void)world_join(removes);
    assert_memory_equal(world_notes(), "remove removed ", 15);
}

static void test_a_device_being_removed_is_offered_to_no_driver(void **state)
{
    (void)state;
    struct thread *removes = world_thread("removes", 40, remove_device, NULL);
    struct thread *adds = world_thread("adds", 41, add_other, NULL);
    struct thread *binds = world_thread("binds", 42, bind, NULL);
    completion_signal(&may_go);
    (void)world_join(binds);
    (void)world_join(adds);
    (void)world_join(removes);
    assert_null(strstr(world_notes(), "probe"));
    driver_remove(&other_driver);
    driver_remove(&slow_driver);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_a_driver_stays_until_its_remove_has_returned, set_up),
        cmocka_unit_test_setup(test_a_device_being_removed_is_offered_to_no_driver, set_up),
    };
    return cmocka_run_group_tests(tests, world_boot, NULL);
}
