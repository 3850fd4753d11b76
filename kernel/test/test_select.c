// SPDX-License-Identifier: MIT
//
// See test_select.h.
#include "kernel/test/test_select.h"

#include "kernel/lib/compiler.h"
#include "kernel/lib/string.h"

/* Prefixes of tests that run only when named: tests that take minutes, tests of devices that
 * machines have on request only, tests that need a disk with the specification's tests, and tests
 * that end in a panic. */
static const char *const apart[] = {"long_", "edu_", "spec_", "seeded_"};

/* Words for the TEST_ON_ bits of kernel/test/test.h, lowest first. */
static const char *const machine_parts[] = {"interrupts", "cpus", "memory", "firmware", "screen"};

#define DIGITS_MAX 4 /* of a number in "part:" and "every:" */

static bool skip_prefix(const char **s, const char *prefix)
{
    if (!str_has_prefix(*s, prefix)) {
        return false;
    }
    *s += strlen(prefix);
    return true;
}

static bool read_number(const char **s, char end, unsigned *out)
{
    unsigned value = 0, digits = 0;
    for (; **s >= '0' && **s <= '9' && digits < DIGITS_MAX; (*s)++, digits++) {
        value = 10 * value + (unsigned)(**s - '0');
    }
    if (digits == 0 || **s != end) {
        return false;
    }
    (*s)++;
    *out = value;
    return true;
}

static bool read_machine_part(const char **s, unsigned *on)
{
    for (unsigned i = 0; i < ARRAY_COUNT(machine_parts); i++) {
        const char *rest = *s;
        if (skip_prefix(&rest, machine_parts[i]) && (*rest == ',' || *rest == ':')) {
            *on |= 1u << i;
            *s = rest;
            return true;
        }
    }
    return false;
}

static bool read_machine_parts(const char **s, unsigned *on)
{
    do {
        if (!read_machine_part(s, on)) {
            return false;
        }
    } while (*(*s)++ == ',');
    return true;
}

/* N/M: with N from 1 to M. */
static bool read_share(const char **s, unsigned *number, unsigned *count)
{
    return read_number(s, '/', number) && read_number(s, ':', count) && *number > 0 &&
           *number <= *count;
}

bool test_select(const char *text, struct test_selection *out)
{
    struct test_selection found = {.part = 1, .parts = 1, .nth = 1, .every = 1};
    found.is_walk = skip_prefix(&text, "fails:");
    if (skip_prefix(&text, "on:") && !read_machine_parts(&text, &found.on)) {
        return false;
    }
    if (skip_prefix(&text, "part:") && !read_share(&text, &found.part, &found.parts)) {
        return false;
    }
    if (skip_prefix(&text, "every:") && !read_share(&text, &found.nth, &found.every)) {
        return false;
    }
    found.glob = *text != '\0' ? text : "*";
    *out = found;
    return true;
}

/* Tests that run only when named are left out even if the glob matches them, unless the glob itself
 * starts with their prefix. */
static bool is_named(const char *name, const char *glob)
{
    for (size_t i = 0; i < ARRAY_COUNT(apart); i++) {
        if (str_has_prefix(name, apart[i]) && !str_has_prefix(glob, apart[i])) {
            return false;
        }
    }
    return str_matches(glob, name);
}

bool test_is_selected(const struct test_selection *selection, const char *name, unsigned on,
                      unsigned *number)
{
    bool may_differ = selection->on == 0 || on == 0 || (selection->on & on) != 0;
    if (!may_differ || !is_named(name, selection->glob)) {
        return false;
    }
    return (*number)++ % selection->parts == selection->part - 1;
}
