// SPDX-License-Identifier: MIT
//
// The ELF front-end on hostile and unsupported objects, for both machines.
// compare_with_lld.py checks that accepted objects are linked right, and the address
// sanitizer that a refusal leaks nothing.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sanitizer/asan_interface.h>

#include "arch/aarch64/jit/aarch64.h"
#include "arch/x86_64/jit/x86_64.h"
#include "kernel/lib/endian.h"
#include "kernel/load/elf/elf.h"
#include "kernel/load/elf/format.h"
#include "tests/unit/jit/host_load.h"

/** An object in memory, and the machine it is for. */
struct object {
    const struct jit_backend *backend;
    uint8_t *bytes;
    size_t len;
};

static const struct jit_backend *const machines[] = {&jit_backend_x86_64, &jit_backend_aarch64};

static struct object read_object(const char *name, const struct jit_backend *backend)
{
    char path[512];
    struct object o = {.backend = backend};
    snprintf(path, sizeof(path), "%s/%s.%s.o", TEST_OBJECT_DIR, name, backend->name);
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    fseek(f, 0, SEEK_END);
    o.len = (size_t)ftell(f);
    rewind(f);
    o.bytes = malloc(o.len);
    assert_int_equal(fread(o.bytes, 1, o.len, f), o.len);
    fclose(f);
    return o;
}

static void set_addresses(uint64_t imports)
{
    host_reset();
    host.address[LOAD_CODE] = 0xffffffffa0000000;
    host.address[LOAD_RODATA] = 0xffffffffa0100000;
    host.address[LOAD_DATA] = 0xffffffffa0200000;
    host.import_address = imports;
}

#define NEAR 0xffffffffa1000000
#define FAR  0x0000123400000000

/* Load a copy that ends exactly where the object does, so that a read past it is detected. */
static enum status load_object(const struct object *o, size_t len, struct load *load)
{
    uint8_t *copy = malloc(len == 0 ? 1 : len);
    memcpy(copy, o->bytes, len);
    *load = (struct load){.bytes = copy, .len = len, .backend = o->backend, .err = &host.error};
    enum status s = elf_front_end.load(load);
    free(copy);
    return s;
}

static void expect_refusal(const struct object *o, enum status expected, const char *words)
{
    struct load load;
    set_addresses(NEAR);
    enum status s = load_object(o, o->len, &load);
    host_free(&load);
    assert_int_equal(s, expected);
    if (strstr(host.error.text, words) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", host.error.text, words);
    }
}

static struct elf_section_header *section(const struct object *o, unsigned i)
{
    struct elf_header *h = (struct elf_header *)o->bytes;
    return i < h->shnum ? (struct elf_section_header *)(o->bytes + h->shoff) + i : NULL;
}

static struct elf_section_header *find_section(const struct object *o, const char *name)
{
    struct elf_header *h = (struct elf_header *)o->bytes;
    const char *names = (const char *)o->bytes + section(o, h->shstrndx)->offset;
    for (unsigned i = 0; section(o, i) != NULL; i++) {
        if (strcmp(names + section(o, i)->name, name) == 0) {
            return section(o, i);
        }
    }
    fail_msg("no section %s", name);
    return NULL;
}

static void test_every_truncation_is_refused(void **state)
{
    (void)state;
    for (size_t m = 0; m < ARRAY_COUNT(machines); m++) {
        struct object o = read_object("calls", machines[m]);
        for (size_t len = 0; len < o.len; len++) {
            struct load load;
            set_addresses(NEAR);
            enum status s = load_object(&o, len, &load);
            host_free(&load);
            assert_int_not_equal(s, OK);
            assert_int_not_equal(host.error.text[0], 0);
        }
        free(o.bytes);
    }
}

/* The sanitizers check that no change causes an access out of bounds. */
static void test_every_changed_byte_is_survived(void **state)
{
    (void)state;
    static const uint8_t values[] = {0x00, 0x01, 0x7f, 0x80, 0xff};
    for (size_t m = 0; m < ARRAY_COUNT(machines); m++) {
        struct object o = read_object("kinds", machines[m]);
        for (size_t i = 0; i < o.len; i++) {
            uint8_t saved = o.bytes[i];
            o.bytes[i] = values[i % ARRAY_COUNT(values)] != saved ? values[i % ARRAY_COUNT(values)]
                                                                  : (uint8_t)~saved;
            struct load load;
            set_addresses(NEAR);
            enum status s = load_object(&o, o.len, &load);
            host_free(&load);
            assert_true(s == OK || host.error.text[0] != 0);
            o.bytes[i] = saved;
        }
        free(o.bytes);
    }
}

