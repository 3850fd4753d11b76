// SPDX-License-Identifier: MIT
//
// halyard-cil: .NET assemblies on this computer, with Halyard's own loader.
#include "tools/halyard-cil/tool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static const char usage[] =
    "usage: halyard-cil --check FILE...\n"
    "       halyard-cil --dump FILE\n"
    "Check .NET assemblies: every header, stream, table and index.\n"
    "  --check  print whether each FILE is valid\n"
    "  --dump   print the references, tables, types, fields and methods of FILE\n"
    "  --help   print this text\n"
    "The exit status is 125 if a file is refused; the reason is on standard error.\n";

int tool_refuse(const struct cil_error *err)
{
    fprintf(stderr, "halyard-cil: %s\n", err->text);
    return TOOL_REFUSED;
}

static int complain(const char *what, const char *name)
{
    fprintf(stderr, "halyard-cil: %s%s\n%s", what, name, usage);
    return TOOL_REFUSED;
}

static bool map_file(const char *path, struct cil_bytes *out)
{
    static const uint8_t empty;
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    bool is_ok = fd >= 0 && fstat(fd, &st) == 0;
    if (is_ok && st.st_size > UINT32_MAX) {
        errno = EFBIG;
        is_ok = false;
    }
    *out = (struct cil_bytes){&empty, 0};
    if (is_ok && st.st_size > 0) {
        void *bytes = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        is_ok = bytes != MAP_FAILED;
        *out = (struct cil_bytes){bytes, (uint32_t)st.st_size};
    }
    if (!is_ok) {
        fprintf(stderr, "halyard-cil: %s: %s\n", path, strerror(errno));
    }
    if (fd >= 0) {
        close(fd);
    }
    return is_ok;
}

static bool load(const char *path, struct cil_image *out, int *status)
{
    const char *slash = strrchr(path, '/');
    struct cil_bytes file;
    struct cil_error err;
    *status = TOOL_REFUSED;
    if (!map_file(path, &file)) {
        return false;
    }
    if (cil_image_load(slash == NULL ? path : slash + 1, file, out, &err) != OK) {
        *status = tool_refuse(&err);
        return false;
    }
    return true;
}

static int check(const char *path)
{
    static struct cil_image m;
    int status;
    if (!load(path, &m, &status)) {
        return status;
    }
    printf("%s: valid, %u types, %u methods\n", path, m.tables[CIL_TYPE_DEF].count,
           m.tables[CIL_METHOD_DEF].count);
    return 0;
}

static int dump(const char *path)
{
    static struct cil_image m;
    int status;
    return load(path, &m, &status) ? tool_dump(&m) : status;
}

int main(int argc, char **argv)
{
    const char *action = argc < 2 ? "" : argv[1];
    if (strcmp(action, "--help") == 0) {
        fputs(usage, stdout);
        return 0;
    }
    bool is_dump = strcmp(action, "--dump") == 0;
    if (!is_dump && strcmp(action, "--check") != 0) {
        return complain(argc < 2 ? "no option" : "unknown option ", action);
    }
    if (argc < 3 || (is_dump && argc > 3)) {
        return complain(argc < 3 ? "no file" : "more than one file", "");
    }
    int worst = 0;
    for (int n = 2; n < argc; n++) {
        int status = is_dump ? dump(argv[n]) : check(argv[n]);
        worst = MAX(worst, status);
    }
    return worst;
}
