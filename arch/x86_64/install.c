// SPDX-License-Identifier: MIT
//
// The tables that platform.c installs once and the kernel then calls through (hal/irq.h,
// hal/timer.h). No default and no optional slot: a table that is not complete shows at boot.
#include "hal/irq.h"
#include "hal/timer.h"
#include "kernel/assert.h"

static const struct irq_controller *irq_controller;
static const struct msi_controller *msi_controller;
static const struct event_timer *event_timer;

void hal_irq_install(const struct irq_controller *ctl)
{
    ASSERT(ctl->name && ctl->configure && ctl->mask && ctl->unmask && ctl->ack && ctl->eoi);
    irq_controller = ctl;
}

const struct irq_controller *hal_irq_controller(void)
{
    return irq_controller;
}

void hal_msi_install(const struct msi_controller *ctl)
{
    ASSERT(ctl->name && ctl->alloc && ctl->free && ctl->compose);
    msi_controller = ctl;
}

const struct msi_controller *hal_msi_controller(void)
{
    return msi_controller;
}

void hal_timer_install(const struct event_timer *timer)
{
    ASSERT(timer->name && timer->arm && timer->disarm);
    event_timer = timer;
}

const struct event_timer *hal_timer(void)
{
    return event_timer;
}
