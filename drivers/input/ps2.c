// SPDX-License-Identifier: MIT
//
// PS/2 keyboards. The 8042 controller translates the codes of a keyboard (scan code set 2) to set
// 1. The codes of set 1, except those with a prefix, are equal to those of Linux's input events.
// The commands are those of the IBM PS/2 Technical Reference, "Keyboard and Auxiliary Device
// Controller".
//
// The controller is set up by polling, and each wait has a limit. It does not matter whether a
// keyboard is plugged in: one may be plugged in later, and sends as soon as it has power.
#include "drivers/input/ps2.h"

#include "hal/cpu.h"
#include "hal/io.h"
#include "kernel/base/clock.h"
#include "kernel/base/log.h"
#include "kernel/io/irq.h"
#include "kernel/lib/compiler.h"
#include "kernel/tty/keyboard.h"

#include <stdbool.h>

static const struct io_region ports = {.base = 0x60, .len = 5, .is_port = true};

enum ps2_port { PORT_DATA = 0, PORT_STATUS = 4, PORT_COMMAND = 4 };

#define STATUS_OUTPUT 0x01u /* a byte can be read at PORT_DATA */
#define STATUS_INPUT  0x02u /* the controller has not read the last byte yet */
#define STATUS_MOUSE  0x20u /* the byte at PORT_DATA comes from the mouse */
#define STATUS_ABSENT 0xffu

enum ps2_command {
    COMMAND_READ_CONFIG = 0x20,
    COMMAND_WRITE_CONFIG = 0x60,
    COMMAND_DISABLE_MOUSE = 0xa7,
    COMMAND_SELF_TEST = 0xaa,
    COMMAND_TEST_PORT = 0xab,
    COMMAND_DISABLE_KEYBOARD = 0xad,
    COMMAND_ENABLE_KEYBOARD = 0xae,
};
#define SELF_TEST_PASSED 0x55
#define PORT_TEST_PASSED 0x00

#define CONFIG_IRQ_KEYBOARD      0x01u
#define CONFIG_IRQ_MOUSE         0x02u
#define CONFIG_KEYBOARD_DISABLED 0x10u
#define CONFIG_MOUSE_DISABLED    0x20u
#define CONFIG_TRANSLATE         0x40u

enum keyboard_command { KEYBOARD_SET_SCAN_CODES = 0xf0, KEYBOARD_ENABLE = 0xf4 };
#define KEYBOARD_ACK    0xfa
#define KEYBOARD_RESEND 0xfe

#define SCAN_UP         0x80u
#define SCAN_EXTENDED   0xe0
#define SCAN_PAUSE      0xe1 /* two codes follow it */
#define SCAN_OVERRUN    0xff /* so does 0x00: more keys than the keyboard can report */
#define SCAN_PLAIN_LAST 0x58 /* F12: up to here the codes are equal to Linux's */

#define WAIT_NS       (20 * NS_PER_MS)
#define SELF_TEST_NS  (200 * NS_PER_MS)
#define FLUSH_MAX     64 /* bytes: the controller holds one, a keyboard holds sixteen */
#define INTERRUPT_MAX 32 /* bytes read in one interrupt */

/* Linux's codes of the keys that send a prefix; 0: none. The shift codes among them do not come
 * from a key: the keyboard inserts them for programs that do not know the prefix. */
static const uint8_t extended_codes[128] = {
    [0x1c] = 96,  [0x1d] = 97,  [0x35] = 98,  [0x37] = 99,  [0x38] = 100, [0x47] = 102,
    [0x48] = 103, [0x49] = 104, [0x4b] = 105, [0x4d] = 106, [0x4f] = 107, [0x50] = 108,
    [0x51] = 109, [0x52] = 110, [0x53] = 111, [0x5b] = 125, [0x5c] = 126, [0x5d] = 127,
};

/* Once the interrupt handler is installed, only it uses this. */
static struct {
    struct irq_action irq;
    bool is_extended;
    uint8_t to_skip; /* codes of Pause that are still to come */
    uint8_t config;  /* the controller's configuration byte, with interrupts off */
} ps2;

static uint8_t read_status(void)
{
    return io_read8(&ports, PORT_STATUS);
}

static enum status wait_status(uint8_t mask, uint8_t wanted, uint64_t limit_ns)
{
    uint64_t give_up_ns = clock_now_ns() + limit_ns;
    while ((read_status() & mask) != wanted) {
        if (clock_now_ns() >= give_up_ns) {
            return E_TIMEDOUT;
        }
        hal_cpu_relax();
    }
    return OK;
}

static enum status put(enum ps2_port port, uint8_t byte)
{
    enum status s = wait_status(STATUS_INPUT, 0, WAIT_NS);
    if (s == OK) {
        io_write8(&ports, port, byte);
    }
    return s;
}

static enum status get(uint64_t limit_ns, uint8_t *out)
{
    enum status s = wait_status(STATUS_OUTPUT, STATUS_OUTPUT, limit_ns);
    if (s == OK) {
        *out = io_read8(&ports, PORT_DATA);
    }
    return s;
}

/* Send a command to the controller and read its answer, one byte. */
static enum status query(enum ps2_command command, uint64_t limit_ns, uint8_t *out)
{
    enum status s = put(PORT_COMMAND, (uint8_t)command);
    return s == OK ? get(limit_ns, out) : s;
}

static enum status expect(enum ps2_command command, uint64_t limit_ns, uint8_t wanted,
                          const char *what)
{
    uint8_t answer = 0;
    enum status s = query(command, limit_ns, &answer);
    if (s == OK && answer != wanted) {
        log_warn("ps2", "%s failed: 0x%02x", what, answer);
        s = E_IO;
    }
    return s;
}

