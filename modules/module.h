// SPDX-License-Identifier: MIT
//
// Makes a driver's source file a module. modules/cflags.MACHINE tells the compiler to include this
// file before the source; the source itself is the same as for a driver that is linked into the
// kernel. This file adds the version to the name of each imported function, and leaves a note about
// the build, which the loader checks.
#pragma once

#include <stdint.h>

#define HALYARD_MODULE 1

#if defined(__x86_64__)
#define MODULE_ELF_MACHINE 62u
#if !defined(__code_model_kernel__)
#error "compile with -mcmodel=kernel: use the flags in modules/cflags.x86_64"
#endif
#elif defined(__aarch64__)
#define MODULE_ELF_MACHINE 183u
#else
#error "Halyard runs on x86_64 and aarch64"
#endif

/* No macro of the compiler tells whether the red zone is off, so the file of flags that turns it
 * off also defines this one. */
#if !defined(HALYARD_NO_RED_ZONE)
#error "compile with the flags in modules/cflags.x86_64 or modules/cflags.aarch64"
#endif

/* ---- Versions of the kernel's exports: drivers/exports.c has the same ones ---- */

// clang-format off
#define block_close                   block_close$1
#define block_complete                block_complete$1
#define block_complete_batch_locked   block_complete_batch_locked$2
#define block_finish_locked           block_finish_locked$1
#define block_flush                   block_flush$1
#define block_init                    block_init$1
#define block_open                    block_open$1
#define block_read                    block_read$1
#define block_register                block_register$1
#define block_restart                 block_restart$1
#define block_unregister              block_unregister$1
#define block_write                   block_write$1
#define bytecode_forget               bytecode_forget$1
#define bytecode_refuse               bytecode_refuse$1
#define bytecode_remember             bytecode_remember$1
#define clock_now_ns                  clock_now_ns$1
#define clock_wall_ns                 clock_wall_ns$1
#define completion_init               completion_init$1
#define completion_signal             completion_signal$1
#define completion_wait               completion_wait$1
#define completion_wait_uncancellable completion_wait_uncancellable$1
#define console_printf                console_printf$1
#define console_write                 console_write$1
#define disk_state_fail_locked        disk_state_fail_locked$1
#define disk_state_set_mode           disk_state_set_mode$1
#define disk_state_sync               disk_state_sync$1
#define dma_alloc                     dma_alloc$1
#define dma_free                      dma_free$1
#define dma_map                       dma_map$1
#define dma_unmap                     dma_unmap$1
#define file_close                    file_close$1
#define file_read                     file_read$1
#define file_write                    file_write$1
#define fmt_print                     fmt_print$1
#define fs_check_fault                fs_check_fault$1
#define fs_node_free                  fs_node_free$1
#define fs_node_get                   fs_node_get$1
#define fs_node_put                   fs_node_put$1
#define heap_alloc                    heap_alloc$1
#define heap_calloc                   heap_calloc$1
#define heap_free                     heap_free$1
#define heap_realloc                  heap_realloc$1
#define heap_zalloc                   heap_zalloc$1
#define inspection_refuse             inspection_refuse$1
#define irq_release                   irq_release$1
#define irq_request                   irq_request$1
#define log_line                      log_line$1
#define mutex_init                    mutex_init$1
#define mutex_lock                    mutex_lock$1
#define mutex_try_lock                mutex_try_lock$1
#define mutex_unlock                  mutex_unlock$1
#define name_cache_add                name_cache_add$1
#define name_cache_free               name_cache_free$1
#define name_cache_init               name_cache_init$1
#define name_cache_remove_node        name_cache_remove_node$1
#define page_cache_copy               page_cache_copy$1
#define page_cache_dirty              page_cache_dirty$1
#define page_cache_free               page_cache_free$1
#define page_cache_get                page_cache_get$1
#define page_cache_get_new            page_cache_get_new$1
#define page_cache_make               page_cache_make$1
#define page_cache_pause              page_cache_pause$1
#define page_cache_peek               page_cache_peek$1
#define page_cache_sync               page_cache_sync$1
#define page_cache_throttle           page_cache_throttle$1
#define panic                         panic$1
#define pci_bus_type                  pci_bus_type$1
#define pci_disable                   pci_disable$1
#define pci_enable                    pci_enable$1
#define pci_find_capability           pci_find_capability$1
#define pci_irq_release               pci_irq_release$1
#define pci_irq_request               pci_irq_request$1
#define pci_irq_setup                 pci_irq_setup$1
#define pci_irq_teardown              pci_irq_teardown$1
#define pci_map_bar                   pci_map_bar$1
#define pci_read16                    pci_read16$1
#define pci_read32                    pci_read32$1
#define pci_read8                     pci_read8$1
#define pci_unmap_bar                 pci_unmap_bar$1
#define pci_write16                   pci_write16$1
#define pci_write32                   pci_write32$1
#define pci_write8                    pci_write8$1
#define preempt_if_possible           preempt_if_possible$1
#define random_add_source             random_add_source$1
#define random_bytes                  random_bytes$1
#define random_fill                   random_fill$1
#define random_remove_source          random_remove_source$1
#define rwlock_end_write              rwlock_end_write$1
#define rwlock_init                   rwlock_init$1
#define rwlock_write                  rwlock_write$1
#define spin_lock                     spin_lock$1
#define spin_lock_irq                 spin_lock_irq$1
#define spin_unlock                   spin_unlock$1
#define spin_unlock_irq               spin_unlock_irq$1
#define status_text                   status_text$1
#define str_copy                      str_copy$1
#define str_make_printable            str_make_printable$1
#define strchr                        strchr$1
#define strcmp                        strcmp$1
#define strlen                        strlen$1
#define strncmp                       strncmp$1
#define strnlen                       strnlen$1
#define strrchr                       strrchr$1
#define thread_create                 thread_create$1
#define thread_exit                   thread_exit$1
#define thread_join                   thread_join$1
#define thread_sleep                  thread_sleep$1
#define thread_yield                  thread_yield$1
#define timer_cancel                  timer_cancel$1
#define timer_start                   timer_start$1
#define unicode_encode                unicode_encode$1
#define vfs_mount_fs                  vfs_mount_fs$1
#define vfs_open                      vfs_open$1
#define virtio_config_u32             virtio_config_u32$1
#define virtio_config_u64             virtio_config_u64$1
#define virtio_negotiate              virtio_negotiate$1
#define virtio_pci_close              virtio_pci_close$1
#define virtio_pci_match              virtio_pci_match$1
#define virtio_pci_open               virtio_pci_open$1
#define virtio_queue_close            virtio_queue_close$1
#define virtio_queue_disconnect       virtio_queue_disconnect$1
#define virtio_queue_open             virtio_queue_open$1
#define virtio_queue_reopen           virtio_queue_reopen$1
#define virtio_reset                  virtio_reset$1
#define virtio_start                  virtio_start$1
#define virtq_add                     virtq_add$1
#define virtq_add_indirect            virtq_add_indirect$1
#define virtq_disable_interrupts      virtq_disable_interrupts$1
#define virtq_enable_interrupts       virtq_enable_interrupts$1
#define virtq_pop                     virtq_pop$1
#define virtq_publish                 virtq_publish$1
#define virtq_reclaim                 virtq_reclaim$1
#define wait_on_locked                wait_on_locked$1
#define wait_queue_init               wait_queue_init$1
#define wait_uncancellable_locked     wait_uncancellable_locked$1
#define wait_wake_all                 wait_wake_all$1
#define wait_wake_all_locked          wait_wake_all_locked$1
#define wait_wake_one                 wait_wake_one$1
#define wait_wake_one_locked          wait_wake_one_locked$1
#define work_cancel                   work_cancel$1
#define work_queue                    work_queue$1
// clang-format on

