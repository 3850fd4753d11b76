// SPDX-License-Identifier: MIT
//
// Appends to boot_info.notes. Formats no more than a text and a number: the log does not exist yet.
#include "boot/note.h"

static size_t append(char *note, size_t at, const char *text)
{
    while (*text != '\0' && at < BOOT_NOTE_MAX - 1) {
        note[at++] = *text++;
    }
    note[at] = '\0';
    return at;
}

void boot_note(struct boot_info *info, const char *text)
{
    if (info->note_count < BOOT_MAX_NOTES) {
        (void)append(info->notes[info->note_count++], 0, text);
    }
}

void boot_note_value(struct boot_info *info, const char *text, uint64_t value)
{
    if (info->note_count == BOOT_MAX_NOTES) {
        return;
    }
    char digits[17];
    size_t n = sizeof(digits) - 1;
    digits[n] = '\0';
    do {
        unsigned d = value & 15;
        digits[--n] = (char)(d < 10 ? '0' + d : 'a' + d - 10);
        value >>= 4;
    } while (value != 0);

    char *note = info->notes[info->note_count++];
    size_t at = append(note, 0, text);
    at = append(note, at, " 0x");
    (void)append(note, at, digits + n);
}