static void test_each_allocation_may_fail(void **state)
{
    (void)state;
    struct object o = read_object("kinds", &jit_backend_x86_64);
    bool has_lines = false;
    unsigned without_lines = 0;
    uint64_t limit = 0;
    for (; !has_lines && limit < 1000; limit++) {
        struct load load;
        set_addresses(NEAR);
        host.heap_limit = limit;
        enum status s = load_object(&o, o.len, &load);
        has_lines = s == OK && load.names.line_count != 0;
        without_lines += s == OK && !has_lines;
        assert_true(load.names.lines != NULL || load.names.line_count == 0);
        host_free(&load);
        assert_int_equal(s, without_lines == 0 && !has_lines ? E_NOMEM : OK);
    }
    assert_in_range(limit, 4, 999);
    assert_in_range(without_lines, 2, limit); /* the memory for line tables decides nothing */

    struct load load;
    set_addresses(NEAR);
    host.refuse_memory = true;
    assert_int_equal(load_object(&o, o.len, &load), E_NOMEM);
    host_free(&load);
    free(o.bytes);
}

static void test_other_machine_is_named(void **state)
{
    (void)state;
    struct object o = read_object("calls", &jit_backend_aarch64);
    o.backend = &jit_backend_x86_64;
    expect_refusal(&o, E_MACHINE, "machine 183; this is x86_64");
    free(o.bytes);
}

static void test_linked_files_are_refused_by_name(void **state)
{
    (void)state;
    struct object o = read_object("calls", &jit_backend_x86_64);
    struct elf_header *h = (struct elf_header *)o.bytes;
    h->type = ET_EXEC;
    expect_refusal(&o, E_NOTSUP, "ET_EXEC");
    h->type = ET_DYN;
    expect_refusal(&o, E_NOTSUP, "ET_DYN");
    free(o.bytes);
}

static void test_note_must_be_there_and_fit(void **state)
{
    (void)state;
    for (size_t m = 0; m < ARRAY_COUNT(machines); m++) {
        struct object o = read_object("calls", machines[m]);
        struct elf_section_header *note = find_section(&o, ".note.halyard");
        uint32_t *words = (uint32_t *)(o.bytes + note->offset);

        words[7] &= ~(uint32_t)NOTE_NO_RED_ZONE;
        expect_refusal(&o, E_NOTSUP, "-mno-red-zone");
        words[7] = NOTE_NO_RED_ZONE;
        expect_refusal(&o, E_NOTSUP, "code model");
        words[7] = 0x107;
        expect_refusal(&o, E_NOTSUP, "flags 0x100");
        words[7] = 7;
        words[5] = 2;
        expect_refusal(&o, E_NOTSUP, "version 2 of the program interface");
        words[5] = 1;
        words[6] = 3;
        expect_refusal(&o, E_MACHINE, "note: built for machine 3");
        words[3] ^= 1;
        expect_refusal(&o, E_CORRUPT, "not a note");
        note->type = SHT_PROGBITS;
        note->flags = 0;
        expect_refusal(&o, E_NOTSUP, "no note .note.halyard");
        free(o.bytes);
    }
}

static void test_unknown_relocation_is_named(void **state)
{
    (void)state;
    for (size_t m = 0; m < ARRAY_COUNT(machines); m++) {
        struct object o = read_object("calls", machines[m]);
        struct elf_rela *r = (struct elf_rela *)(o.bytes + find_section(&o, ".rela.text")->offset);
        r->type = 1999;
        expect_refusal(&o, E_NOTSUP, "relocation type 1999 in section .rela.text");
        free(o.bytes);
    }
}

static void test_unresolved_import_is_named(void **state)
{
    (void)state;
    struct object o = read_object("strong", &jit_backend_x86_64);
    expect_refusal(&o, E_UNRESOLVED, "absent$1");
    free(o.bytes);
}

