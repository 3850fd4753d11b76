// SPDX-License-Identifier: MIT
//
// What a C program does that knows nothing of its platform: streams, files, directories,
// time and memory, through the C library. It has an empty folder as /, or the one below it
// that its fourth argument names.
#include "check.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static void test_streams_of_files(void)
{
    char line[64];
    FILE *f = fopen("text", "w");
    CHECK(f != NULL);
    for (int i = 0; i < 1000; i++) {
        CHECK(fprintf(f, "line %d\n", i) > 0);
    }
    CHECK(fclose(f) == 0);
    f = fopen("./text", "r+");
    CHECK(f != NULL);
    int n = 0;
    while (fgets(line, sizeof(line), f) != NULL) {
        CHECK_EQUAL(atoi(line + 5), n);
        n++;
    }
    CHECK_EQUAL(n, 1000);
    CHECK(feof(f) && !ferror(f));
    CHECK(fseek(f, 5, SEEK_SET) == 0 && fputc('X', f) == 'X' && fflush(f) == 0);
    rewind(f);
    CHECK(fgets(line, sizeof(line), f) != NULL && strcmp(line, "line X\n") == 0);
    CHECK(fseek(f, 0, SEEK_END) == 0);
    CHECK_EQUAL(ftell(f), 8890);
    CHECK(fclose(f) == 0);
    f = fopen("text", "a");
    CHECK(f != NULL && fputs("more", f) >= 0 && fclose(f) == 0);
    struct stat st;
    CHECK(stat("text", &st) == 0);
    CHECK_EQUAL(st.st_size, 8894);
    CHECK(S_ISREG(st.st_mode) && st.st_nlink == 1);
    CHECK(fopen("no/text", "r") == NULL && errno == ENOENT);
    CHECK(fopen("text/x", "r") == NULL && errno == ENOTDIR);
    CHECK(remove("text") == 0);
    CHECK(remove("text") == -1 && errno == ENOENT);
}

static void test_descriptors(void)
{
    char buf[32] = {0};
    int fd = open("raw", O_RDWR | O_CREAT | O_EXCL, 0644);
    CHECK(fd > 2);
    CHECK(open("raw", O_RDWR | O_CREAT | O_EXCL, 0644) == -1 && errno == EEXIST);
    struct iovec parts[2] = {{"hello ", 6}, {"world", 5}};
    CHECK_EQUAL(writev(fd, parts, 2), 11);
    CHECK_EQUAL(lseek(fd, 6, SEEK_SET), 6);
    CHECK_EQUAL(read(fd, buf, sizeof(buf)), 5);
    CHECK(strcmp(buf, "world") == 0);
    CHECK_EQUAL(read(fd, buf, sizeof(buf)), 0);
    CHECK_EQUAL(pread(fd, buf, 5, 0), 5);
    CHECK_EQUAL(pwrite(fd, "J", 1, 0), 1);
    CHECK(ftruncate(fd, 4) == 0);
    CHECK_EQUAL(lseek(fd, 0, SEEK_END), 4);
    CHECK(fcntl(fd, F_SETFL, O_APPEND) == 0);
    CHECK_EQUAL(fcntl(fd, F_GETFL) & O_APPEND, O_APPEND);
    CHECK(posix_fallocate(fd, 0, 10) == 0);
    CHECK(fsync(fd) == 0 && fdatasync(fd) == 0);
    struct timespec times[2] = {{1, 5}, {2, 7}};
    struct stat st;
    CHECK(futimens(fd, times) == 0 && fstat(fd, &st) == 0);
    CHECK(st.st_atim.tv_sec == 1 && st.st_mtim.tv_sec == 2 && st.st_mtim.tv_nsec == 7);
    CHECK_EQUAL(st.st_size, 10);
    CHECK(!isatty(fd));
    CHECK(close(fd) == 0);
    CHECK(close(fd) == -1 && errno == EBADF);
    CHECK(read(fd, buf, 1) == -1 && errno == EBADF);
    fd = open("raw", O_RDONLY);
    CHECK(write(fd, "x", 1) == -1 && errno == EBADF);
    CHECK(close(fd) == 0 && unlink("raw") == 0);
    CHECK(open(".", O_WRONLY) == -1 && errno == EISDIR);
}

