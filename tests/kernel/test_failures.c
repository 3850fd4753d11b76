// SPDX-License-Identifier: MIT
//
// Out of memory in every caller: what the kernel does for programs, threads, files and drivers is
// repeated, each time with another allocation failing, alone and then with all that follow, until
// no allocation is left to fail. Each failure is reported; nothing panics and nothing leaks. Debug
// builds only: kernel/debug/fault_injection.h.
#include "kernel/test/test.h"
#include "tests/kernel/tests.h"

#ifdef HALYARD_DEBUG
#include "kernel/debug/fault_injection.h"
#include "kernel/fs/vfs.h"
#include "kernel/io/block.h"
#include "kernel/io/irq.h"
#include "kernel/lib/string.h"
#include "kernel/mm/heap.h"
#include "kernel/mm/page.h"
#include "kernel/mm/vm.h"
#include "kernel/module/driver_module.h"
#include "kernel/module/extension.h"
#include "kernel/sched/thread.h"
#include "kernel/tty/console.h"
#include "tests/kernel/failure_walk.h"
#include "tests/kernel/program_runs.h"

/* ---- The heap, and ranges ---- */

static void use_heap(void)
{
    void *objects[] = {heap_alloc(40),   heap_calloc(3, 700), heap_alloc_aligned(300, 256),
                       heap_alloc(9000), heap_alloc(300000),  heap_strdup("halyard")};
    for (unsigned i = 0; i < sizeof(objects) / sizeof(*objects); i++) {
        void *larger = heap_realloc(objects[i], 5000);
        heap_free(larger != NULL ? larger : objects[i]);
    }
}

/* An object that cannot grow keeps its contents. */
static void grow_object(void)
{
    uint8_t *p = heap_alloc(100);
    for (size_t size = 200; p != NULL && size <= 400000; size *= 2) {
        memset(p, (int)(size % 251), size / 2);
        uint8_t *larger = heap_realloc(p, size);
        p = larger != NULL ? larger : p;
        TEST_CHECK(p[0] == size % 251 && p[size / 2 - 1] == size % 251);
        if (larger == NULL) {
            break;
        }
    }
    heap_free(p);
}

static void an_object_that_cannot_grow_is_unchanged(void)
{
    failures_walk(grow_object);
}

static void use_guarded(void)
{
    void *p = vm_alloc(70000, PAGE_OTHER, "test");
    void *q = vm_alloc(10, PAGE_OTHER, "test");
    vm_free(p);
    vm_free(q);
}

static void guarded_memory_is_allocated(void)
{
    failures_walk(use_guarded);
}

static void heap_objects_are_allocated_and_grow(void)
{
    failures_walk(use_heap);
}

static const struct vm_request some_pages = {
    .pages = 1100, .guard_below = 1, .guard_above = 1, .region = HAL_REGION_VM, .name = "test"};

static void use_range(void)
{
    struct vm_range range;
    if (!failures_succeeds(vm_reserve(&range, &some_pages))) {
        return;
    }
    if (failures_succeeds(vm_populate(&range, 0, 1100, PROT_R | PROT_W, PAGE_OTHER))) {
        (void)failures_succeeds(vm_protect(&range, 3, 600, PROT_R));
        vm_unmap(&range, 0, 1100, true);
    }
    vm_release(&range);
}

static void ranges_are_populated_and_protected(void)
{
    failures_walk(use_range);
}

static void use_frames(void)
{
    paddr_t run, low, clear;
    if (failures_succeeds(page_alloc(9, PAGE_DMA, &run))) {
        page_free(run, 9);
    }
    if (failures_succeeds(page_alloc_below(2, (uint64_t)1 << 32, PAGE_DMA, &low))) {
        page_free(low, 2);
    }
    if (failures_succeeds(page_alloc_zeroed(PAGE_OTHER, &clear))) {
        page_free(clear, 0);
    }
}

static void runs_of_frames_are_allocated(void)
{
    failures_walk(use_frames);
}

/* ---- Threads ---- */

static void do_nothing(void *arg)
{
    (void)arg;
}