/* The symbol with this name; its binding is the upper half of info. */
static struct elf_symbol *find_symbol(const struct object *o, const char *name)
{
    const struct elf_section_header *table = find_section(o, ".symtab");
    const char *names = (const char *)o->bytes + section(o, table->link)->offset;
    struct elf_symbol *s = (struct elf_symbol *)(o->bytes + table->offset);
    for (uint64_t n = 0; n < table->size / sizeof(*s); n++) {
        if (strcmp(names + s[n].name, name) == 0) {
            return &s[n];
        }
    }
    fail_msg("no symbol %s", name);
    return NULL;
}

static void test_a_global_name_is_there_once(void **state)
{
    (void)state;
    static const struct {
        const char *renamed, *to;
        const char *why; /* NULL: it is loaded */
        uint8_t binding; /* of the renamed symbol */
    } cases[] = {
        {"write_all", "read_all", "symbol read_all: defined twice", STB_GLOBAL},
        {"write_all", "read_all", "symbol read_all: defined twice", STB_WEAK},
        {"write_all", "read_all", NULL, STB_LOCAL},
        {"common_array", "read_all", "symbol read_all: defined twice", STB_GLOBAL},
        {"global", "common_array", "symbol common_array: defined twice", STB_GLOBAL},
        {"imported_function", "read_all", "symbol read_all: defined and imported", STB_GLOBAL},
        {"absent_weak", "common_array", "symbol common_array: defined and imported", STB_WEAK},
        {"imported_data", "imported_function", NULL, STB_GLOBAL},
        {"absent_weak", "imported_function", NULL, STB_WEAK},
        {"constants", "read_all", NULL, STB_LOCAL},
    };
    for (size_t m = 0; m < ARRAY_COUNT(machines); m++) {
        for (size_t n = 0; n < ARRAY_COUNT(cases); n++) {
            struct object o = read_object("kinds", machines[m]);
            struct elf_symbol *renamed = find_symbol(&o, cases[n].renamed);
            renamed->name = find_symbol(&o, cases[n].to)->name;
            renamed->info = (uint8_t)(cases[n].binding << 4 | (renamed->info & 15));
            if (cases[n].why != NULL) {
                expect_refusal(&o, E_CORRUPT, cases[n].why);
            } else {
                struct load load;
                set_addresses(NEAR);
                assert_int_equal(load_object(&o, o.len, &load), OK);
                host_free(&load);
            }
            free(o.bytes);
        }
    }
}

/* Each name is a suffix of one string. With a longer string, comparing
 * all of them would take hours. */
static void test_names_that_share_a_long_string_are_refused(void **state)
{
    (void)state;
    const size_t extra = 256 << 10;
    for (size_t m = 0; m < ARRAY_COUNT(machines); m++) {
        struct object o = read_object("kinds", machines[m]);
        const struct elf_section_header *table = find_section(&o, ".symtab");
        uint64_t symbols = table->offset, count = table->size / sizeof(struct elf_symbol);
        uint64_t old = section(&o, table->link)->size;
        o.bytes = realloc(o.bytes, o.len + old + extra);
        struct elf_section_header *names = section(&o, find_section(&o, ".symtab")->link);
        memcpy(o.bytes + o.len, o.bytes + names->offset, old);
        memset(o.bytes + o.len + old, 'a', extra - 1);
        o.bytes[o.len + old + extra - 1] = 0;
        names->offset = o.len;
        names->size = old + extra;
        o.len += old + extra;
        for (uint64_t n = 1; n < count; n++) {
            ((struct elf_symbol *)(o.bytes + symbols))[n].name = (uint32_t)(old + n);
        }
        expect_refusal(&o, E_NOTSUP, "its symbols share long names");
        free(o.bytes);
    }
}

static void test_huge_bss_is_refused(void **state)
{
    (void)state;
    static const uint64_t sizes[] = {(uint64_t)4 << 30, LOAD_SIZE_MAX + 1, UINT64_MAX,
                                     UINT64_MAX - 4095};
    for (size_t m = 0; m < ARRAY_COUNT(machines); m++) {
        struct object o = read_object("strong", machines[m]);
        for (size_t i = 0; i < ARRAY_COUNT(sizes); i++) {
            find_section(&o, ".bss")->size = sizes[i];
            expect_refusal(&o, E_OVERFLOW, ".bss");
        }
        free(o.bytes);
    }
}

