// SPDX-License-Identifier: MIT
//
// Translates keys to bytes. Control sequences are those of xterm (XTerm Control Sequences,
// "PC-Style Function Keys"), which every terminal program understands.
#include "kernel/tty/keyboard.h"

#include "hal/power.h"
#include "kernel/base/clock.h"
#include "kernel/base/spinlock.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"
#include "kernel/lib/unicode.h"
#include "kernel/sched/work.h"
#include "kernel/tty/console.h"
#include "kernel/tty/keymap.h"

/* At 115200 bit/s a full ring takes half of it. */
#define DRAIN_LIMIT_NS (3 * NS_PER_S)

#define QUEUE_SIZE   ((size_t)256) /* a power of two: positions wrap with size_t */
#define SEQUENCE_MAX 12
#define ESC          0x1b

enum key_code {
    KEY_BACKSPACE = 14,
    KEY_TAB = 15,
    KEY_LEFTCTRL = 29,
    KEY_LEFTSHIFT = 42,
    KEY_RIGHTSHIFT = 54,
    KEY_LEFTALT = 56,
    KEY_CAPSLOCK = 58,
    KEY_NUMLOCK = 69,
    KEY_KPDOT = 83,
    KEY_RIGHTCTRL = 97,
    KEY_RIGHTALT = 100,
    KEY_DELETE = 111,
};

enum modifier {
    MOD_SHIFT = 1, /* with xterm's values: the parameter is one more than their sum */
    MOD_ALT = 2,
    MOD_CTRL = 4,
};

/** A key that sends a control sequence: ESC [ final, or ESC [ number ~. */
struct special_key {
    uint8_t number;
    char final;
    char digit; /* on the keypad with Num Lock on; 0: not a keypad key */
};

static const struct special_key special_keys[KEYBOARD_CODES] = {
    [59] = {.final = 'P'}, /* F1 to F4 */
    [60] = {.final = 'Q'},
    [61] = {.final = 'R'},
    [62] = {.final = 'S'},
    [63] = {.number = 15}, /* F5 to F12; the numbers skip 16 and 22 */
    [64] = {.number = 17},
    [65] = {.number = 18},
    [66] = {.number = 19},
    [67] = {.number = 20},
    [68] = {.number = 21},
    [87] = {.number = 23},
    [88] = {.number = 24},
    [71] = {.final = 'H', .digit = '7'}, /* keypad, from 7 in the first row to the dot */
    [72] = {.final = 'A', .digit = '8'},
    [73] = {.number = 5, .digit = '9'},
    [75] = {.final = 'D', .digit = '4'},
    [76] = {.final = 'E', .digit = '5'},
    [77] = {.final = 'C', .digit = '6'},
    [79] = {.final = 'F', .digit = '1'},
    [80] = {.final = 'B', .digit = '2'},
    [81] = {.number = 6, .digit = '3'},
    [82] = {.number = 2, .digit = '0'},
    [83] = {.number = 3, .digit = '.'},
    [102] = {.final = 'H'}, /* Home, Up, Page Up */
    [103] = {.final = 'A'},
    [104] = {.number = 5},
    [105] = {.final = 'D'}, /* Left, Right */
    [106] = {.final = 'C'},
    [107] = {.final = 'F'}, /* End, Down, Page Down */
    [108] = {.final = 'B'},
    [109] = {.number = 6},
    [110] = {.number = 2}, /* Insert, Delete */
    [111] = {.number = 3},
};

static void reboot(struct work *work);
static void offer_again(struct work *work);

/* Field protection: [k] lock   [a] atomic, release to set, acquire to read */
static struct {
    struct spinlock lock;
    bool is_held[KEYBOARD_CODES];    /* [k] */
    bool caps_lock, num_lock;        /* [k] */
    bool is_entering;                /* [k] a code point is being entered */
    uint32_t entered;                /* [k] by its digits so far */
    size_t head, tail;               /* [k] written up to head, read up to tail */
    uint8_t queue[QUEUE_SIZE];       /* [k] */
    struct console *_Atomic console; /* [a] NULL: the first console */
    struct work reboot, offer;
} keyboard = {.lock = SPINLOCK_INIT,
              .num_lock = true,
              .reboot = {.run = reboot},
              .offer = {.run = offer_again}};

static const struct keymap *const keymap = &keymap_us;