static void use_threads(void)
{
    struct thread *threads[3] = {NULL};
    const struct thread_options options = {
        .name = "test", .entry = do_nothing, .uses_fp = true, .priority = PRIO_NORMAL};
    for (unsigned i = 0; i < sizeof(threads) / sizeof(*threads); i++) {
        if (!failures_succeeds(thread_create(&options, &threads[i]))) {
            threads[i] = NULL;
        }
    }
    for (unsigned i = 0; i < sizeof(threads) / sizeof(*threads); i++) {
        if (threads[i] != NULL) {
            TEST_EQUAL(test_join(threads[i], NULL), OK);
        }
    }
}

static void threads_are_created(void)
{
    failures_walk(use_threads);
}

/* ---- Files ---- */

/* A file in memory reports missing memory as a full disk. */
static void is_written(enum status s)
{
    TEST_CHECK(s == OK || s == E_NOMEM || s == E_NOSPC);
}

static void write_some(const char *path)
{
    static const uint8_t bytes[20000] = {1, 2, 3};
    struct file *f;
    size_t done;
    /* Its folder may not exist, because memory ran out when it was created. */
    if (vfs_open(NULL, path, VFS_READ | VFS_WRITE | VFS_CREATE, &f) != OK) {
        return;
    }
    is_written(file_write(f, bytes, sizeof(bytes), &done));
    is_written(file_write_at(f, 1 << 20, bytes, 10, &done));
    is_written(file_set_size(f, 5000));
    file_close(f);
}

static void list_folder(const char *path)
{
    struct file *f;
    struct dir_entry entry;
    if (vfs_open(NULL, path, VFS_READ | VFS_DIRECTORY, &f) == OK) {
        while (file_read_dir(f, &entry) == OK) {
        }
        file_close(f);
    }
}

static void rename_and_link(const char *folder)
{
    struct file *dir;
    if (vfs_open(NULL, folder, VFS_READ | VFS_DIRECTORY, &dir) != OK) {
        return;
    }
    (void)!file_symlink_at("a", dir, "s");
    (void)!file_link_at(dir, "a", dir, "h");
    (void)!file_rename_at(dir, "a", dir, "b");
    file_close(dir);
}

static void read_whole(const char *path)
{
    void *bytes;
    size_t len;
    if (vfs_read_file(path, 1 << 20, &bytes, &len) == OK) {
        heap_free(bytes);
    }
}

/* Runs with all allocations enabled, because opening a folder allocates. */
static void remove_all(const char *folder)
{
    static const char *const names[] = {"a",      "b",    "s",     "h",    "first",
                                        "second", "link", "other", "inner"};
    struct file *tmp, *dir;
    (void)failure_pause();
    if (vfs_open(NULL, "/tmp", VFS_READ | VFS_DIRECTORY, &tmp) != OK) {
        return;
    }
    if (file_open_at(tmp, folder, VFS_READ | VFS_DIRECTORY, &dir) == OK) {
        for (unsigned i = 0; i < sizeof(names) / sizeof(*names); i++) {
            (void)!file_unlink_at(dir, names[i]);
            (void)!file_rmdir_at(dir, names[i]);
        }
        file_close(dir);
        TEST_EQUAL(file_rmdir_at(tmp, folder), OK);
    }
    file_close(tmp);
}

static void use_files(void)
{
    (void)!vfs_mkdir(NULL, "/tmp/fail");
    write_some("/tmp/fail/a");
    rename_and_link("/tmp/fail");
    list_folder("/tmp/fail");
    read_whole("/tmp/fail/b");
    remove_all("fail");
}

static void files_in_memory_are_written_linked_and_listed(void)
{
    failures_walk(use_files);
}

static void use_pipe(void)
{
    struct file *reader, *writer;
    uint8_t bytes[100] = {0};
    size_t done;
    if (failures_succeeds(pipe_make(&reader, &writer))) {
        if (failures_succeeds(file_write(writer, bytes, sizeof(bytes), &done))) {
            TEST_EQUAL(done, sizeof(bytes));
        }
        file_close(writer);
        (void)failures_succeeds(file_read(reader, bytes, sizeof(bytes), &done));
        file_close(reader);
    }
}

