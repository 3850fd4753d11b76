// SPDX-License-Identifier: MIT
//
// The word aslr=off in a command line that is not copied yet. kernel/boot/cmdline.c defines how the
// line splits into words; tests/unit/test_slide.c compares the two.
#include "boot/slide.h"

#include "boot/multiboot2_tags.h"
#include "boot/pvh.h"
#include "hal/bootinfo.h"

#define WORD_OFF "aslr=off"
#define WORD_END "--" /* the rest belongs to a program */

/** Text that has not been read. */
struct reader {
    const char *at, *end;
};

/** The start of a word, long enough to distinguish it from the two above. */
struct word {
    size_t len;
    char text[sizeof(WORD_OFF)];
};

static bool is_at_end(const struct reader *r)
{
    return r->at == r->end || *r->at == '\0';
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static void add(struct word *w, char c)
{
    if (w->len < sizeof(w->text)) {
        w->text[w->len++] = c;
    }
}

/* False: there are no further words. */
static bool read_word(struct reader *r, struct word *out)
{
    while (!is_at_end(r) && is_blank(*r->at)) {
        r->at++;
    }
    if (is_at_end(r)) {
        return false;
    }
    out->len = 0;
    char quote = '\0';
    for (; !is_at_end(r) && (quote != '\0' || !is_blank(*r->at)); r->at++) {
        char c = *r->at;
        if (quote == '\0' && (c == '"' || c == '\'')) {
            quote = c;
        } else if (c == quote) {
            quote = '\0';
        } else {
            const struct reader next = {.at = r->at + 1, .end = r->end};
            if (c == '\\' && quote != '\'' && !is_at_end(&next)) {
                r->at++;
            }
            add(out, *r->at);
        }
    }
    return true;
}

static bool is_word(const struct word *w, const char *text)
{
    for (size_t i = 0; i < w->len; i++) {
        if (w->text[i] != text[i]) { /* compares at most up to its zero */
            return false;
        }
    }
    return text[w->len] == '\0';
}

bool slide_is_off(const char *text, size_t len)
{
    struct reader r = {.at = text, .end = text + MIN(len, (size_t)BOOT_CMDLINE_MAX - 1)};
    struct word w;
    while (read_word(&r, &w) && !is_word(&w, WORD_END)) {
        if (is_word(&w, WORD_OFF)) {
            return true;
        }
    }
    return false;
}

bool slide_is_off_multiboot2(const struct boot_mem *m, uint64_t phys)
{
    struct multiboot2_block b;
    struct multiboot2_tag t;
    return multiboot2_open(m, phys, &b) == OK && multiboot2_find(&b, MULTIBOOT2_CMDLINE, &t) &&
           slide_is_off((const char *)t.bytes + MULTIBOOT2_HEADER_SIZE,
                        t.size - MULTIBOOT2_HEADER_SIZE);
}

/* The structure is not copied: in a debug build, initialising a buffer needs memset(), which 32-bit
 * mode does not have. */
bool slide_is_off_pvh(const struct boot_mem *m, uint64_t phys)
{
    const uint8_t *start = boot_mem_map(m, phys, PVH_START_SIZE);
    if (start == NULL || load_le32(start) != PVH_START_MAGIC) {
        return false;
    }
    uint64_t cmdline = load_le64(start + PVH_CMDLINE_AT);
    size_t len;
    if (cmdline == 0 || boot_mem_string_length(m, cmdline, BOOT_CMDLINE_MAX, &len) != OK) {
        return false;
    }
    const uint8_t *text = boot_mem_map(m, cmdline, len);
    return text != NULL && slide_is_off((const char *)text, len);
}