/* ---- Notes: section .note.halyard, name "Halyard" ---- */

#include "kernel/base/export.h"

struct module_note_head {
    uint32_t name_size, desc_size, type;
    char name[8];
};

/** Type 2, in each object of a driver: describes the build. */
struct module_build_note {
    struct module_note_head head;
    uint32_t interface_version, machine;
    uint32_t flags; /* 1: no red zone, 2: the machine's code model */
};

/** Type 3, once in a driver: describes the driver. */
struct module_driver_note {
    struct module_note_head head;
    char driver[32], version[16], licence[16];
};

#define MODULE_NOTE __attribute__((section(".note.halyard"), used, aligned(4)))

MODULE_NOTE static const struct module_build_note module_build_note = {
    .head = {.name_size = 8, .desc_size = 12, .type = 2, .name = "Halyard"},
    .interface_version = DRIVER_INTERFACE,
    .machine = MODULE_ELF_MACHINE,
    .flags = 1u | 2u,
};

/** The loader finds the driver by this symbol. */
extern const struct driver halyard_driver;

#define DRIVER_MODULE(variable, driver_name, driver_version, driver_licence)                       \
    MODULE_NOTE static const struct module_driver_note module_driver_note = {                      \
        .head = {.name_size = 8, .desc_size = 64, .type = 3, .name = "Halyard"},                   \
        .driver = driver_name,                                                                     \
        .version = driver_version,                                                                 \
        .licence = driver_licence,                                                                 \
    };                                                                                             \
    extern const struct driver halyard_driver __attribute__((alias(#variable)))
