// SPDX-License-Identifier: MIT
//
// Names and times as FAT stores them: long names in UTF-16, short ones of 8 and 3 bytes.
#include "drivers/fat/fat.h"

#include "kernel/base/clock.h"
#include "kernel/lib/endian.h"
#include "kernel/lib/string.h"
#include "kernel/lib/unicode.h"

/* The upper half of code page 437, in which short names are. */
static const uint16_t code_page[128] = {
    0x00c7, 0x00fc, 0x00e9, 0x00e2, 0x00e4, 0x00e0, 0x00e5, 0x00e7, 0x00ea, 0x00eb, 0x00e8, 0x00ef,
    0x00ee, 0x00ec, 0x00c4, 0x00c5, 0x00c9, 0x00e6, 0x00c6, 0x00f4, 0x00f6, 0x00f2, 0x00fb, 0x00f9,
    0x00ff, 0x00d6, 0x00dc, 0x00a2, 0x00a3, 0x00a5, 0x20a7, 0x0192, 0x00e1, 0x00ed, 0x00f3, 0x00fa,
    0x00f1, 0x00d1, 0x00aa, 0x00ba, 0x00bf, 0x2310, 0x00ac, 0x00bd, 0x00bc, 0x00a1, 0x00ab, 0x00bb,
    0x2591, 0x2592, 0x2593, 0x2502, 0x2524, 0x2561, 0x2562, 0x2556, 0x2555, 0x2563, 0x2551, 0x2557,
    0x255d, 0x255c, 0x255b, 0x2510, 0x2514, 0x2534, 0x252c, 0x251c, 0x2500, 0x253c, 0x255e, 0x255f,
    0x255a, 0x2554, 0x2569, 0x2566, 0x2560, 0x2550, 0x256c, 0x2567, 0x2568, 0x2564, 0x2565, 0x2559,
    0x2558, 0x2552, 0x2553, 0x256b, 0x256a, 0x2518, 0x250c, 0x2588, 0x2584, 0x258c, 0x2590, 0x2580,
    0x03b1, 0x00df, 0x0393, 0x03c0, 0x03a3, 0x03c3, 0x00b5, 0x03c4, 0x03a6, 0x0398, 0x03a9, 0x03b4,
    0x221e, 0x03c6, 0x03b5, 0x2229, 0x2261, 0x00b1, 0x2265, 0x2264, 0x2320, 0x2321, 0x00f7, 0x2248,
    0x00b0, 0x2219, 0x00b7, 0x221a, 0x207f, 0x00b2, 0x25a0, 0x00a0,
};

/* ---- UTF ---- */

/* The character at the start of some bytes; its length, 0: they are not UTF-8. */
static size_t decode(const uint8_t *s, size_t len, uint32_t *out)
{
    static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t n = s[0] < 0x80   ? 1
               : s[0] < 0xc0 ? 0
               : s[0] < 0xe0 ? 2
               : s[0] < 0xf0 ? 3
               : s[0] < 0xf8 ? 4
                             : 0;
    if (n == 0 || n > len) {
        return 0;
    }
    uint32_t c = n == 1 ? s[0] : s[0] & (0x7fu >> n);
    for (size_t i = 1; i < n; i++) {
        if ((s[i] & 0xc0) != 0x80) {
            return 0;
        }
        c = c << 6 | (s[i] & 0x3f);
    }
    if (c < smallest[n] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000)) {
        return 0;
    }
    *out = c;
    return n;
}

static bool is_forbidden(uint32_t c)
{
    return c < 0x20 || c == 0x7f || (c < 0x80 && strchr("\"*/:<>?\\|", (int)c) != NULL);
}

/* Windows removes dots and blanks at the end of a name, and could not open such a file. */
int fat_to_utf16(const char *name, size_t len, uint16_t out[FAT_LONG_MAX])
{
    int count = 0;
    uint32_t c = 0;
    for (size_t at = 0; at < len;) {
        size_t n = decode((const uint8_t *)name + at, len - at, &c);
        int units = c >= 0x10000 ? 2 : 1;
        if (n == 0 || is_forbidden(c) || count + units > FAT_LONG_MAX) {
            return -1;
        }
        if (units == 2) {
            out[count] = (uint16_t)(0xd800 + ((c - 0x10000) >> 10));
            out[count + 1] = (uint16_t)(0xdc00 + ((c - 0x10000) & 0x3ff));
        } else {
            out[count] = (uint16_t)c;
        }
        count += units;
        at += n;
    }
    return c == '.' || c == ' ' ? -1 : count;
}

