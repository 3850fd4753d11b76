// SPDX-License-Identifier: MIT
//
// From the emulator's configuration device to pixels: a ramfb is found and announced, and shows
// console output, earlier log lines, and a panic.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "drivers/fw_cfg/fw_cfg.h"
#include "drivers/video/boot_screen.h"
#include "drivers/video/font.h"
#include "drivers/video/ramfb.h"
#include "fake/world.h"
#include "hal/bootinfo.h"
#include "hal/layout.h"
#include "kernel/base/clock.h"
#include "kernel/base/log.h"
#include "kernel/lib/endian.h"
#include "kernel/tty/console.h"

#define PORT  0x510
#define DMA   (PORT + 4)
#define FILES 3
#define KEY   0x21

/* The device, with faults that a test can enable. */
static struct {
    bool is_absent, refuses;
    uint32_t count, ramfb_size;
    uint64_t address;
    uint16_t key;
    size_t at; /* position in the selected file */
    uint8_t ramfb[64];
} device;

static const struct io_region ports = {.base = PORT, .len = 12, .is_port = true};

static uint64_t read_port(uint16_t port, unsigned bytes)
{
    uint8_t signature[8];
    assert_int_equal(bytes, 4);
    store_be64(signature, device.is_absent ? UINT64_MAX : UINT64_C(0x51454d5520434647));
    return load_le32(signature + (port - DMA));
}

static void directory(uint8_t *out)
{
    static const char *const names[FILES] = {"bootorder", "etc/ramfb", "etc/acpi"};
    memset(out, 0, 4 + 64 * FILES);
    store_be32(out, device.count);
    for (uint32_t i = 0; i < FILES; i++) {
        store_be32(out + 4 + 64 * i, i == 1 ? device.ramfb_size : 100);
        store_be16(out + 8 + 64 * i, (uint16_t)(KEY - 1 + i));
        strcpy((char *)out + 12 + 64 * i, names[i]);
    }
}

static void transfer(uint8_t *control, uint32_t len, uint8_t *bytes)
{
    uint32_t flags = load_be32(control);
    uint8_t files[4 + 64 * FILES];
    if ((flags & 8) != 0) {
        device.key = (uint16_t)(flags >> 16);
        device.at = 0;
    }
    directory(files);
    for (uint32_t i = 0; i < len; i++, device.at++) {
        if ((flags & 2) != 0) {
            bytes[i] = device.key == 0x19 && device.at < sizeof(files) ? files[device.at] : 0;
        } else if ((flags & 16) != 0 && device.key == KEY && device.at < sizeof(device.ramfb)) {
            device.ramfb[device.at] = bytes[i];
        }
    }
    store_be32(control, 0);
}

static void write_port(uint16_t port, unsigned bytes, uint64_t value)
{
    assert_int_equal(bytes, 4);
    uint32_t v = __builtin_bswap32((uint32_t)value);
    if (port == DMA) {
        device.address = (uint64_t)v << 32;
        return;
    }
    assert_int_equal(port, DMA + 4);
    uint8_t *control = hal_direct(paddr(device.address | v));
    if (device.refuses) {
        store_be32(control, 1);
    } else {
        uint64_t at = load_be64(control + 8);
        transfer(control, load_be32(control + 4), hal_direct(paddr(at)));
    }
}

static int plug(void **state)
{
    (void)state;
    memset(&device, 0, sizeof(device));
    device.count = FILES;
    device.ramfb_size = 28;
    fake_on_port_read = read_port;
    fake_on_port_write = write_port;
    return 0;
}

static uint64_t used_pages(void)
{
    struct page_stats stats;
    page_get_stats(&stats);
    return stats.total_pages - stats.by_owner[PAGE_FREE];
}

static void refuse(enum status because)
{
    uint64_t before = used_pages();
    assert_int_equal(ramfb_init(&ports), because);
    assert_int_equal(used_pages(), before);
}

static void test_a_machine_without_a_clock(void **state)
{
    (void)state;
    device.is_absent = true;
    refuse(E_NODEV);
    device.is_absent = false;
    device.count = 1;
    refuse(E_NODEV);
}

static void test_an_inconsistent_device_is_reported(void **state)
{
    (void)state;
    device.count = UINT32_MAX;
    refuse(E_CORRUPT);
    device.count = FILES;
    device.ramfb_size = 27;
    assert_int_equal(ramfb_init(&ports), E_RANGE); /* the heap keeps a page that it allocated */
    refuse(E_RANGE);
    device.refuses = true;
    refuse(E_IO);
    struct io_region few = ports;
    few.len = 8;
    assert_int_equal(ramfb_init(&few), E_NODEV);
}

/* Memory that the kernel uses, or an impossible geometry, is not mapped. */
static void test_wrong_firmware_data_is_refused(void **state)
{
    (void)state;
    static struct boot_info info;
    info = (struct boot_info){.range_count = 1,
                              .ranges[0] = {.base = 0x1000000, .len = 0x1000000, .kind = BOOT_RAM}};
    assert_int_equal(boot_screen_init(&info), E_NODEV);
    info.framebuffer = (struct boot_framebuffer){.present = true,
                                                 .base = 0xfff000,
                                                 .width = 640,
                                                 .height = 480,
                                                 .pitch_bytes = 2560,
                                                 .bits_per_pixel = 32,
                                                 .red_bits = 8,
                                                 .green_bits = 8,
                                                 .blue_bits = 8};
    uint64_t before = used_pages();
    assert_int_equal(boot_screen_init(&info), E_INVAL);
    info.framebuffer.base = 0x1fff000;
    assert_int_equal(boot_screen_init(&info), E_INVAL);
    info.framebuffer.is_text = true;
    assert_int_equal(boot_screen_init(&info), E_INVAL);
    info.framebuffer.is_text = false;
    info.framebuffer.base = 0x2000000;
    info.framebuffer.pitch_bytes = 2559;
    assert_int_equal(boot_screen_init(&info), E_INVAL);
    assert_int_equal(used_pages(), before);
}