static void reboot(struct work *work)
{
    (void)work;
    /* do not wait longer: a hanging console is a reason to reboot */
    console_drain_within(DRAIN_LIMIT_NS);
    hal_exit_record(EXIT_REBOOT, 0);
    hal_power_reset();
}

/* All bytes or none: half a control sequence would be read as other keys. */
static void push_locked(const uint8_t *s, size_t len) REQUIRES(keyboard.lock)
{
    if (len > QUEUE_SIZE - (keyboard.head - keyboard.tail)) {
        return;
    }
    for (size_t i = 0; i < len; i++) {
        keyboard.queue[keyboard.head++ % QUEUE_SIZE] = s[i];
    }
}

static unsigned modifiers_locked(void) REQUIRES(keyboard.lock)
{
    const bool *held = keyboard.is_held;
    return (held[KEY_LEFTSHIFT] || held[KEY_RIGHTSHIFT] ? MOD_SHIFT : 0u) |
           (held[KEY_LEFTALT] || held[KEY_RIGHTALT] ? MOD_ALT : 0u) |
           (held[KEY_LEFTCTRL] || held[KEY_RIGHTCTRL] ? MOD_CTRL : 0u);
}

/* Ctrl maps @ to _ and the letters to codes 0 to 31 (ECMA-48), and digits as a VT220 does. */
static uint8_t with_ctrl(uint8_t c)
{
    static const uint8_t of_digit[] = {0x00, 0x1b, 0x1c, 0x1d, 0x1e, 0x1f, 0x7f}; /* 2 to 8 */
    if (c >= '2' && c <= '8') {
        return of_digit[c - '2'];
    }
    if (c == '/' || c == '-') {
        return 0x1f;
    }
    if (c == ' ') {
        return 0;
    }
    return (c >= '@' && c <= '_') || (c >= 'a' && c <= 'z') ? c & 0x1f : c;
}

/* A character that no key has is entered as on desktops: Ctrl-Shift-U, the hexadecimal digits of
 * its code point, then Space or Enter. Any other character ends the entry and is dropped.
 * @return False if nothing is being entered. */
static bool enter_locked(uint8_t c) REQUIRES(keyboard.lock)
{
    if (!keyboard.is_entering) {
        return false;
    }
    uint8_t lower = c | 0x20;
    uint32_t digit = c >= '0' && c <= '9'           ? c - '0'
                     : lower >= 'a' && lower <= 'f' ? lower - 'a' + 10u
                                                    : 16;
    uint32_t entered = keyboard.entered << 4 | digit;
    if (digit < 16 && entered <= UNICODE_LAST) {
        keyboard.entered = entered;
        return true;
    }
    keyboard.is_entering = false;
    bool is_surrogate = keyboard.entered >> 11 == 0xd800 >> 11;
    if ((c == ' ' || c == '\r') && keyboard.entered != 0 && !is_surrogate) {
        uint8_t bytes[UNICODE_BYTES_MAX];
        push_locked(bytes, unicode_encode(keyboard.entered, bytes));
    }
    return true;
}

static void type_character_locked(uint16_t code, unsigned modifiers) REQUIRES(keyboard.lock)
{
    const struct keymap_key *key = &keymap->key[code];
    bool is_letter = key->plain >= 'a' && key->plain <= 'z';
    bool shifted = ((modifiers & MOD_SHIFT) != 0) != (is_letter && keyboard.caps_lock);
    uint8_t c = shifted ? key->shift : key->plain;
    if (c == 0 || ((modifiers & (MOD_CTRL | MOD_ALT)) == 0 && enter_locked(c))) {
        return;
    }
    keyboard.entered = 0;
    keyboard.is_entering = modifiers == (MOD_CTRL | MOD_SHIFT) && key->plain == 'u';
    if (keyboard.is_entering) {
        return;
    }
    if (code == KEY_TAB && (modifiers & MOD_SHIFT) != 0) {
        push_locked((const uint8_t *)"\033[Z", 3);
        return;
    }
    if ((modifiers & MOD_CTRL) != 0) {
        c = code == KEY_BACKSPACE ? 0x08 : with_ctrl(c);
    }
    const uint8_t bytes[2] = {ESC, c};
    bool alt = (modifiers & MOD_ALT) != 0;
    push_locked(alt ? bytes : bytes + 1, alt ? 2 : 1);
}

/* Four forms: ESC [ number ~ and ESC [ final, each with or without a parameter for the modifiers.
 * F1 to F4 without modifiers send ESC O instead of ESC [. */
