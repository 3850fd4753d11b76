// SPDX-License-Identifier: MIT
//
// A device tree that is built in memory and parsed: shared by several tests.
#pragma once

#include "boot/devicetree.h"

#include "fake/boot_check.h"
#include "fake/fake_fdt.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define DTB 0x48200001 /* not even aligned to two */

static struct blob tree;
static struct boot_info info;

static enum status parse(void)
{
    struct fake_boot_mem f;
    fake_boot_mem_init(&f);
    fake_boot_mem_add(&f, DTB, tree.bytes, tree.len);
    memset(&info, 0, sizeof(info));
    enum status s = devicetree_parse(&f.mem, DTB, &info);
    fake_boot_mem_release(&f);
    return s;
}

static void expect_window(const struct boot_pci_window *w, uint64_t cpu, uint64_t bus, uint64_t len)
{
    assert_int_equal(w->cpu, cpu);
    assert_int_equal(w->bus, bus);
    assert_int_equal(w->len, len);
}
