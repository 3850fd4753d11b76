// SPDX-License-Identifier: MIT
//
// What `help COMMAND` says beyond usage and one line: a paragraph and an example.
#include "kernel/shell/command_internal.h"

#include "kernel/lib/compiler.h"
#include "kernel/lib/string.h"

static const struct {
    const char *command;
    const char *text;
} pages[] = {
    {"help",
     "Without a command, all commands. Tab completes their names; a second Tab lists them.\n"
     "    help mount"},
    {"log",
     "The log keeps some hundred lines, including those that were not shown: `loglevel=debug`\n"
     "on the kernel's command line shows them as they come. E, W, I, D: error, warning,\n"
     "information, debugging.\n"
     "    log"},
    {"uptime", "Idle time is time in which no thread wanted the CPU.\n"
               "    uptime"},
    {"cpus", "What was measured at boot, not what the model's name promises.\n"
             "    cpus"},
    {"ps",
     "CONSOLE is the terminal that a thread reads and writes; - is the system's, which is all\n"
     "of them. A name in brackets is the program's that the thread belongs to.\n"
     "    ps"},
    {"irq",
     "Since boot, or with SECONDS what happens in that time. BUSY us is spent in the line's\n"
     "handlers, EACH ns is that for one interrupt. Behind the handlers, with more than one CPU,\n"
     "how many each took. UNCLAIMED counts interrupts that no handler found to be its own. A line\n"
     "that nobody claims again and again is masked; `irq resume` lets it try again. `irq move`\n"
     "lets a line interrupt another CPU, until its last handler goes.\n"
     "    irq 5"},
    {"test", "Runs the kernel's tests, in TAP form. * and ? stand for any characters.\n"
             "    test sched*\n"
             "    test on:cpus,memory:*   only those that depend on these parts of the machine;\n"
             "                            others are interrupts, firmware and screen"},
    {"bench", "Prints a line a figure: bench NAME VALUE UNIT. Figures repeat exactly only under\n"
              "`scripts/run --bench`, where instructions are counted.\n"
              "    bench heap.*"},
    {"panic", "For looking at what a panic prints; the machine is off afterwards.\n"
              "    panic"},
    {"reboot",
     "What was written is on its way out first. Ctrl-Alt-Delete on a keyboard does the same.\n"
     "    reboot"},
    {"poweroff", "What was written is on its way out first.\n"
                 "    poweroff"},
    {"mem", "Who owns how much memory. With `map`, the regions of the address space and each\n"
            "mapping in it with its rights.\n"
            "    mem map"},
    {"heap",
     "Objects and bytes that are allocated now, and the pages that hold them. With `sites`, in\n"
     "debug builds, the call chains that have taken most of them.\n"
     "    heap sites"},
    {"lspci",
     "Vendor and device, class, addresses, interrupts, and the driver that has the device.\n"
     "    lspci"},
    {"lsblk", "Disks with their sizes and what was done with them since boot.\n"
              "    lsblk"},
    {"mount",
     "Without arguments, what is mounted. A disk can be mounted at any directory, or at a\n"
     "name in one that is not there yet.\n"
     "    mount vda /data"},
    {"ls", "Type and permissions, size, name. Of a file, its own line.\n"
           "    ls /bin"},
    {"cat", "Files one after the other, as they are.\n"
            "    cat /etc/motd"},
    {"write", "Makes the file or replaces what is in it. Words are joined by blanks.\n"
              "    write /tmp/note remember the milk"},
    {"rm", "Files and empty directories; of a file that somebody has open, the name.\n"
           "    rm /tmp/note"},
    {"run",
     "The program has this terminal until it ends; Ctrl-C ends it. `run` can be left out if\n"
     "the path has a slash in it. --cpu ends a program that runs longer, loading included;\n"
     "above --memory (64M; else three quarters of what is free) it gets no more.\n"
     "A portable program is compiled, or with --interp interpreted. It can reach every file,\n"
     "or only what is in the folder that --dir names (up to 8 times), which it knows by that\n"
     "path or by NAME; with --no-dir it reaches none.\n"
     "Bars connect programs, < > >> 2> and 2>> name files; a command of the shell can be first.\n"
     "    run /bin/hello.elf one two\n"
     "    cat /bin/hello.elf | /bin/sha256.elf > /tmp/digest"},
    {"jit",
     "Without arguments, the portable programs that are loaded, here or from another console;\n"
     "with a program's number, its functions. A file is compiled and not run: a line a\n"
     "function, or, after `dump`, each stage of one.\n"
     "    jit dump /bin/hello.wasm main"},
    {"profile",
     "Looks five thousand times a second which function runs, of the kernel, a driver or a program,\n"
     "on one CPU after the other, from `start` to `stop`, which prints what was found; `profile`\n"
     "alone prints it and goes on.\n"
     "What runs with interrupts masked is found where it lets them in again. `stacks`, before\n"
     "`stop`, prints the call chains, of which scripts/flamegraph makes a picture.\n"
     "    profile start"},
    {"trace",
     "A record for each switch of threads, wake-up, interrupt, disk request and step of loading\n"
     "a program, kept in a ring for each CPU: the oldest go first. `stop` before `dump`, which\n"
     "prints a line a record; scripts/trace makes a picture of them. Alone, how many there are.\n"
     "`trace` on the kernel's command line starts with the first thread.\n"
     "    trace dump > /tmp/trace"},
    {"load", "A name alone is looked for in /lib/modules.\n"
             "    load virtio_rng"},
    {"unload", "Waits for requests in flight. `modules` lists the names.\n"
               "    unload virtio_rng"},
    {"modules", "Each with its state and how often it is used.\n"
                "    modules"},
    {"random", "Bytes as hexadecimal digits, and what they were made from.\n"
               "    random 16"},
};

const char *shell_manual(const char *command)
{
    for (size_t i = 0; i < ARRAY_COUNT(pages); i++) {
        if (strcmp(pages[i].command, command) == 0) {
            return pages[i].text;
        }
    }
    return NULL;
}