static void test_constructors_are_refused(void **state)
{
    (void)state;
    for (size_t m = 0; m < ARRAY_COUNT(machines); m++) {
        struct object tls = read_object("thread_local", machines[m]);
        expect_refusal(&tls, E_NOTSUP, "thread-local");
        free(tls.bytes);
        struct object ctor = read_object("constructor", machines[m]);
        expect_refusal(&ctor, E_NOTSUP, "constructors");
        free(ctor.bytes);
    }
}

static void test_data_out_of_reach_is_reported_by_name(void **state)
{
    (void)state;
    for (size_t m = 0; m < ARRAY_COUNT(machines); m++) {
        struct object o = read_object("kinds", machines[m]);
        struct load load;
        set_addresses(FAR);
        assert_int_equal(load_object(&o, o.len, &load), E_OVERFLOW);
        host_free(&load);
        assert_non_null(strstr(host.error.text, "imported"));
        free(o.bytes);
    }
}

/* The target of a call: its offset in the code part, or the address. */
static uint64_t call_target(const struct jit_backend *b, const uint8_t *code, uint64_t at)
{
    int32_t word;
    memcpy(&word, code + at, sizeof(word));
    uint64_t place = host.address[LOAD_CODE] + at;
    if (b == &jit_backend_x86_64) {
        return place + 4 + (uint64_t)(int64_t)word;
    }
    return place + (uint64_t)((int64_t)((uint64_t)word << 38) >> 36);
}

static void test_far_calls_go_through_one_veneer_an_import(void **state)
{
    (void)state;
    for (size_t m = 0; m < ARRAY_COUNT(machines); m++) {
        struct object o = read_object("calls", machines[m]);
        struct elf_section_header *rela = find_section(&o, ".rela.text");
        const struct elf_rela *r = (const struct elf_rela *)(o.bytes + rela->offset);
        struct load load;
        set_addresses(FAR);
        assert_int_equal(load_object(&o, o.len, &load), OK);

        uint64_t target[3];
        assert_int_equal(rela->size / sizeof(*r), 3);
        for (unsigned i = 0; i < 3; i++) {
            target[i] = call_target(machines[m], load.part[LOAD_CODE].bytes, r[i].offset);
            uint64_t at = target[i] - host.address[LOAD_CODE];
            assert_true(at % 16 == 0 && at + 16 <= load.part[LOAD_CODE].size);
            uint64_t leads_to;
            memcpy(&leads_to, load.part[LOAD_CODE].bytes + at + 8, sizeof(leads_to));
            assert_int_equal(leads_to, i == 2 ? FAR + 4096 : FAR);
        }
        assert_int_equal(target[0], target[1]);
        assert_int_not_equal(target[0], target[2]);
        host_free(&load);
        free(o.bytes);
    }
}

static void test_near_calls_are_direct(void **state)
{
    (void)state;
    for (size_t m = 0; m < ARRAY_COUNT(machines); m++) {
        struct object o = read_object("calls", machines[m]);
        const struct elf_rela *r =
            (const struct elf_rela *)(o.bytes + find_section(&o, ".rela.text")->offset);
        struct load load;
        set_addresses(NEAR);
        assert_int_equal(load_object(&o, o.len, &load), OK);
        assert_int_equal(call_target(machines[m], load.part[LOAD_CODE].bytes, r[0].offset), NEAR);
        assert_true(load.uses_fp);
        assert_int_equal(load.entry, host.address[LOAD_CODE] + load.names.symbols[0].start);
        host_free(&load);
        free(o.bytes);
    }
}

static bool has_landing_pads(const struct object *o)
{
    struct load load;
    set_addresses(NEAR);
    assert_int_equal(load_object(o, o->len, &load), OK);
    host_free(&load);
    return load.has_landing_pads;
}

static void test_landing_pads_are_declared_by_the_object(void **state)
{
    (void)state;
    for (size_t m = 0; m < ARRAY_COUNT(machines); m++) {
        struct object without = read_object("calls", machines[m]);
        struct object with = read_object("landing_pads", machines[m]);
        assert_false(has_landing_pads(&without));
        assert_true(has_landing_pads(&with));

        /* The bits of the only property, after the note's header, its
         * name and the property's header. */
        uint8_t *bits = with.bytes + find_section(&with, ".note.gnu.property")->offset + 24;
        assert_int_equal(load_le32(bits) & 1, 1);
        *bits &= 0xfe;
        assert_false(has_landing_pads(&with));
        free(without.bytes);
        free(with.bytes);
    }
}

