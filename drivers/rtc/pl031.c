// SPDX-License-Identifier: MIT
//
// PL031: a counter of seconds since 1970, read once at boot. Its alarm is not used. Register names
// are those of ARM DDI 0224.
#include "drivers/rtc/pl031.h"

#include "kernel/base/clock.h"
#include "kernel/base/log.h"
#include "kernel/mm/vm.h"

enum pl031_register {
    RTCDR = 0x000,
    RTCPERIPHID0 = 0xfe0,
    RTCPERIPHID1 = 0xfe4,
    PL031_SIZE = 0x1000,
};

enum status pl031_init(uint64_t base, uint64_t len)
{
    if (len < PL031_SIZE) {
        return E_INVAL;
    }
    struct io_region regs;
    enum status s = vm_map_device(base, PL031_SIZE, &regs);
    if (s != OK) {
        return s;
    }
    uint32_t part =
        (io_read32(&regs, RTCPERIPHID0) & 0xff) | (io_read32(&regs, RTCPERIPHID1) & 0x0f) << 8;
    uint32_t seconds = io_read32(&regs, RTCDR);
    vm_unmap_device(&regs);
    if (part != 0x031) {
        log_warn("pl031", "part number 0x%x at 0x%llx, not a PL031", part,
                 (unsigned long long)base);
        return E_NODEV;
    }
    clock_set_wall(seconds);
    return OK;
}
