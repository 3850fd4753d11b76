// SPDX-License-Identifier: MIT
//
// Names for addresses in loaded code, from the tables made at load time. Used while the kernel
// panics: reads constant tables, acquires no lock, allocates nothing.
#include "kernel/lib/format.h"
#include "kernel/lib/sort.h"
#include "kernel/load/native/module_internal.h"

/* The last symbol that starts at or below `at`, or NULL. */
static const struct code_symbol *find_symbol(const struct code_names *n, uint32_t at)
{
    uint32_t above = SORTED_FIND(n->symbols, n->symbol_count, start, at + 1);
    return above == 0 ? NULL : &n->symbols[above - 1];
}

/* The row that covers `at`. NULL: the line is not known. */
static const struct code_line *find_line(const struct code_names *n, uint32_t at)
{
    uint32_t above = SORTED_FIND(n->lines, n->line_count, start, at + 1);
    return above == 0 || n->lines[above - 1].line == 0 ? NULL : &n->lines[above - 1];
}

/* The address where the function around pc starts; 0: not in this module, or before
 * its first function. */
uintptr_t module_find_function(const struct module *m, uintptr_t pc)
{
    if (pc - m->owner.base >= m->owner.size) {
        return 0;
    }
    const struct code_symbol *s = find_symbol(&m->names, (uint32_t)(pc - m->owner.base));
    return s == NULL ? 0 : m->owner.base + s->start;
}

/* "function+0x12 (file.c:34)"; for a driver with its name and "!" before it. Without lines, the
 * module's name is in the parentheses. */
bool module_describe_pc(const struct module *m, uintptr_t pc, char *buf, size_t len)
{
    if (pc - m->owner.base >= m->owner.size) {
        return false;
    }
    uint32_t at = (uint32_t)(pc - m->owner.base);
    const struct code_symbol *s = find_symbol(&m->names, at);
    const struct code_line *l = find_line(&m->names, at);
    const char *text = m->names.text;
    const char *symbol = s == NULL ? m->name : text + s->name;
    unsigned offset = s == NULL ? at : at - s->start;
    bool is_driver = m->kind == LOAD_DRIVER;
    size_t used = fmt_print(buf, len, "%s%s%s+0x%x", is_driver ? m->driver.name : "",
                            is_driver ? "!" : "", symbol, offset);
    if (used >= len) {
        return true;
    }
    if (l == NULL) {
        fmt_print(buf + used, len - used, " (%s)", m->name);
    } else {
        fmt_print(buf + used, len - used, " (%s:%u)", text + l->file, l->line);
    }
    return true;
}