/* Every cell of the note, and every length. */
static void test_malformed_properties_are_refused_or_harmless(void **state)
{
    (void)state;
    static const uint32_t values[] = {0, 1, 7, 0x7fffffff, 0xfffffff8, 0xffffffff};
    unsigned refused = 0;
    for (size_t m = 0; m < ARRAY_COUNT(machines); m++) {
        struct object o = read_object("landing_pads", machines[m]);
        struct elf_section_header *note = find_section(&o, ".note.gnu.property");
        uint64_t size = note->size;
        for (uint64_t at = 0; at + 4 <= size; at += 4) {
            uint8_t *cell = o.bytes + note->offset + at;
            uint32_t before = load_le32(cell);
            for (size_t v = 0; v < ARRAY_COUNT(values); v++) {
                struct load load;
                store_le32(cell, values[v]);
                set_addresses(NEAR);
                enum status s = load_object(&o, o.len, &load);
                host_free(&load);
                assert_true(s == OK || (s == E_CORRUPT && strstr(host.error.text, "malformed")));
                refused += s != OK;
            }
            store_le32(cell, before);
        }
        assert_true(refused > 0);
        for (note->size = 1; note->size < size; note->size++) {
            expect_refusal(&o, E_CORRUPT, "section .note.gnu.property: malformed at byte 0");
        }
        free(o.bytes);
    }
}

