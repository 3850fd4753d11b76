// SPDX-License-Identifier: MIT
//
// The functions that loaded drivers and extensions may call: services of the kernel
// and of the buses, but not those for programs. modules/module.h
// gives the compiler the same versions; a test compares the two.
#include "drivers/registry.h"

#include "drivers/pci/pci.h"
#include "drivers/virtio/pci.h"
#include "drivers/virtio/virtio.h"
#include "kernel/base/assert.h"
#include "kernel/base/clock.h"
#include "kernel/base/log.h"
#include "kernel/base/spinlock.h"
#include "kernel/fs/disk_state.h"
#include "kernel/fs/fs.h"
#include "kernel/fs/name_cache.h"
#include "kernel/fs/page_cache.h"
#include "kernel/io/block.h"
#include "kernel/io/dma.h"
#include "kernel/io/irq.h"
#include "kernel/io/random.h"
#include "kernel/lib/compiler.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"
#include "kernel/lib/unicode.h"
#include "kernel/load/bytecode/bytecode_format.h"
#include "kernel/mm/heap.h"
#include "kernel/sched/mutex.h"
#include "kernel/sched/rwlock.h"
#include "kernel/sched/thread.h"
#include "kernel/sched/timer.h"
#include "kernel/sched/wait.h"
#include "kernel/sched/work.h"
#include "kernel/tty/console.h"

/* A driver's memcpy() is the kernel's own, unlike a program's: a fault in it counts as a fault of
 * the kernel. */
#define RUNTIME(name)                                                                              \
    {                                                                                              \
#name, EXPORT_NO_VERSION, name                                                             \
    }
#define FUNCTION(name, v)                                                                          \
    {                                                                                              \
#name, v, name                                                                             \
    }
#define OBJECT(name, v)                                                                            \
    {                                                                                              \
#name, v, &name                                                                            \
    }