static void pipes_are_created(void)
{
    failures_walk(use_pipe);
}

/* ---- Disks ---- */

#define DISKS_MAX 4u

static char disk_names[DISKS_MAX][sizeof(((struct block_device *)0)->name)];
static unsigned disk_count;
static const char *disk_name;
static bool was_mounted;

static void note_disk(void *ctx, struct block_device *dev)
{
    (void)ctx;
    if (disk_count < DISKS_MAX) {
        str_copy(disk_names[disk_count], sizeof(disk_names[disk_count]), dev->name);
        disk_count++;
    }
}

/* Reads only, so that it works with any contents. */
static void use_disk(void)
{
    struct block_device *dev = block_open(disk_name);
    void *bytes = heap_alloc(PAGE_SIZE);
    if (dev != NULL && bytes != NULL) {
        (void)failures_succeeds(block_read(dev, 0, bytes, PAGE_SIZE));
    }
    if (dev != NULL) {
        enum status s = vfs_mount_block(dev, "/tmp/disk");
        if (s == OK) {
            was_mounted = true;
            list_folder("/tmp/disk");
            read_whole("/tmp/disk/file");
            TEST_EQUAL(vfs_unmount("/tmp/disk"), OK);
        }
        /* E_BUSY: the boot has mounted it, the first one with a file system, as the root. */
        TEST_CHECK(s == OK || s == E_NOMEM || s == E_FORMAT || s == E_BUSY);
        block_close(dev);
    }
    heap_free(bytes);
}

/* A scratch disk only shows that it is empty;
 * tests/sanitize/test_heap.py attaches two with files. */
static void disks_are_read_and_mounted(void)
{
    disk_count = 0;
    was_mounted = false;
    block_for_each(note_disk, NULL);
    if (disk_count == 0) {
        test_skip("no disk");
        return;
    }
    for (unsigned i = 0; i < disk_count; i++) {
        disk_name = disk_names[i];
        failures_walk(use_disk);
    }
    console_printf("# %s\n", was_mounted ? "one was mounted" : "none has a file system");
}

/* ---- Programs ---- */

extern const uint8_t test_program_sdk[], test_program_sdk_end[];
extern const uint8_t test_program_calls[], test_program_calls_end[];

static const char *program_path;

static void run_with(enum load_engine engine, int argc)
{
    static const char *const argv[] = {"program", "little"};
    const struct load_options options = {.argc = argc, .argv = argv, .engine = engine};
    struct loader_error err = {.text = ""};
    struct program *p;
    enum program_end end;
    int status;
    enum status s = loader_start(program_path, &options, &p, &err);
    if (s != OK) {
        TEST_CHECK(err.text[0] != '\0');
        return;
    }
    TEST_EQUAL(program_wait(p, WAIT_FOREVER, &end, &status), OK);
    program_release(p);
    remove_all("calls"); /* created by the portable program and by the native one */
    (void)!vfs_unlink(NULL, "/tmp/sdk.txt");
}

static void run_default(void)
{
    run_with(LOAD_ENGINE_DEFAULT, 1);
}

static void run_interpreted(void)
{
    run_with(LOAD_ENGINE_INTERPRETER, 2);
}

static void walk_program(const char *path, const uint8_t *begin, const uint8_t *end,
                         failure_scenario_t *scenario)
{
    const struct image image = {path, begin, (size_t)(end - begin)};
    if (runs_write_file(&image)) {
        program_path = path;
        failures_walk(scenario);
        runs_remove_file(&image);
    }
}

static void native_programs_run(void)
{
    walk_program("/tmp/sdk", test_program_sdk, test_program_sdk_end, run_default);
}

static void compiled_programs_run(void)
{
    walk_program("/tmp/leave.wasm", runs_leave, runs_leave + RUNS_LEAVE_LEN, run_default);
}