bool fat_to_utf8(const uint16_t *units, size_t count, char out[VFS_NAME_MAX + 1])
{
    size_t len = 0;
    for (size_t i = 0; i < count; i++) {
        uint32_t c = units[i];
        bool has_low = i + 1 < count && (units[i + 1] & 0xfc00) == 0xdc00;
        if ((c & 0xfc00) == 0xd800 && has_low) {
            c = 0x10000 + ((c & 0x3ff) << 10) + (units[++i] & 0x3ffu);
        }
        if (c == 0 || c == '/' || (c >= 0xd800 && c < 0xe000) ||
            len + UNICODE_BYTES_MAX > VFS_NAME_MAX) {
            return false;
        }
        len += unicode_encode(c, (uint8_t *)out + len);
    }
    out[len] = '\0';
    return len > 0 && strcmp(out, ".") != 0 && strcmp(out, "..") != 0;
}

/* ---- Upper and lower case: ASCII, Latin, Greek, Cyrillic ---- */

static uint32_t to_upper(uint32_t c)
{
    if ((c >= 'a' && c <= 'z') || (c >= 0xe0 && c <= 0xfe && c != 0xf7) ||
        (c >= 0x3b1 && c <= 0x3c9 && c != 0x3c2) || (c >= 0x430 && c <= 0x44f)) {
        return c - 32;
    }
    if (c >= 0x450 && c <= 0x45f) {
        return c - 80;
    }
    bool is_odd_lower = (c >= 0x100 && c <= 0x137 && c != 0x131) || (c >= 0x14a && c <= 0x177);
    bool is_even_lower = (c >= 0x139 && c <= 0x148) || (c >= 0x179 && c <= 0x17e);
    return (is_odd_lower && (c & 1) != 0) || (is_even_lower && (c & 1) == 0) ? c - 1 : c;
}

bool fat_is_same_name(const char *a, const char *b, size_t len)
{
    size_t i = 0, k = 0, a_len = strlen(a);
    while (i < a_len && k < len) {
        uint32_t x = 0, y = 0;
        size_t n = decode((const uint8_t *)a + i, a_len - i, &x);
        size_t m = decode((const uint8_t *)b + k, len - k, &y);
        if (n == 0 || m == 0 || to_upper(x) != to_upper(y)) {
            return false;
        }
        i += n;
        k += m;
    }
    return i == a_len && k == len;
}

/* ---- Short names ---- */

static size_t add_part(const uint8_t *bytes, size_t len, bool is_lower, char *out)
{
    size_t n = 0;
    while (len > 0 && bytes[len - 1] == ' ') {
        len--;
    }
    for (size_t i = 0; i < len; i++) {
        uint32_t c = bytes[i] >= 0x80 ? code_page[bytes[i] - 0x80] : bytes[i];
        c = is_lower && c >= 'A' && c <= 'Z' ? c + 32 : c;
        n += unicode_encode(c == '/' || c == 0 ? '_' : c, (uint8_t *)out + n);
    }
    return n;
}

/* 0x05 stands for the byte that would mark the entry as deleted. The byte at FAT_CASE says whether
 * Windows shows a part in lower case. */
void fat_short_to_utf8(const uint8_t *entry, char out[VFS_NAME_MAX + 1])
{
    uint8_t name[FAT_SHORT];
    memcpy(name, entry, sizeof(name));
    name[0] = name[0] == 0x05 ? FAT_DELETED : name[0];
    size_t len = add_part(name, 8, (entry[FAT_CASE] & 0x08) != 0, out);
    out[len] = '.';
    size_t more = add_part(name + 8, 3, (entry[FAT_CASE] & 0x10) != 0, out + len + 1);
    out[more == 0 ? len : len + 1 + more] = '\0';
}

/* The byte of a short name for a unit of a long one; 0: it is left out. */
static uint8_t short_byte(uint16_t c, enum fat_short *kind)
{
    if (c == ' ' || c == '.') {
        *kind = FAT_SHORT_OTHER;
        return 0;
    }
    uint32_t upper = to_upper(c);
    if (upper >= 0x80 || strchr("+,;=[]", (int)upper) != NULL) {
        *kind = FAT_SHORT_OTHER;
        return '_';
    }
    *kind = upper == c ? *kind : MAX(*kind, FAT_SHORT_UPPER);
    return (uint8_t)upper;
}

static void add_units(const uint16_t *units, int count, uint8_t *out, size_t size,
                      enum fat_short *kind)
{
    size_t len = 0;
    for (int i = 0; i < count; i++) {
        uint8_t byte = short_byte(units[i], kind);
        if (byte != 0 && len < size) {
            out[len++] = byte;
        } else if (byte != 0) {
            *kind = FAT_SHORT_OTHER;
        }
    }
}