/* Sorted by name, because the search is a binary search. */
const struct export driver_exports[] = {
    FUNCTION(block_close, 1),
    FUNCTION(block_complete, 1),
    FUNCTION(block_complete_batch_locked, 2),
    FUNCTION(block_finish_locked, 1),
    FUNCTION(block_flush, 1),
    FUNCTION(block_init, 1),
    FUNCTION(block_open, 1),
    FUNCTION(block_read, 1),
    FUNCTION(block_register, 1),
    FUNCTION(block_restart, 1),
    FUNCTION(block_unregister, 1),
    FUNCTION(block_write, 1),
    FUNCTION(bytecode_forget, 1),
    FUNCTION(bytecode_refuse, 1),
    FUNCTION(bytecode_remember, 1),
    FUNCTION(clock_now_ns, 1),
    FUNCTION(clock_wall_ns, 1),
    FUNCTION(completion_init, 1),
    FUNCTION(completion_signal, 1),
    FUNCTION(completion_wait, 1),
    FUNCTION(completion_wait_uncancellable, 1),
    FUNCTION(console_printf, 1),
    FUNCTION(console_write, 1),
    FUNCTION(disk_state_fail_locked, 1),
    FUNCTION(disk_state_set_mode, 1),
    FUNCTION(disk_state_sync, 1),
    FUNCTION(dma_alloc, 1),
    FUNCTION(dma_free, 1),
    FUNCTION(dma_map, 1),
    FUNCTION(dma_unmap, 1),
    FUNCTION(file_close, 1),
    FUNCTION(file_read, 1),
    FUNCTION(file_write, 1),
    FUNCTION(fmt_print, 1),
    FUNCTION(fs_check_fault, 1),
    FUNCTION(fs_node_free, 1),
    FUNCTION(fs_node_get, 1),
    FUNCTION(fs_node_put, 1),
    FUNCTION(heap_alloc, 1),
    FUNCTION(heap_calloc, 1),
    FUNCTION(heap_free, 1),
    FUNCTION(heap_realloc, 1),
    FUNCTION(heap_zalloc, 1),
    FUNCTION(inspection_refuse, 1),
    FUNCTION(irq_release, 1),
    FUNCTION(irq_request, 1),
    FUNCTION(log_line, 1),
    RUNTIME(memcmp),
    RUNTIME(memcpy),
    RUNTIME(memmove),
    RUNTIME(memset),
    FUNCTION(mutex_init, 1),
    FUNCTION(mutex_lock, 1),
    FUNCTION(mutex_try_lock, 1),
    FUNCTION(mutex_unlock, 1),
    FUNCTION(name_cache_add, 1),
    FUNCTION(name_cache_free, 1),
    FUNCTION(name_cache_init, 1),
    FUNCTION(name_cache_remove_node, 1),
    FUNCTION(page_cache_copy, 1),
    FUNCTION(page_cache_dirty, 1),
    FUNCTION(page_cache_free, 1),
    FUNCTION(page_cache_get, 1),
    FUNCTION(page_cache_get_new, 1),
    FUNCTION(page_cache_make, 1),
    FUNCTION(page_cache_pause, 1),
    FUNCTION(page_cache_peek, 1),
    FUNCTION(page_cache_sync, 1),
    FUNCTION(page_cache_throttle, 1),
    FUNCTION(panic, 1),
    OBJECT(pci_bus_type, 1),
    FUNCTION(pci_disable, 1),
    FUNCTION(pci_enable, 1),
    FUNCTION(pci_find_capability, 1),
    FUNCTION(pci_irq_release, 1),
    FUNCTION(pci_irq_request, 1),
    FUNCTION(pci_irq_setup, 1),
    FUNCTION(pci_irq_teardown, 1),
    FUNCTION(pci_map_bar, 1),
    FUNCTION(pci_read16, 1),
    FUNCTION(pci_read32, 1),
    FUNCTION(pci_read8, 1),
    FUNCTION(pci_unmap_bar, 1),
    FUNCTION(pci_write16, 1),
    FUNCTION(pci_write32, 1),
    FUNCTION(pci_write8, 1),
    FUNCTION(preempt_if_possible, 1),
    FUNCTION(random_add_source, 1),
    FUNCTION(random_bytes, 1),
    FUNCTION(random_fill, 1),
    FUNCTION(random_remove_source, 1),
    FUNCTION(rwlock_end_write, 1),
    FUNCTION(rwlock_init, 1),
    FUNCTION(rwlock_write, 1),
    FUNCTION(spin_lock, 1),
    FUNCTION(spin_lock_irq, 1),
    FUNCTION(spin_unlock, 1),
    FUNCTION(spin_unlock_irq, 1),
    FUNCTION(status_text, 1),
    FUNCTION(str_copy, 1),
    FUNCTION(str_make_printable, 1),
    FUNCTION(strchr, 1),
    FUNCTION(strcmp, 1),
    FUNCTION(strlen, 1),
    FUNCTION(strncmp, 1),
    FUNCTION(strnlen, 1),
    FUNCTION(strrchr, 1),
    FUNCTION(thread_create, 1),
    FUNCTION(thread_exit, 1),
    FUNCTION(thread_join, 1),
    FUNCTION(thread_sleep, 1),
    FUNCTION(thread_yield, 1),
    FUNCTION(timer_cancel, 1),
    FUNCTION(timer_start, 1),
    FUNCTION(unicode_encode, 1),
    FUNCTION(vfs_mount_fs, 1),
    FUNCTION(vfs_open, 1),
    FUNCTION(virtio_config_u32, 1),
    FUNCTION(virtio_config_u64, 1),
    FUNCTION(virtio_negotiate, 1),
    FUNCTION(virtio_pci_close, 1),
    FUNCTION(virtio_pci_match, 1),
    FUNCTION(virtio_pci_open, 1),
    FUNCTION(virtio_queue_close, 1),
    FUNCTION(virtio_queue_disconnect, 1),
    FUNCTION(virtio_queue_open, 1),
    FUNCTION(virtio_queue_reopen, 1),
    FUNCTION(virtio_reset, 1),
    FUNCTION(virtio_start, 1),
    FUNCTION(virtq_add, 1),
    FUNCTION(virtq_add_indirect, 1),
    FUNCTION(virtq_disable_interrupts, 1),
    FUNCTION(virtq_enable_interrupts, 1),
    FUNCTION(virtq_pop, 1),
    FUNCTION(virtq_publish, 1),
    FUNCTION(virtq_reclaim, 1),
    FUNCTION(wait_on_locked, 1),
    FUNCTION(wait_queue_init, 1),
    FUNCTION(wait_uncancellable_locked, 1),
    FUNCTION(wait_wake_all, 1),
    FUNCTION(wait_wake_all_locked, 1),
    FUNCTION(wait_wake_one, 1),
    FUNCTION(wait_wake_one_locked, 1),
    FUNCTION(work_cancel, 1),
    FUNCTION(work_queue, 1),
};
const uint32_t driver_export_count = ARRAY_COUNT(driver_exports);
