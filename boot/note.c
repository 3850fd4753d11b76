// SPDX-License-Identifier: MIT
//
// Appends to boot_info.notes. Formats only a text and a number, because the log does not exist yet.
#include "boot/note.h"

static size_t append(char *note, size_t at, const char *text)
{
    while (*text != '\0' && at < BOOT_NOTE_MAX - 1) {
        note[at++] = *text++;
    }
    note[at] = '\0';
    return at;
}

/* Where the next note goes; NULL: the list is full, and its last entry says so. */
static char *next_note(struct boot_info *info)
{
    if (info->note_count < BOOT_MAX_NOTES - 1) {
        return info->notes[info->note_count++];
    }
    if (info->note_count == BOOT_MAX_NOTES - 1) {
        (void)append(info->notes[info->note_count++], 0,
                     "boot data: too many remarks, the later ones are lost");
    }
    return NULL;
}

void boot_note(struct boot_info *info, const char *text)
{
    char *note = next_note(info);
    if (note != NULL) {
        (void)append(note, 0, text);
    }
}

void boot_note_value(struct boot_info *info, const char *text, uint64_t value)
{
    char *note = next_note(info);
    if (note == NULL) {
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

    size_t at = append(note, 0, text);
    at = append(note, at, " 0x");
    (void)append(note, at, digits + n);
}

static bool begins_with(const char *note, const char *text)
{
    while (*text != '\0' && *note == *text) {
        note++;
        text++;
    }
    return *text == '\0';
}

void boot_note_once(struct boot_info *info, const char *text, uint64_t value)
{
    for (uint32_t i = 0; i < info->note_count; i++) {
        if (begins_with(info->notes[i], text)) {
            return;
        }
    }
    boot_note_value(info, text, value);
}