static uint32_t width, height, pitch;
static const uint8_t *pixels;

static uint32_t pixel(uint32_t x, uint32_t y)
{
    return load_le32(pixels + (size_t)y * pitch + (size_t)x * 4);
}

#define COLUMNS ((width - 16) / FONT_WIDTH)
#define ROWS    ((height - 16) / FONT_HEIGHT)

/* The character in a cell of the centred grid; 0 if it is not ASCII. */
static char character(uint32_t column, uint32_t row)
{
    uint32_t left = (width - COLUMNS * FONT_WIDTH) / 2 + column * FONT_WIDTH;
    uint32_t top = (height - ROWS * FONT_HEIGHT) / 2 + row * FONT_HEIGHT;
    uint32_t paper = pixel(left, top);
    for (uint32_t c = ' '; c < 0x7f; c++) {
        bool is_same = true;
        for (uint32_t i = 0; i < FONT_WIDTH * FONT_HEIGHT && is_same; i++) {
            uint32_t x = i % FONT_WIDTH, y = i / FONT_WIDTH;
            bool is_ink = pixel(left + x, top + y) != paper;
            is_same = is_ink == ((font_regular[font_find(c)][y] & 0x80u >> x) != 0);
        }
        if (is_same) {
            return (char)c;
        }
    }
    return 0;
}

static bool is_shown(const char *text)
{
    size_t len = strlen(text);
    for (uint32_t row = 0; row < ROWS; row++) {
        for (uint32_t column = 0; column + len <= COLUMNS; column++) {
            size_t same = 0;
            while (same < len && character(column + (uint32_t)same, row) == text[same]) {
                same++;
            }
            if (same == len) {
                return true;
            }
        }
    }
    return false;
}

static void wait_for_a_frame(void)
{
    assert_int_equal(thread_sleep(40 * NS_PER_MS), OK);
}

static void test_output_is_shown(void **state)
{
    (void)state;
    log_info("before", "there was a screen");
    assert_int_equal(ramfb_init(&ports), OK);
    width = load_be32(device.ramfb + 16);
    height = load_be32(device.ramfb + 20);
    pitch = load_be32(device.ramfb + 24);
    assert_int_equal(load_be32(device.ramfb + 8), 0x34325258);
    assert_in_range(width, 800, 1024); /* the largest for which there is contiguous memory */
    assert_int_equal(pitch, width * 4);
    pixels = hal_direct(paddr(load_be64(device.ramfb)));

    console_printf("Hello, screen!\n");
    wait_for_a_frame();
    assert_true(is_shown("before: there was a screen"));
    assert_true(is_shown("Hello, screen!"));
    assert_false(is_shown("hello, screen!"));
}

static void test_a_page_of_output_is_drawn_once(void **state)
{
    (void)state;
    wait_for_a_frame();
    struct sched_stats before, after;
    sched_get_stats(&before);
    for (unsigned i = 0; i < 200; i++) {
        console_printf("line %u of many\n", i);
    }
    wait_for_a_frame();
    sched_get_stats(&after);
    assert_true(is_shown("line 199 of many"));
    assert_false(is_shown("line 100 of many"));
    assert_true(after.switches - before.switches < 12);
}

/* The lock that waking the drawing thread needs is held: the thread runs when it is released. */
static void test_output_under_any_lock(void **state)
{
    (void)state;
    static struct wait_queue queue;
    wait_queue_init(&queue, "test");
    irq_state_t s = spin_lock_irq(&queue.lock);
    log_info("test", "written under a lock");
    spin_unlock_irq(&queue.lock, s);
    wait_for_a_frame();
    assert_true(is_shown("test: written under a lock"));
}

static void test_a_panic_is_shown(void **state)
{
    (void)state;
    console_printf("\x1b[30;40m\x1b]a title that never ends");
    fake_end.armed = true;
    if (setjmp(fake_end.jump) == 0) {
        panic("test: the end");
    }
    assert_true(is_shown("PANIC: test: the end"));
    assert_true(is_shown("PANIC END"));
    hal_this_cpu()->in_panic = false;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_a_machine_without_a_clock, plug),
        cmocka_unit_test_setup(test_an_inconsistent_device_is_reported, plug),
        cmocka_unit_test_setup(test_wrong_firmware_data_is_refused, plug),
        cmocka_unit_test_setup(test_output_is_shown, plug),
        cmocka_unit_test_setup(test_a_page_of_output_is_drawn_once, plug),
        cmocka_unit_test_setup(test_output_under_any_lock, plug),
        cmocka_unit_test_setup(test_a_panic_is_shown, plug),
    };
    return cmocka_run_group_tests_name("screen", tests, world_boot, NULL);
}
