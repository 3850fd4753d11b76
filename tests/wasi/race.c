// SPDX-License-Identifier: MIT
//
// Looks for a way out while somebody keeps putting a link that leads out in the place of a
// directory: "d/secret" holds "inside" below the folder and "secret" beside it. Whatever a path
// leads to, it is what lies inside, or nothing. The folder is /, or what the second argument names;
// swap.c can be the somebody.
#include "check.h"
#include "imports.h"

#include <sched.h>
#include <wasi/api.h>

static const char *const ways[] = {"d/secret", "d/e/../secret", "d/../d/secret",
                                   "d/./e/../../d/secret"};

int main(int argc, char **argv)
{
    uint32_t number;
    char text[16];
    __wasi_iovec_t buffer = {(uint8_t *)text, sizeof(text)};
    int rounds = argc > 1 ? atoi(argv[1]) : 1000;
    int inside = 0;
    int outside = 0;
    /* Whoever makes the folder may have begun later. */
    for (int tries = 0; argc > 2 && top == FOLDER && tries < 100000; tries++) {
        if (!enter(argv[2])) {
            top = FOLDER;
            sched_yield();
        }
    }
    CHECK(argc <= 2 || top != FOLDER);
    /* On one CPU it takes some time until both have been seen. */
    int most = rounds * 1000;
    for (int i = 0; i < rounds || ((inside == 0 || outside == 0) && i < most); i++) {
        if (check_failures != 0) {
            break;
        }
        const char *path = ways[i % 4];
        int32_t e = raw_path_open(TOP, __WASI_LOOKUPFLAGS_SYMLINK_FOLLOW, TEXT(path), 0,
                                  __WASI_RIGHTS_FD_READ, 0, 0, AT(&number));
        if (e != 0) {
            if (e != __WASI_ERRNO_NOTCAPABLE && e != __WASI_ERRNO_NOENT && e != __WASI_ERRNO_LOOP) {
                CHECK_EQUAL(e, 0);
            }
            outside++;
            continue;
        }
        uint32_t fd = number;
        CHECK_EQUAL(raw_fd_read(fd, AT(&buffer), 1, AT(&number)), 0);
        CHECK(number == 6 && memcmp(text, "inside", 6) == 0);
        CHECK_EQUAL(raw_fd_close(fd), 0);
        inside++;
    }
    CHECK(inside > 0 && outside > 0);
    return check_result();
}