static enum status write_config(uint8_t config)
{
    enum status s = put(PORT_COMMAND, COMMAND_WRITE_CONFIG);
    return s == OK ? put(PORT_DATA, config) : s;
}

/* Discard bytes from before: keys, answers to the firmware. */
static enum status flush(void)
{
    for (unsigned i = 0; i < FLUSH_MAX; i++) {
        if ((read_status() & STATUS_OUTPUT) == 0) {
            return OK;
        }
        (void)io_read8(&ports, PORT_DATA);
    }
    log_warn("ps2", "the controller sends bytes without end");
    return E_IO;
}

static enum status set_up_controller(void)
{
    enum status s = put(PORT_COMMAND, COMMAND_DISABLE_KEYBOARD);
    if (s == OK) {
        s = put(PORT_COMMAND, COMMAND_DISABLE_MOUSE);
    }
    if (s == OK) {
        s = flush();
    }
    if (s == OK) {
        s = expect(COMMAND_SELF_TEST, SELF_TEST_NS, SELF_TEST_PASSED, "controller self-test");
    }
    if (s == OK) {
        s = expect(COMMAND_TEST_PORT, WAIT_NS, PORT_TEST_PASSED, "test of the keyboard's port");
    }
    if (s == OK) {
        s = query(COMMAND_READ_CONFIG, WAIT_NS, &ps2.config);
    }
    if (s == OK) {
        const uint8_t off = CONFIG_IRQ_KEYBOARD | CONFIG_IRQ_MOUSE | CONFIG_KEYBOARD_DISABLED;
        ps2.config = (ps2.config & (uint8_t)~off) | CONFIG_MOUSE_DISABLED | CONFIG_TRANSLATE;
        s = write_config(ps2.config);
    }
    if (s == OK) {
        s = put(PORT_COMMAND, COMMAND_ENABLE_KEYBOARD);
    }
    return s;
}

/* Send a byte until the keyboard accepts it; keys pressed during that are lost. */
static enum status send_to_keyboard(uint8_t byte)
{
    for (unsigned i = 0; i < 3; i++) {
        uint8_t answer = 0;
        enum status s = put(PORT_DATA, byte);
        for (unsigned n = 0; s == OK && n < FLUSH_MAX; n++) {
            s = get(WAIT_NS, &answer);
            if (s == OK && answer == KEYBOARD_ACK) {
                return OK;
            }
            if (s == OK && answer == KEYBOARD_RESEND) {
                break;
            }
        }
        if (s != OK) {
            return s;
        }
    }
    return E_IO;
}

/* The firmware may have left the keyboard in any state. */
static enum status set_up_keyboard(void)
{
    static const uint8_t bytes[] = {KEYBOARD_SET_SCAN_CODES, 2, KEYBOARD_ENABLE};
    enum status s = OK;
    for (unsigned i = 0; s == OK && i < ARRAY_COUNT(bytes); i++) {
        s = send_to_keyboard(bytes[i]);
    }
    return s;
}

/* The key's code, or 0 if the byte stands for no key, such as an answer to a command. */
static uint16_t code_of(uint8_t byte, bool is_extended)
{
    uint8_t scan = byte & (uint8_t)~SCAN_UP;
    if (is_extended) {
        return extended_codes[scan];
    }
    return scan <= SCAN_PLAIN_LAST ? scan : 0;
}

static void take_byte(uint8_t byte)
{
    bool is_extended = ps2.is_extended;
    ps2.is_extended = false;
    if (ps2.to_skip > 0) {
        ps2.to_skip--;
    } else if (byte == SCAN_EXTENDED) {
        ps2.is_extended = true;
    } else if (byte == SCAN_PAUSE) {
        ps2.to_skip = 2;
    } else if (byte == SCAN_OVERRUN || byte == 0) {
        keyboard_release_all();
    } else if (code_of(byte, is_extended) != 0) {
        keyboard_event(code_of(byte, is_extended), (byte & SCAN_UP) == 0);
    }
}

static enum irq_result ps2_interrupt(void *ctx)
{
    (void)ctx;
    unsigned n = 0;
    uint8_t status;
    while (n < INTERRUPT_MAX && ((status = read_status()) & STATUS_OUTPUT) != 0) {
        uint8_t byte = io_read8(&ports, PORT_DATA);
        n++;
        if ((status & STATUS_MOUSE) == 0) {
            take_byte(byte);
        }
    }
    return n > 0 ? IRQ_HANDLED : IRQ_NOT_MINE;
}

/* From here on, bytes come by interrupt. A byte that is already there raised no edge on the line,
 * so read it here. */
static enum status enable_interrupt(void)
{
    enum status s = write_config(ps2.config | CONFIG_IRQ_KEYBOARD);
    irq_state_t state = hal_irq_save();
    (void)ps2_interrupt(NULL);
    hal_irq_restore(state);
    return s;
}

enum status ps2_init(uint32_t line)
{
    if (read_status() == STATUS_ABSENT) {
        return E_NODEV;
    }
    enum status s = set_up_controller();
    if (s != OK) {
        return s;
    }
    bool has_keyboard = set_up_keyboard() == OK;
    ps2.irq = (struct irq_action){.handle = ps2_interrupt, .name = "ps2"};
    s = irq_request(&ps2.irq, line, IRQ_EDGE);
    if (s != OK) {
        return s;
    }
    s = enable_interrupt();
    if (s != OK) {
        irq_release(&ps2.irq);
        return s;
    }
    log_info("ps2", "keyboard controller, line %u%s", line,
             has_keyboard ? "" : ", no keyboard answers");
    return OK;
}
