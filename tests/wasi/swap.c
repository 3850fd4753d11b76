// SPDX-License-Identifier: MIT
//
// The other half of race.c, if nothing else does its part: prepares the folder that is named, then
// keeps replacing a directory by a link that leads out, and back, until its standard input ends.
#include "check.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

static void write_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    CHECK(f != NULL && fputs(text, f) >= 0 && fclose(f) == 0);
}

/* race.c starts as soon as the folder exists, so everything must be in it by then. */
static void prepare(void)
{
    write_file("secret", "secret");
    CHECK(mkdir("made", 0777) == 0 && mkdir("made/d", 0777) == 0 && mkdir("made/d/e", 0777) == 0);
    write_file("made/d/secret", "inside");
    CHECK(symlink("..", "made/link") == 0 && rename("made", "home") == 0);
}

int main(int argc, char **argv)
{
    CHECK(argc == 2 && chdir(argv[1]) == 0);
    prepare();
    struct pollfd input = {.fd = 0, .events = POLLIN};
    long rounds = 0;
    while (check_failures == 0 && poll(&input, 1, 0) == 0) {
        CHECK(rename("home/d", "home/away") == 0 && rename("home/link", "home/d") == 0);
        CHECK(rename("home/d", "home/link") == 0 && rename("home/away", "home/d") == 0);
        rounds++;
    }
    CHECK(rounds > 0);
    return check_result();
}
