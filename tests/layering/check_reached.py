# SPDX-License-Identifier: MIT
"""Functions of the kernel that production code never reaches: what a link with --gc-sections would remove.

Every function has a section of its own, so the linker finds functions that are not reachable from the entry points (boot code,
vectors, the tables of exports and drivers) and from those rooms of the kernel that are extensions. A function that only
another machine reaches counts as reached: the check needs a build of each machine. So does one that its own file calls,
because the compiler inlined it there. What only a later user, another configuration or the tests call is listed below,
with the reason; anything else is called by nobody.
"""
import re
import shlex
import subprocess
import tempfile
from pathlib import Path

import check_symbols

PORTABLE = ("kernel/", "boot/", "drivers/", "hal/")
# By reason: functions that production code of these builds does not reach. A function that is reached, or is gone, must
# leave the list.
UNREACHED = {
    "for a language whose references live in registers and frames (the .NET runtime keeps its own in memory)":
        "code_piece_refs",
    "of the commands on the host, which end a loop by a signal":
        "code_map_interrupt",
    "locks for later users, tested in advance: a reader-writer lock for tables of names and mounts":
        "rwlock_read_until rwlock_write_until",
    "locks and events for drivers and extensions to come, beside the exported mutexes, completions and work":
        "condition_init condition_wait condition_signal condition_broadcast event_init event_set event_reset event_wait "
        "semaphore_init semaphore_down semaphore_up mutex_lock_until work_queue_by_timer",
    "for drivers of devices that can be unplugged, or cancel and group requests":
        "block_cancel device_remove device_unbind fault_own_addresses pci_irq_setup_line",
    "for debug and sanitized builds, which reach it":
        "backtrace_print_list panic_explain_faults panic_explained spin_is_locked vm_free_frames vm_is_guard vm_map_shadow "
        "vm_set_pager",
    "of the runner of tests, which tests.ko calls":
        "bench_median bench_report boot_busy_ns test_skip test_walk_share",
    "how tests observe or drive the kernel: state, statistics, priorities, calls by name":
        "codemem_get_stats codepool_get_stats ir_can_eval loader_get_info program_for_each "
        "program_remove_resource shell_execute terminal_is_dirty thread_set_priority "
        "vcode_params vm_for_each watchdog_reports wasm_store_register_shared",
    "part of the start-up code of boot32, which is linked apart":
        "slide_is_off_multiboot2 slide_is_off_pvh vectors",
}

REMOVED = re.compile(r"removing unused section (?:.*?kernel_objects\.dir/)?(.*)\.obj:\(\.text\.(?:unlikely\.|hot\.)?(.+)\)$")


def link_command(build):
    """The command that links the kernel, without what it does besides."""
    text = subprocess.run(["ninja", "-C", str(build), "-t", "commands", "halyard.elf"], check=True,
                          capture_output=True, text=True).stdout
    line = next(c for c in reversed(text.splitlines()) if "-o halyard.elf" in c)
    words = shlex.split(line.split("&&")[1])
    return [w for w in words if w != "--fatal-warnings" and not w.startswith("-Map=")]


def called_by_extensions(build):
    """Symbols that the rooms outside of the image need from it."""
    objects = [str(o) for target in check_symbols.EXTENSIONS for o in (build / "CMakeFiles" / target).rglob("*.obj")]
    text = subprocess.run(["llvm-nm", "-u", "-g", "-j", *objects], check=True, capture_output=True, text=True).stdout
    return sorted({line for line in text.split() if not line.endswith(":")})


def removed_functions(build):
    """{(source, function)} that the linker finds unreachable."""
    words = link_command(build) + [f"--undefined={symbol}" for symbol in called_by_extensions(build)]
    with tempfile.TemporaryDirectory() as out:
        words[words.index("-o") + 1] = str(Path(out) / "reached.elf")
        # Without the boot stack, which only an address reaches, the script's assertions fail: that does not matter.
        done = subprocess.run([*words, "--gc-sections", "--print-gc-sections", "--noinhibit-exec"], cwd=build, capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"{build}: {done.stderr}")
    return {(m[1], m[2]) for m in map(REMOVED.match, (done.stdout + done.stderr).splitlines()) if m}


def global_functions(build):
    objects = check_symbols.kernel_objects(build)
    text = subprocess.run(["llvm-nm", "-A", "-g", *map(str, objects.values())], check=True, capture_output=True,
                          text=True).stdout
    return {line.split()[-1] for line in text.splitlines() if line.split()[-2] in "Tt"}


def unreached(builds):
    """{(source, function)} that no machine reaches; a machine's own files count for it alone."""
    removed = [removed_functions(b) for b in builds]
    everywhere = set.intersection(*removed)
    names = set.union(*map(global_functions, builds))
    own = {f for r in removed for f in r if not f[0].startswith(PORTABLE)}
    return {f for f in everywhere | own if f[1] in names}


def is_called_in(source, function):
    return len(re.findall(rf"\b{function}\(", re.sub(r"/\*.*?\*/|//[^\n]*", "", source, flags=re.S))) > 1


def complaints(root, builds):
    listed = {name for names in UNREACHED.values() for name in names.split()}
    found = {(source, name) for source, name in unreached(builds)
             if not is_called_in((root / source).read_text(errors="replace"), name)}
    for source, name in sorted(found):
        if name not in listed:
            yield f"{source}: production code does not reach {name}: delete it, or list it in check_reached.py with its user"
    for name in sorted(listed - {name for _, name in found}):
        yield f"check_reached.py: {name} is reached, or gone: take it off the list"