static void type_special_locked(const struct special_key *key, unsigned modifiers)
    REQUIRES(keyboard.lock)
{
    char s[SEQUENCE_MAX];
    size_t n;
    bool is_function = key->final >= 'P' && key->final <= 'S';
    if (key->final == 0 && modifiers == 0) {
        n = fmt_print(s, sizeof s, "\033[%u~", key->number);
    } else if (key->final == 0) {
        n = fmt_print(s, sizeof s, "\033[%u;%u~", key->number, modifiers + 1);
    } else if (modifiers == 0) {
        n = fmt_print(s, sizeof s, "\033%c%c", is_function ? 'O' : '[', key->final);
    } else {
        n = fmt_print(s, sizeof s, "\033[1;%u%c", modifiers + 1, key->final);
    }
    push_locked((const uint8_t *)s, n);
}

static void type_key_locked(uint16_t code) REQUIRES(keyboard.lock)
{
    const struct special_key *special = &special_keys[code];
    unsigned modifiers = modifiers_locked();
    if (code == KEY_CAPSLOCK) {
        keyboard.caps_lock = !keyboard.caps_lock;
    } else if (code == KEY_NUMLOCK) {
        keyboard.num_lock = !keyboard.num_lock;
    } else if ((code == KEY_DELETE || code == KEY_KPDOT) &&
               (modifiers & (MOD_CTRL | MOD_ALT)) == (MOD_CTRL | MOD_ALT)) {
        (void)work_queue(&keyboard.reboot);
    } else if (special->digit != 0 && keyboard.num_lock && (modifiers & MOD_SHIFT) == 0) {
        const uint8_t digit = (uint8_t)special->digit;
        if (!enter_locked(digit)) {
            push_locked(&digit, 1);
        }
    } else if (special->final != 0 || special->number != 0) {
        bool is_keypad = special->digit != 0; /* Shift has only undone Num Lock */
        type_special_locked(special, is_keypad ? modifiers & ~(unsigned)MOD_SHIFT : modifiers);
    } else {
        type_character_locked(code, modifiers);
    }
}

/* Not under the lock: the console fetches the bytes with keyboard_take(). */
static void deliver(void)
{
    struct console *c = atomic_load_explicit(&keyboard.console, memory_order_acquire);
    if (c != NULL) {
        console_rx_ready(c);
        return;
    }
    uint8_t buf[64];
    size_t n;
    while ((n = keyboard_take(buf, sizeof buf)) > 0) {
        console_type(buf, n);
    }
}

static void offer_again(struct work *work)
{
    (void)work;
    deliver();
}

void keyboard_want(bool on)
{
    if (on) {
        (void)work_queue(&keyboard.offer); /* the console's lock is held, so it cannot read now */
    }
}

/* A key that is held repeats its press; the lock keys ignore that, or they would toggle each time.
 * All state changes under the lock, but the bytes are delivered after it, because the console takes
 * its own lock and then calls keyboard_take(). */
void keyboard_event(uint16_t code, bool is_down)
{
    if (code >= KEYBOARD_CODES) {
        return;
    }
    irq_state_t s = spin_lock_irq(&keyboard.lock);
    bool is_lock_key = code == KEY_CAPSLOCK || code == KEY_NUMLOCK;
    bool is_repeat = is_down && keyboard.is_held[code];
    keyboard.is_held[code] = is_down;
    if (is_down && !(is_lock_key && is_repeat)) {
        type_key_locked(code);
    }
    bool has_bytes = keyboard.head != keyboard.tail;
    spin_unlock_irq(&keyboard.lock, s);
    if (has_bytes) {
        deliver();
    }
}

void keyboard_release_all(void)
{
    irq_state_t s = spin_lock_irq(&keyboard.lock);
    memset(keyboard.is_held, 0, sizeof keyboard.is_held);
    spin_unlock_irq(&keyboard.lock, s);
}

size_t keyboard_take(uint8_t *buf, size_t len)
{
    irq_state_t s = spin_lock_irq(&keyboard.lock);
    size_t n = 0;
    while (n < len && keyboard.tail != keyboard.head) {
        buf[n++] = keyboard.queue[keyboard.tail++ % QUEUE_SIZE];
    }
    spin_unlock_irq(&keyboard.lock, s);
    return n;
}

void keyboard_attach(struct console *screen)
{
    atomic_store_explicit(&keyboard.console, screen, memory_order_release);
    console_rx_ready(screen);
}