static void interpreted_programs_run(void)
{
    struct loader_error err = {.text = ""};
    /* has the interpreter, and stays: a step of the walk would count it as a leak */
    TEST_EQUAL(extension_add("tools.ko", &err), OK);
    walk_program("/tmp/calls.wasm", test_program_calls, test_program_calls_end, run_interpreted);
}

/* ---- Drivers ---- */

extern const uint8_t test_module_virtio_rng[], test_module_virtio_rng_end[];

static void use_driver(void)
{
    struct loader_error err = {.text = ""};
    unsigned taken;
    size_t len = (size_t)(test_module_virtio_rng_end - test_module_virtio_rng);
    enum status s =
        driver_module_load_bytes("test/virtio_rng.ko", test_module_virtio_rng, len, &taken, &err);
    if (s == OK) {
        TEST_EQUAL(driver_module_unload("virtio_rng", &err), OK);
    } else {
        TEST_CHECK(err.text[0] != '\0');
    }
}

static void drivers_are_loaded(void)
{
    failures_walk(use_driver);
}

/* ---- Interrupts ---- */

static enum irq_result not_mine(void *ctx)
{
    (void)ctx;
    return IRQ_NOT_MINE;
}

/* A line's state is allocated on its first request and stays, so the walk has nothing to repeat. */
static void a_line_is_allocated_once_there_is_memory(void)
{
    static uint32_t line = IRQ_LINE_MAX;
    struct irq_action action = {.handle = not_mine, .name = "test"};
    line--; /* so that another run of the test uses the next line */
    for (uint64_t nth = 1; nth < 5; nth++) {
        failure_arm(nth, false);
        enum status s = irq_request(&action, line, IRQ_EDGE);
        uint64_t failed = failure_disarm();
        TEST_CHECK((s == E_NOMEM) == (failed > 0));
        if (s == OK) {
            irq_release(&action);
        }
    }
    TEST_CHECK(irq_request(&action, line, IRQ_EDGE) != E_NOMEM);
}

/* A walk that met no allocation has tested nothing. */
static void every_allocation_has_failed_once(void)
{
    console_printf("# %llu allocations failed\n", (unsigned long long)failures_walked());
    TEST_CHECK(failures_walked() > 100);
}

const struct kernel_test failure_tests[] = {
    {"failures.heap_objects_are_allocated_and_grow", heap_objects_are_allocated_and_grow,
     TEST_ON_NOTHING},
    {"failures.an_object_that_cannot_grow_is_unchanged", an_object_that_cannot_grow_is_unchanged,
     TEST_ON_NOTHING},
    {"failures.guarded_memory_is_allocated", guarded_memory_is_allocated, TEST_ON_NOTHING},
    {"failures.ranges_are_populated_and_protected", ranges_are_populated_and_protected,
     TEST_ON_NOTHING},
    {"failures.runs_of_frames_are_allocated", runs_of_frames_are_allocated, TEST_ON_NOTHING},
    {"failures.threads_are_created", threads_are_created, TEST_ON_NOTHING},
    {"failures.files_in_memory_are_written_linked_and_listed",
     files_in_memory_are_written_linked_and_listed, TEST_ON_NOTHING},
    {"failures.pipes_are_created", pipes_are_created, TEST_ON_NOTHING},
    {"failures.disks_are_read_and_mounted", disks_are_read_and_mounted, TEST_ON_NOTHING},
    {"failures.native_programs_run", native_programs_run, TEST_ON_NOTHING},
    {"failures.compiled_programs_run", compiled_programs_run, TEST_ON_NOTHING},
    {"failures.interpreted_programs_run", interpreted_programs_run, TEST_ON_NOTHING},
    {"failures.drivers_are_loaded", drivers_are_loaded, TEST_ON_NOTHING},
    {"failures.a_line_is_allocated_once_there_is_memory", a_line_is_allocated_once_there_is_memory,
     TEST_ON_NOTHING},
    {"failures.every_allocation_has_failed_once", every_allocation_has_failed_once,
     TEST_ON_NOTHING},
    {0},
};
#else
const struct kernel_test failure_tests[] = {{0}};
#endif
