// SPDX-License-Identifier: MIT
//
// The pages of `help COMMAND`: a paragraph and an example, shown below the usage line.
#include "kernel/shell/command_internal.h"

#include "kernel/lib/compiler.h"
#include "kernel/lib/string.h"

static const struct {
    const char *command;
    const char *text;
} pages[] = {
    {"help",
     "Without COMMAND, lists all commands. Tab completes a command's name; a second Tab lists\n"
     "the candidates.\n"
     "    help mount"},
    {"log",
     "The kernel keeps the last 64 KiB of its log, including the lines below the level that the\n"
     "console shows. `loglevel=debug` on the kernel's command line shows all of them\n"
     "as they are written. E, W, I and D mean error, warning, information and debugging.\n"
     "    log"},
    {"uptime", "A CPU is idle while no thread on it is ready to run.\n"
               "    uptime"},
    {"cpus", "The modes and features are measured at boot, not derived from the model's name.\n"
             "    cpus"},
    {"ps",
     "%CPU is the share of the thread's life in which it ran; MEMORY is its program's. CONSOLE is\n"
     "the terminal that it reads and writes; - means all of them. A name in brackets is the\n"
     "program that the thread belongs to.\n"
     "    ps"},
    {"irq",
     "Counts since boot, or during the next SECONDS. BUSY us is the time spent in the line's\n"
     "handlers, EACH ns the time for one interrupt. With more than one CPU, the counts of each\n"
     "CPU follow the names of the handlers. UNCLAIMED counts interrupts that every handler\n"
     "rejected. The kernel masks a line whose interrupts stay unclaimed; `irq resume` unmasks\n"
     "it. `irq move` sends a line to another CPU until its last handler is removed.\n"
     "    irq 5"},
    {"test", "Runs the kernel's tests and prints TAP. * and ? match any characters.\n"
             "    test sched*\n"
             "    test on:cpus,memory:*   only tests that depend on these parts of the machine;\n"
             "                            the other parts are interrupts, firmware and screen"},
    {"bench",
     "Prints one line for each figure: bench NAME VALUE UNIT. Figures repeat exactly only\n"
     "under `scripts/run --bench`, which counts instructions.\n"
     "    bench heap.*"},
    {"panic", "Shows the report that a panic prints. The machine stops afterwards.\n"
              "    panic"},
    {"reboot", "Writes what was changed to the disks, waits for pending output, then resets the\n"
               "machine. Ctrl-Alt-Delete on a keyboard resets it at once, and nothing is written.\n"
               "    reboot"},
    {"poweroff",
     "Writes what was changed to the disks, waits for pending output, then switches the\n"
     "machine off.\n"
     "    poweroff"},
    {"mem", "Shows how much memory each owner has. With `map`, shows the regions of the address\n"
            "space and every mapping in them with its permissions.\n"
            "    mem map"},
    {"heap",
     "Shows the live objects, their bytes, and the pages that hold them. With `sites`, in debug\n"
     "builds, shows the call chains that allocated most of them.\n"
     "    heap sites"},
    {"lspci",
     "Shows each device's vendor and device ID, class, interrupts and driver, then what it is,\n"
     "as far as /lib/pci.names has its name, and its addresses.\n"
     "    lspci"},
    {"free", "`mem` shows who uses the memory.\n"
             "    free"},
    {"uname", "The machine is the kind of processor that the kernel was built for.\n"
              "    uname"},
    {"lsblk", "Shows each disk's size and the number of reads, writes and errors since boot.\n"
              "    lsblk"},
    {"mount",
     "Without arguments, lists the mounted file systems. DIR must exist; its content is hidden\n"
     "while the disk is mounted there. A disk is read-only until `-o rw` makes it writable; with\n"
     "-o and DIR alone, mount changes what is mounted.\n"
     "    mount -o rw vdb /data\n"
     "    mount -o ro /data"},
    {"umount", "Writes what was changed. Files that are open keep a file system mounted.\n"
               "    umount /data"},
    {"sync", "Returns when everything that was written is on the disks. Without it, a change is\n"
             "written after 5 seconds.\n"
             "    sync"},
    {"df", "A file system in memory grows as far as there is free memory.\n"
           "    df"},
    {"ls",
     "-l shows type and permissions, links, size, date, name and the target of a link; -a also\n"
     "names that start with a dot; -1 one name a line, as in a file or pipe. Control characters\n"
     "in names are shown as \\x1b.\n"
     "    ls -l /bin"},
    {"cat", "Prints the files one after the other, unchanged; without PATH, the input.\n"
            "    cat /etc/motd"},
    {"write", "Creates the file or replaces its content. The words are joined by spaces.\n"
              "    write /tmp/note remember the milk"},
    {"mkdir", "Creates each DIR in a directory that exists.\n"
              "    mkdir /tmp/work"},
    {"rm",
     "Removes files and empty directories; with -r, also what is in them. An open file loses\n"
     "its name at once, and its content when it is closed.\n"
     "    rm -r /tmp/work"},
    {"run",
     "The program owns this terminal until it exits: it reads lines (Ctrl-D: end of file); Ctrl-C\n"
     "ends it. `run` may be omitted if the path contains a slash. --cpu limits the CPU time,\n"
     "loading included. --memory limits the memory of the program: 64M; by default three\n"
     "quarters of the free memory.\n"
     "A portable program is compiled, or interpreted with --interp. It can reach every file; with\n"
     "--dir (up to 8 times) only the files below PATH, under that path or under NAME; with\n"
     "--no-dir none.\n"
     "    run /bin/hello.elf one two\n"
     "    cat /bin/hello.elf | /bin/sha256.elf > /tmp/digest"},
    {"sh",
     "The language: a | b, a; b, a && b, a || b, a &, < > >> 2> 2>> 2>&1, quotes, $NAME, $?, * ? [x],\n"
     "if, while, for. Parameters are $1 to $9, $# and $@. /etc/rc runs at boot.\n"
     "    sh -c 'for f in /bin/*; do [ -s $f ] || cat $f; done'"},
    {"time",
     "Prints the time that has passed, the CPU time of the programs, and that of the shell.\n"
     "    time sort /bin/words | wc"},
    {"kill", "A job is ended with all its programs.\n"
             "    kill %1"},
    {"[",
     "Conditions: -e -f -d -s FILE, -n -z TEXT, A = B, A != B, N -eq -ne -lt -le -gt -ge N, !.\n"
     "    [ -f /etc/rc ] && cat /etc/rc"},
    {"fg",
     "Ctrl-Z stops the pipeline in the foreground, & starts one in the background. Without %JOB,\n"
     "continues the newest.\n"
     "    fg %1"},
    {"jit",
     "Without arguments, lists the portable programs that are loaded, on all consoles; with the\n"
     "number of a program, lists its functions, the largest first. With a file, compiles it without running it and\n"
     "prints one line for each function. `dump` prints every stage of one function; `features`, the\n"
     "proposals of WebAssembly, each with yes, no or interpreted.\n"
     "    jit dump /bin/hello.wasm main"},
    {"profile",
     "Samples the running function five thousand times a second, one CPU after the other, in the\n"
     "kernel, drivers and programs. `stop` ends it and prints the result; `profile` without\n"
     "arguments prints the result so far. Code that runs with interrupts masked is counted at\n"
     "the point that unmasks them. `stacks` prints the call chains, for scripts/flamegraph. The\n"
     "samples stay until the next `start`.\n"
     "    profile start"},
    {"trace",
     "Records every thread switch, wake-up, interrupt, disk request and loading step in one ring\n"
     "for each CPU, which overwrites its oldest records. `dump` prints one line for each record,\n"
     "for scripts/trace; stop first. Without arguments, prints how many records there are.\n"
     "`trace` on the kernel's command line starts recording with the first thread.\n"
     "    trace dump > /tmp/trace"},
    {"load", "A module is a driver or an extension. A name without a slash is a file in\n"
             "/lib/modules.\n"
             "    load virtio_rng"},
    {"unload",
     "Waits for requests in flight. `modules` lists the names. An extension stays loaded.\n"
     "    unload virtio_rng"},
    {"modules",
     "Shows each driver's state and the number of its devices, and how many commands, file\n"
     "systems and formats an extension adds.\n"
     "    modules"},
    {"random", "Prints random bytes in hexadecimal, then the sources that seeded the generator.\n"
               "    random 16"},
};

/* A linear search: a person asks, and the table is in the order of `help` so that a missing page is
 * easy to see. A command without a page has only its usage line. */
const char *shell_manual(const char *command)
{
    for (size_t i = 0; i < ARRAY_COUNT(pages); i++) {
        if (strcmp(pages[i].command, command) == 0) {
            return pages[i].text;
        }
    }
    return NULL;
}
