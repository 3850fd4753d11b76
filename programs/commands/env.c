// SPDX-License-Identifier: MIT
//
// env: prints the environment.
#include "command.h"

extern char **environ;

int main(int argc, char **argv)
{
    begin(argc, argv, "env");
    if (argc > 1) {
        misused();
    }
    (void)getenv(""); /* the C library fills in `environ` when it is first used */
    for (char **e = environ; e != NULL && *e != NULL; e++) {
        out(*e);
        out("\n");
    }
    finish();
}
