// SPDX-License-Identifier: MIT
//
// Ways out of the folder that a program gets: each must fail, with every call. Beside the
// folder lies a file "secret".
#include "check.h"
#include "imports.h"

#include <wasi/api.h>

static uint32_t number;
static __wasi_filestat_t filestat;
static char buffer[16];

static const char *const ways[] = {
    "..",
    "../secret",
    "/",
    "/secret",
    "/etc/passwd",
    "../../../../../../etc/passwd",
    "./../secret",
    "d/../../secret",
    "d/e/../../../secret",
    "up",
    "up/secret",
    "far/secret",
    "chain/secret",
    "d/up/secret",
    "d/./../.././secret",
    "d//..//..//secret",
    "up/../up/secret",
};

static int32_t open_path(const char *path, uint32_t oflags, uint64_t rights)
{
    return raw_path_open(TOP, __WASI_LOOKUPFLAGS_SYMLINK_FOLLOW, TEXT(path), oflags, rights, 0, 0,
                         AT(&number));
}

static void expect_refused(int32_t error, const char *path, const char *how)
{
    if (error != __WASI_ERRNO_NOTCAPABLE) {
        fprintf(stderr, "escape: %s of %s gives %d\n", how, path, error);
        check_failures++;
    }
}

static void prepare(void)
{
    CHECK_EQUAL(raw_path_create_directory(TOP, TEXT("d")), 0);
    CHECK_EQUAL(raw_path_create_directory(TOP, TEXT("d/e")), 0);
    CHECK_EQUAL(open_path("mine", __WASI_OFLAGS_CREAT, 0), 0);
    CHECK_EQUAL(raw_path_symlink(TEXT(".."), TOP, TEXT("up")), 0);
    CHECK_EQUAL(raw_path_symlink(TEXT("d/e/../../.."), TOP, TEXT("far")), 0);
    CHECK_EQUAL(raw_path_symlink(TEXT("up"), TOP, TEXT("chain")), 0);
    CHECK_EQUAL(raw_path_symlink(TEXT("../.."), TOP, TEXT("d/up")), 0);
    CHECK_EQUAL(raw_path_symlink(TEXT("loop"), TOP, TEXT("loop")), 0);
}

/* Try every call on a path that leads outside. */
static void try_way(const char *path)
{
    expect_refused(open_path(path, 0, __WASI_RIGHTS_FD_READ), path, "opening");
    expect_refused(open_path(path, __WASI_OFLAGS_CREAT, __WASI_RIGHTS_FD_WRITE), path, "creating");
    expect_refused(open_path(path, __WASI_OFLAGS_TRUNC, __WASI_RIGHTS_FD_WRITE), path, "cutting");
    expect_refused(raw_path_filestat_get(TOP, 1, TEXT(path), AT(&filestat)), path, "looking");
    expect_refused(raw_path_filestat_set_times(TOP, 1, TEXT(path), 1, 1, 5), path, "dating");
}

/* Try calls that act on the last component itself and do not follow links. */
static void try_name(const char *path)
{
    expect_refused(raw_path_create_directory(TOP, TEXT(path)), path, "making");
    expect_refused(raw_path_remove_directory(TOP, TEXT(path)), path, "removing");
    expect_refused(raw_path_unlink_file(TOP, TEXT(path)), path, "unlinking");
    expect_refused(raw_path_rename(TOP, TEXT(path), TOP, TEXT("stolen")), path, "taking");
    expect_refused(raw_path_rename(TOP, TEXT("mine"), TOP, TEXT(path)), path, "replacing");
    expect_refused(raw_path_link(TOP, 0, TEXT(path), TOP, TEXT("stolen")), path, "linking");
    expect_refused(raw_path_link(TOP, 0, TEXT("mine"), TOP, TEXT(path)), path, "naming");
    expect_refused(raw_path_symlink(TEXT("x"), TOP, TEXT(path)), path, "pointing");
    expect_refused(raw_path_readlink(TOP, TEXT(path), AT(buffer), 16, AT(&number)), path,
                   "reading");
}

int main(int argc, char **argv)
{
    static const char *const names[] = {"../secret",  "/secret",      "d/../../secret", "up/secret",
                                        "far/secret", "chain/secret", "d/up/secret"};
    CHECK(enter(argc > 1 ? argv[1] : NULL));
    prepare();
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        try_way(ways[i]);
    }
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        try_name(names[i]);
    }
    CHECK_EQUAL(raw_path_symlink(TEXT("/"), TOP, TEXT("root")), __WASI_ERRNO_NOTCAPABLE);
    CHECK_EQUAL(open_path("loop", 0, 0), __WASI_ERRNO_LOOP);
    /* A folder inside the program's folder is confined in the same way. */
    CHECK_EQUAL(raw_path_open(TOP, 0, TEXT("d"), __WASI_OFLAGS_DIRECTORY, __WASI_RIGHTS_PATH_OPEN,
                              __WASI_RIGHTS_FD_READ, 0, AT(&number)),
                0);
    uint32_t d = number;
    CHECK_EQUAL(raw_path_open(d, 0, TEXT("../mine"), 0, 0, 0, 0, AT(&number)),
                __WASI_ERRNO_NOTCAPABLE);
    CHECK_EQUAL(raw_path_open(d, 1, TEXT("up/home"), 0, 0, 0, 0, AT(&number)),
                __WASI_ERRNO_NOTCAPABLE);
    /* Descriptors that are not open. */
    for (uint32_t fd = 20; fd < 1100; fd++) {
        CHECK_EQUAL(raw_fd_filestat_get(fd, AT(&filestat)), __WASI_ERRNO_BADF);
    }
    return check_result();
}