static uint32_t hash(const uint16_t *units, int count)
{
    uint32_t h = 2166136261u;
    for (int i = 0; i < count; i++) {
        h = (h ^ units[i]) * 16777619u;
    }
    return (h ^ h >> 16) & 0xffff;
}

/* A number at the end of the first part: LONGFI~1. From the fifth attempt on four digits of a hash
 * make it unlikely that the name exists: LO3F2A~1. */
static void add_number(const uint16_t *units, int count, uint32_t attempt, uint8_t out[8])
{
    static const char digits[] = "0123456789ABCDEF";
    uint8_t tail[8];
    uint32_t number = attempt <= 4 ? attempt : attempt - 4;
    size_t len = 0, keep = 0;
    for (; number > 0; number /= 10) {
        tail[len++] = (uint8_t)digits[number % 10];
    }
    tail[len++] = '~';
    for (uint32_t h = hash(units, count), i = 0; attempt > 4 && i < 4 && len < 7; i++, h >>= 4) {
        tail[len++] = (uint8_t)digits[h & 15];
    }
    while (keep < 8 - len && out[keep] != ' ') {
        keep++;
    }
    for (size_t i = 0; i < len; i++) {
        out[keep + i] = tail[len - 1 - i];
    }
    memset(out + keep + len, ' ', 8 - keep - len);
}

enum fat_short fat_make_short(const uint16_t *units, int count, uint32_t attempt,
                              uint8_t out[FAT_SHORT])
{
    int dot = count - 1;
    enum fat_short kind = FAT_SHORT_SAME;
    while (dot > 0 && units[dot] != '.') {
        dot--;
    }
    int end = dot > 0 ? dot : count;
    memset(out, ' ', FAT_SHORT);
    add_units(units, end, out, 8, &kind);
    if (out[0] == ' ') {
        out[0] = '_';
    }
    if (end < count) {
        add_units(units + end + 1, count - end - 1, out + 8, 3, &kind);
    }
    if (attempt > 0) {
        add_number(units, count, attempt, out);
        kind = FAT_SHORT_OTHER;
    }
    return kind;
}

uint8_t fat_checksum(const uint8_t name[FAT_SHORT])
{
    uint8_t sum = 0;
    for (int i = 0; i < FAT_SHORT; i++) {
        sum = (uint8_t)((sum << 7 | sum >> 1) + name[i]);
    }
    return sum;
}

/* ---- Times ---- */

/* Days since 1970, in a calendar whose years begin in March. */
static uint32_t days_from(uint32_t year, uint32_t month, uint32_t day)
{
    year -= month <= 2;
    uint32_t in_year = (153 * (month + (month > 2 ? -3u : 9u)) + 2) / 5 + day - 1;
    return year * 365 + year / 4 - year / 100 + year / 400 + in_year - 719468;
}

uint64_t fat_load_time(uint16_t date, uint16_t time)
{
    uint32_t month = MAX(date >> 5 & 15u, 1u), day = MAX(date & 31u, 1u);
    if (date == 0) {
        return 0;
    }
    uint64_t s = (uint64_t)days_from(1980u + (date >> 9), MIN(month, 12u), day) * 86400;
    return (s + (time >> 11) * 3600ull + (time >> 5 & 63) * 60ull + (time & 31) * 2ull) * NS_PER_S;
}

void fat_store_time(uint64_t ns, uint8_t *date, uint8_t *time)
{
    const uint64_t first = (uint64_t)days_from(1980, 1, 1) * 86400;
    const uint64_t last = (uint64_t)days_from(2108, 1, 1) * 86400 - 1;
    uint64_t s = MIN(MAX(ns / NS_PER_S, first), last);
    uint32_t days = (uint32_t)(s / 86400), rest = (uint32_t)(s % 86400);
    uint32_t year = 1980, month = 1;
    while (days >= days_from(year + 1, 1, 1)) {
        year++;
    }
    while (month < 12 && days >= days_from(year, month + 1, 1)) {
        month++;
    }
    uint32_t day = days - days_from(year, month, 1) + 1;
    store_le16(date, (uint16_t)((year - 1980) << 9 | month << 5 | day));
    if (time != NULL) {
        store_le16(time, (uint16_t)(rest / 3600 << 11 | rest / 60 % 60 << 5 | rest % 60 / 2));
    }
}

uint64_t fat_now_ns(void)
{
    uint64_t now_ns;
    return clock_wall_ns(&now_ns) ? now_ns : 0;
}
