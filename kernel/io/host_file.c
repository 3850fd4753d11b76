// SPDX-License-Identifier: MIT
#include "kernel/io/host_file.h"

#include "kernel/sched/mutex.h"

static struct mutex one_at_a_time; /* held during `reader`'s calls */
static host_file_reader_fn reader; /* [I] */

void host_file_set_reader(host_file_reader_fn fn)
{
    mutex_init(&one_at_a_time, "host files");
    reader = fn;
}

enum status host_file_read(const char *name, size_t limit, void **bytes, size_t *len)
{
    if (reader == NULL) {
        return E_NOENT;
    }
    mutex_lock(&one_at_a_time);
    enum status s = reader(name, limit, bytes, len);
    mutex_unlock(&one_at_a_time);
    return s;
}
