// SPDX-License-Identifier: MIT
//
// Looks for a way out while another program keeps replacing a directory by a link that leads
// out: "d/secret" holds "inside" below the folder and "secret" beside it. Whatever a path
// resolves to lies inside the folder. The folder is /, or the one that the second argument
// names; swap.c can be the other program.
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
    /* The program that creates the folder may have started later. */
    for (int tries = 0; argc > 2 && top == FOLDER && tries < 100000; tries++) {
        if (!enter(argv[2])) {
            top = FOLDER;
            sched_yield();
        }
    }
    CHECK(argc <= 2 || top != FOLDER);
    /* On one CPU it takes a while until both states have been seen. */
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
