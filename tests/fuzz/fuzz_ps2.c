// SPDX-License-Identifier: MIT
//
// A keyboard controller with arbitrary replies. The first byte of the input is the number of
// replies during set-up; 0: set-up succeeds. The rest are these replies, then bytes from the
// keyboard, in bursts. The input also chooses the status of each reply. In each case the driver
// returns within seconds of the machine's time.
#include "fake/world.h"
#include "kernel/base/clock.h"
#include "typed.h"

#include <stdlib.h>
#include <string.h>

#include "drivers/input/ps2.c"

enum {
    LINE = 1,
    PORT_OF_DATA = 0x60,
    PORT_OF_STATUS = 0x64,
    HAS_BYTE = 1,
    READS_MAX = 2000000,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct {
    const uint8_t *next, *end;
    const uint8_t *burst;  /* the bytes up to here are available at once */
    unsigned answers_left; /* replies still to be taken from the input */
    uint8_t reply;         /* reply of a working controller; 0: none */
    bool has_reply, is_up;
    uint8_t command;
    uint64_t reads;
} chip;

static uint64_t answer_status(void)
{
    fake_counter += 10000; /* time passes while the driver waits */
    if (chip.is_up) {
        return chip.next < chip.burst ? HAS_BYTE : 0;
    }
    if (chip.answers_left > 0 && chip.next < chip.end) {
        chip.answers_left--;
        return *chip.next++;
    }
    return chip.has_reply ? HAS_BYTE : 0;
}

static uint64_t read_port(uint16_t port, unsigned bytes)
{
    if (bytes != 1 || ++chip.reads > READS_MAX) {
        abort();
    }
    if (port == PORT_OF_STATUS) {
        return answer_status();
    }
    if (chip.is_up) {
        return chip.next < chip.burst ? *chip.next++ : 0;
    }
    if (chip.answers_left > 0 && chip.next < chip.end) {
        chip.answers_left--;
        return *chip.next++;
    }
    chip.has_reply = false;
    return chip.reply;
}

static void reply(uint8_t byte)
{
    chip.reply = byte;
    chip.has_reply = true;
}

static void write_port(uint16_t port, unsigned bytes, uint64_t value)
{
    if (bytes != 1) {
        abort();
    }
    if (port == PORT_OF_DATA) {
        if (chip.command != 0x60) {
            reply(0xfa);
        }
        chip.command = 0;
        return;
    }
    chip.command = (uint8_t)value;
    if (value == 0xaa) {
        reply(0x55);
    } else if (value == 0xab || value == 0x20) {
        reply(0);
    }
}

static void boot(void)
{
    typed_boot();
    fake_on_port_read = read_port;
    fake_on_port_write = write_port;
}

static void set_up(void)
{
    uint64_t before_ns = clock_now_ns();
    enum status s = ps2_init(LINE);
    if (clock_now_ns() > before_ns + 10 * NS_PER_S) {
        abort();
    }
    if (s != OK) { /* set-up failed: later bytes must still be handled */
        memset(&chip, 0, sizeof(chip));
        if (ps2_init(LINE) != OK) {
            abort();
        }
    }
}

static void send_burst(void)
{
    size_t most = (size_t)(chip.end - chip.next), len = 1 + *chip.next % 40u;
    chip.burst = chip.next + (len < most ? len : most);
    for (const uint8_t *left = NULL; chip.next < chip.burst && chip.next != left;) {
        left = chip.next;
        world_interrupt(LINE);
    }
    if (chip.next < chip.burst) {
        abort(); /* the driver does not read the available bytes */
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool is_up;
    if (!is_up) {
        boot();
        is_up = true;
    }
    if (size == 0) {
        return 0;
    }
    memset(&chip, 0, sizeof(chip));
    chip.next = data + 1;
    chip.end = data + size;
    chip.answers_left = data[0];
    fake_console_clear();
    const uint8_t *sent = data + 1 + (data[0] < size - 1 ? data[0] : size - 1);
    set_up();
    chip.is_up = true;
    chip.next = sent;
    chip.end = data + size;
    while (chip.next < chip.end) {
        send_burst();
    }
    typed_take_all();
    irq_release(&ps2.irq);
    return 0;
}