static bool has_function(const struct load *load, const char *name)
{
    for (uint32_t i = 0; i < load->names.symbol_count; i++) {
        if (strcmp(load->names.text + load->names.symbols[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

static void test_a_repeated_group_is_dropped(void **state)
{
    (void)state;
    for (size_t m = 0; m < ARRAY_COUNT(machines); m++) {
        struct object o = read_object("groups", machines[m]);
        struct load load;
        set_addresses(NEAR);
        assert_int_equal(load_object(&o, o.len, &load), OK);
        assert_true(has_function(&load, "one") && has_function(&load, "two"));
        uint64_t whole = load.part[LOAD_CODE].size;
        host_free(&load);

        struct elf_section_header *first = NULL;
        for (unsigned i = 0; section(&o, i) != NULL; i++) {
            struct elf_section_header *s = section(&o, i);
            if (s->type == SHT_GROUP && first != NULL) {
                s->info = first->info;
            } else if (s->type == SHT_GROUP) {
                first = s;
            }
        }
        set_addresses(NEAR);
        assert_int_equal(load_object(&o, o.len, &load), OK);
        assert_true(has_function(&load, "one"));
        assert_false(has_function(&load, "two"));
        assert_true(load.part[LOAD_CODE].size < whole);
        host_free(&load);
        free(o.bytes);
    }
}

static void test_names_and_lines_ascend(void **state)
{
    (void)state;
    for (size_t m = 0; m < ARRAY_COUNT(machines); m++) {
        struct object o = read_object("kinds", machines[m]);
        struct load load;
        set_addresses(NEAR);
        assert_int_equal(load_object(&o, o.len, &load), OK);
        const struct code_names *n = &load.names;
        assert_in_range(n->symbol_count, 10, 20);
        assert_in_range(n->line_count, 20, 500);
        for (uint32_t i = 1; i < n->symbol_count; i++) {
            assert_true(n->symbols[i - 1].start < n->symbols[i].start);
        }
        for (uint32_t i = 1; i < n->line_count; i++) {
            assert_true(n->lines[i - 1].start <= n->lines[i].start);
        }
        for (uint32_t i = 0; i < n->line_count; i++) {
            const char *file = n->text + n->lines[i].file;
            assert_true(n->lines[i].line == 0 || strstr(file, "kinds.c") != NULL);
        }
        host_free(&load);
        free(o.bytes);
    }
}

/* Thousands of files may share one name that is megabytes long: searching for its end each time
 * would take hours. Everything after the name's first bytes is poisoned here. */
static void test_only_the_start_of_a_long_file_name_is_read(void **state)
{
    (void)state;
    enum { LONG = 8192, READ = 1024 };
    for (size_t m = 0; m < ARRAY_COUNT(machines); m++) {
        struct object o = read_object("kinds", machines[m]);
        struct elf_section_header *strings = find_section(&o, ".debug_line_str");
        strings->offset = o.len;
        strings->size = LONG;
        uint8_t *copy = malloc(o.len + LONG);
        memcpy(copy, o.bytes, o.len);
        memset(copy + o.len, 'n', LONG);
        ASAN_POISON_MEMORY_REGION(copy + o.len + READ, LONG - READ);
        struct load load = {
            .bytes = copy, .len = o.len + LONG, .backend = o.backend, .err = &host.error};
        set_addresses(NEAR);
        assert_int_equal(elf_front_end.load(&load), OK);
        ASAN_UNPOISON_MEMORY_REGION(copy + o.len + READ, LONG - READ);
        const struct code_names *n = &load.names;
        assert_true(n->line_count != 0);
        for (uint32_t i = 0; i < n->line_count; i++) {
            assert_true(n->lines[i].line == 0 || n->text[n->lines[i].file] == 'n');
        }
        host_free(&load);
        free(copy);
        free(o.bytes);
    }
}

/* Each row replaces the one before, and refers to a file that the unit does not have. */
static void test_rows_of_no_file_share_one_name(void **state)
{
    (void)state;
    static const uint8_t unit[] = {
        4,  0,                /* version */
        18, 0, 0, 0,          /* length of the rest of the header */
        1,  1, 1, 1, 100, 10, /* special opcode 10: the next line at the same address */
        0,  1, 1, 1, 1,   0,  0,    0,    1,                /* operands of opcodes 1 to 9 */
        0,  0,                                              /* no directories */
        0,                                                  /* no files */
        0,  9, 2, 0, 0,   0,  0xa0, 0xff, 0xff, 0xff, 0xff, /* the address of the code */
        4,  5,                                              /* file 5 */
    };
    static const uint8_t end[] = {2, 4, 0, 1, 1}; /* advance by four bytes */
    const size_t rows = 9 << 20; /* more than 16 MiB, if each had a name of its own */
    const size_t size = 4 + sizeof(unit) + rows + sizeof(end);
    struct object o = read_object("kinds", machines[0]);
    o.bytes = realloc(o.bytes, o.len + size);
    uint8_t *at = o.bytes + o.len;
    store_le32(at, (uint32_t)size - 4);
    memcpy(at + 4, unit, sizeof(unit));
    memset(at + 4 + sizeof(unit), 10, rows);
    memcpy(at + size - sizeof(end), end, sizeof(end));
    struct elf_section_header *lines = find_section(&o, ".debug_line");
    lines->offset = o.len;
    lines->size = size;
    find_section(&o, ".rela.debug_line")->type = SHT_NULL;
    o.len += size;

    struct load load;
    set_addresses(NEAR);
    assert_int_equal(load_object(&o, o.len, &load), OK);
    const struct code_names *n = &load.names;
    assert_int_equal(n->line_count, 2);
    assert_int_equal(n->lines[0].start, 0);
    assert_string_equal(n->text + n->lines[0].file, "?");
    assert_in_range(n->text_bytes, 3, 4096);
    host_free(&load);
    free(o.bytes);
}

static void check_apply(const struct jit_backend *b, uint32_t type, uint64_t value,
                        enum status expected)
{
    uint8_t bytes[8] = {0};
    static const uint8_t zero[8];
    const struct reloc_kind *kind = b->reloc_find(type);
    assert_non_null(kind);
    enum status s = b->reloc_apply(kind, bytes, 0x1000000, value);
    if (s != expected) {
        fail_msg("%s of 0x%llx: %d, not %d", kind->name, (unsigned long long)value, s, expected);
    }
    assert_true(s == OK || memcmp(bytes, zero, sizeof(bytes)) == 0);
}

#define PLACE 0x1000000ull

static void test_every_field_is_checked_at_its_limits(void **state)
{
    (void)state;
    const struct jit_backend *x = &jit_backend_x86_64;
    const struct jit_backend *a = &jit_backend_aarch64;
    check_apply(x, 10, 0xffffffff, OK); /* 32: unsigned */
    check_apply(x, 10, 0x100000000, E_OVERFLOW);
    check_apply(x, 10, -1ull, E_OVERFLOW);
    check_apply(x, 11, 0x7fffffff, OK); /* 32S: signed */
    check_apply(x, 11, 0x80000000, E_OVERFLOW);
    check_apply(x, 11, -0x80000000ull, OK);
    check_apply(x, 2, PLACE + 0x7fffffff, OK); /* PC32 */
    check_apply(x, 2, PLACE + 0x80000000, E_OVERFLOW);
    check_apply(x, 2, PLACE - 0x80000000, OK);
    check_apply(x, 2, PLACE - 0x80000001, E_OVERFLOW);
    check_apply(x, 12, 0xffff, OK); /* 16 */
    check_apply(x, 12, 0x10000, E_OVERFLOW);
    check_apply(x, 14, -128ull, OK); /* 8 */
    check_apply(x, 14, -129ull, E_OVERFLOW);
    check_apply(a, 283, PLACE + 0x7fffffc, OK); /* CALL26: 128 MiB */
    check_apply(a, 283, PLACE + 0x8000000, E_OVERFLOW);
    check_apply(a, 283, PLACE - 0x8000000, OK);
    check_apply(a, 283, PLACE - 0x8000004, E_OVERFLOW);
    check_apply(a, 283, PLACE + 2, E_INVAL);
    check_apply(a, 280, PLACE + 0xffffc, OK); /* CONDBR19: 1 MiB */
    check_apply(a, 280, PLACE + 0x100000, E_OVERFLOW);
    check_apply(a, 279, PLACE + 0x7ffc, OK); /* TSTBR14: 32 KiB */
    check_apply(a, 279, PLACE + 0x8000, E_OVERFLOW);
    check_apply(a, 274, PLACE + 0xfffff, OK); /* ADR: 1 MiB */
    check_apply(a, 274, PLACE + 0x100000, E_OVERFLOW);
    check_apply(a, 275, PLACE + 0xfffff000, OK); /* ADRP: 4 GiB */
    check_apply(a, 275, PLACE + 0x100000000, E_OVERFLOW);
    check_apply(a, 276, PLACE + 0x100000000, OK); /* ADRP, unchecked */
    check_apply(a, 286, 8, OK);                   /* LDST64: aligned */
    check_apply(a, 286, 4, E_INVAL);
    check_apply(a, 299, 8, E_INVAL); /* LDST128 */
    check_apply(a, 263, 0xffff, OK); /* MOVW_UABS_G0 */
    check_apply(a, 263, 0x10000, E_OVERFLOW);
    check_apply(a, 264, 0x10000, OK);    /* unchecked */
    check_apply(a, 269, -1ull, OK);      /* G3: accepts any value */
    check_apply(a, 258, 0xffffffff, OK); /* ABS32: signed or unsigned */
    check_apply(a, 258, -0x80000000ull, OK);
    check_apply(a, 258, 0x100000000, E_OVERFLOW);
    check_apply(a, 262, PLACE + 0xffff, OK); /* PREL16 */
    check_apply(a, 262, PLACE + 0x10000, E_OVERFLOW);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_truncation_is_refused),
        cmocka_unit_test(test_every_changed_byte_is_survived),
        cmocka_unit_test(test_each_allocation_may_fail),
        cmocka_unit_test(test_other_machine_is_named),
        cmocka_unit_test(test_linked_files_are_refused_by_name),
        cmocka_unit_test(test_note_must_be_there_and_fit),
        cmocka_unit_test(test_unknown_relocation_is_named),
        cmocka_unit_test(test_unresolved_import_is_named),
        cmocka_unit_test(test_a_global_name_is_there_once),
        cmocka_unit_test(test_names_that_share_a_long_string_are_refused),
        cmocka_unit_test(test_huge_bss_is_refused),
        cmocka_unit_test(test_constructors_are_refused),
        cmocka_unit_test(test_data_out_of_reach_is_reported_by_name),
        cmocka_unit_test(test_far_calls_go_through_one_veneer_an_import),
        cmocka_unit_test(test_landing_pads_are_declared_by_the_object),
        cmocka_unit_test(test_malformed_properties_are_refused_or_harmless),
        cmocka_unit_test(test_near_calls_are_direct),
        cmocka_unit_test(test_a_repeated_group_is_dropped),
        cmocka_unit_test(test_names_and_lines_ascend),
        cmocka_unit_test(test_only_the_start_of_a_long_file_name_is_read),
        cmocka_unit_test(test_rows_of_no_file_share_one_name),
        cmocka_unit_test(test_every_field_is_checked_at_its_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