static int count_entries(const char *path)
{
    struct stat st;
    int n = 0;
    DIR *d = opendir(path);
    CHECK(d != NULL);
    for (struct dirent *e; d != NULL && (e = readdir(d)) != NULL;) {
        if (e->d_name[0] != '.') {
            n++;
            CHECK(fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0);
            CHECK_EQUAL(st.st_ino, e->d_ino);
        }
    }
    CHECK(d != NULL && closedir(d) == 0);
    return n;
}

static void test_directories(void)
{
    char name[32];
    char target[8] = {0};
    CHECK(mkdir("dir", 0755) == 0);
    CHECK(mkdir("dir", 0755) == -1 && errno == EEXIST);
    for (int i = 0; i < 300; i++) {
        snprintf(name, sizeof(name), "dir/file number %d", i);
        int fd = open(name, O_CREAT | O_WRONLY, 0644);
        CHECK(fd >= 0 && close(fd) == 0);
    }
    CHECK_EQUAL(count_entries("dir"), 300);
    CHECK(rmdir("dir") == -1 && errno == ENOTEMPTY);
    CHECK(rename("dir", "moved") == 0);
    CHECK(access("dir", F_OK) == -1 && access("moved/file number 7", R_OK) == 0);
    CHECK(symlink("moved", "link") == 0);
    CHECK_EQUAL(readlink("link", target, sizeof(target)), 5);
    CHECK_EQUAL(count_entries("link"), 300);
    CHECK(link("moved/file number 7", "hard") == 0);
    struct stat st;
    CHECK(lstat("link", &st) == 0 && S_ISLNK(st.st_mode));
    CHECK(stat("hard", &st) == 0 && st.st_nlink == 2);
    for (int i = 0; i < 300; i++) {
        snprintf(name, sizeof(name), "link/file number %d", i);
        CHECK(unlink(name) == 0);
    }
    CHECK(unlink("link") == 0 && unlink("hard") == 0 && rmdir("moved") == 0);
    CHECK_EQUAL(count_entries("."), 0);
}

static void test_time(void)
{
    struct timespec before;
    struct timespec after;
    struct timespec pause = {.tv_nsec = 3000000};
    CHECK(clock_gettime(CLOCK_MONOTONIC, &before) == 0);
    CHECK(nanosleep(&pause, NULL) == 0);
    CHECK(clock_gettime(CLOCK_MONOTONIC, &after) == 0);
    long long passed =
        (after.tv_sec - before.tv_sec) * 1000000000ll + after.tv_nsec - before.tv_nsec;
    CHECK(passed >= 3000000);
    CHECK(time(NULL) > 0);
    struct pollfd p = {.fd = 1, .events = POLLOUT};
    CHECK_EQUAL(poll(&p, 1, 1000), 1);
    CHECK(p.revents & POLLOUT);
}

static void test_memory(void)
{
    char *blocks[64];
    for (int i = 0; i < 64; i++) {
        blocks[i] = malloc(200000);
        CHECK(blocks[i] != NULL);
        memset(blocks[i], i, 200000);
    }
    for (int i = 0; i < 64; i++) {
        CHECK(blocks[i][0] == i && blocks[i][199999] == i);
        free(blocks[i]);
    }
    char random[32] = {0};
    CHECK(getentropy(random, sizeof(random)) == 0);
}

int main(int argc, char **argv)
{
    CHECK(argc >= 4 && strcmp(argv[2], "two words") == 0);
    if (argc > 4) {
        CHECK(chdir(argv[4]) == 0);
    } else {
        CHECK(getenv("NAME") != NULL && strcmp(getenv("NAME"), "value") == 0);
    }
    test_streams_of_files();
    test_descriptors();
    test_directories();
    test_time();
    test_memory();
    printf("standard output of %s\n", "a C program");
    return check_result();
}
