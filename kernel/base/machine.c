// SPDX-License-Identifier: MIT
//
// Holds the tables that the machine's platform.c installs: interrupt controller, MSI controller,
// event timer, power control, one of each. kernel/io and kernel/sched use them.

#include "hal/irq.h"
#include "hal/power.h"
#include "hal/timer.h"
#include "kernel/base/assert.h"

const struct irq_controller *machine_installed_irq;
static const struct msi_controller *msi_ctl;
const struct event_timer *machine_installed_timer;
static const struct power_ops *power;

void machine_irq_install(const struct irq_controller *ctl)
{
    ASSERT(machine_installed_irq == NULL);
    ASSERT(ctl->name != NULL && ctl->configure != NULL && ctl->mask != NULL &&
           ctl->unmask != NULL && ctl->route != NULL && ctl->ack != NULL && ctl->eoi != NULL &&
           ctl->add_cpu != NULL && ctl->init_cpu != NULL && ctl->raise != NULL &&
           ctl->raise_nmi != NULL);
    machine_installed_irq = ctl;
}

void machine_msi_install(const struct msi_controller *ctl)
{
    ASSERT(msi_ctl == NULL);
    ASSERT(ctl->name != NULL && ctl->alloc != NULL && ctl->free != NULL && ctl->compose != NULL);
    msi_ctl = ctl;
}

const struct msi_controller *machine_msi_controller(void)
{
    return msi_ctl;
}

void machine_timer_install(const struct event_timer *timer)
{
    ASSERT(machine_installed_timer == NULL);
    ASSERT(timer->name != NULL && timer->arm != NULL && timer->disarm != NULL);
    machine_installed_timer = timer;
}

void machine_power_install(const struct power_ops *ops)
{
    ASSERT(power == NULL);
    ASSERT(ops->name != NULL && ops->off != NULL && ops->reset != NULL);
    power = ops;
}

const struct power_ops *machine_power(void)
{
    return power;
}
