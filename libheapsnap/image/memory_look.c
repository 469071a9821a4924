// SPDX-License-Identifier: MIT

/* See memory_look.h. */

#include "libheapsnap/image/memory_look.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "libheapsnap/base/guard.h"
#include "libheapsnap/image/memory_image.h"
#include "libheapsnap/image/memory_machine.h"
#include "libheapsnap/image/memory_stop.h"

static void read_name(pid_t pid, pid_t tid, char ret[16])
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/task/%d/comm", (int)pid, (int)tid);
    hs_auto_fclose FILE *file = fopen(path, "re");
    size_t size = file ? fread(ret, 1, 15, file) : 0;
    ret[size] = '\0';
    ret[strcspn(ret, "\n")] = '\0';
}

static bool add_thread(struct hs_look *look, const struct hs_stopped_thread *stopped)
{
    if (stopped->is_gone)
        return true;
    if (!hs_array_reserve(&look->threads, look->threads.count + 1))
        return false;
    struct hs_memory_thread *thread = &look->threads.at[look->threads.count];
    *thread = (struct hs_memory_thread){.tid = stopped->tid};
    struct hs_machine_registers registers;
    if (stopped->is_stopped) {
        if (!hs_machine_get(stopped->tid, &registers))
            return true; /* killed meanwhile */
        hs_machine_show(&registers, thread);
        hs_machine_show_rest(stopped->tid, thread);
    }
    look->threads.count++;
    return true;
}

static int take_threads(struct hs_look *look, const struct hs_stop *stop)
{
    for (size_t i = 0; i < stop->threads.count; i++)
        if (!add_thread(look, &stop->threads.at[i]))
            return hs_error_set(&look->err, ENOMEM, "no memory for %zu threads",
                                stop->threads.count);
    return 0;
}

/* Not in the pause: a name changes rarely, and nothing hangs on it. */
static void name_threads(struct hs_look *look)
{
    for (size_t i = 0; i < look->threads.count; i++)
        read_name(look->pid, look->threads.at[i].tid, look->threads.at[i].name);
}

static void publish(struct hs_look *look, int result)
{
    pthread_mutex_lock(&look->lock);
    look->result = result;
    look->is_ready = true;
    pthread_cond_broadcast(&look->changed);
    pthread_mutex_unlock(&look->lock);
}

/* Until nobody needs the look any more, or `milliseconds` are over (0: never). */
static void wait_for_end(struct hs_look *look, unsigned int milliseconds)
{
    uint64_t end = hs_monotonic_ns() + (uint64_t)milliseconds * 1000000u;
    struct timespec until = {.tv_sec = (time_t)(end / 1000000000u),
                             .tv_nsec = (long)(end % 1000000000u)};
    pthread_mutex_lock(&look->lock);
    int result = 0;
    while (!look->is_over && result == 0)
        result = milliseconds == 0
                     ? pthread_cond_wait(&look->changed, &look->lock)
                     : pthread_cond_timedwait(&look->changed, &look->lock, &until);
    pthread_mutex_unlock(&look->lock);
}

/* The pause is over once the image exists; everything else can wait until then. False: no
 * image could be made, and the process is still stopped, or `look->result` says why not. */
static bool go_on_with_image(struct hs_look *look, struct hs_stop *stop,
                             struct hs_image *image)
{
    if (!look->wants_image
        || !hs_image_create(stop, &look->place, image, look->reason,
                            sizeof(look->reason)))
        return false;
    hs_stop_release(stop);
    look->pause_ns = hs_monotonic_ns() - stop->first_ns;
    look->fork_ns = image->fork_ns;
    if (hs_image_secure(image)) {
        look->image = image->pid;
        return true;
    }
    snprintf(look->reason, sizeof(look->reason), "its image was killed");
    hs_image_destroy(image, look->pid);
    look->result = hs_stop_all(stop, look->pid, &look->err);
    return false;
}

static int stop_and_look(struct hs_look *look, struct hs_stop *stop)
{
    int result = hs_stop_all(stop, look->pid, &look->err);
    look->stopped_ns = stop->last_ns;
    return result == 0 ? take_threads(look, stop) : result;
}

static void *run(void *argument)
{
    struct hs_look *look = argument;
    struct hs_stop stop;
    struct hs_image image = {0};
    bool has_image = false;
    int result = stop_and_look(look, &stop);
    if (result == 0) {
        has_image = go_on_with_image(look, &stop, &image);
        result = look->result;
    }
    name_threads(look);
    publish(look, result);
    if (result == 0)
        wait_for_end(look, has_image ? HS_IMAGE_LIFE_MS : 0);
    if (has_image)
        hs_image_destroy(&image, look->pid);
    hs_stop_release(&stop);
    return NULL;
}

/* The program's tools may have signal handlers; none of them shall run on this thread. */
static int start_thread(struct hs_look *look)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int result = pthread_create(&look->thread, NULL, run, look);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return result;
}

int hs_look_begin(struct hs_look *look, pid_t pid, bool wants_image,
                  const struct hs_place *place, struct hs_error *err)
{
    *look = (struct hs_look){.pid = pid, .wants_image = wants_image, .place = *place};
    pthread_mutex_init(&look->lock, NULL);
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&look->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    int result = start_thread(look);
    if (result != 0) {
        pthread_cond_destroy(&look->changed);
        pthread_mutex_destroy(&look->lock);
        return hs_error_set(err, result, "cannot start a thread: %s", strerror(result));
    }
    pthread_mutex_lock(&look->lock);
    while (!look->is_ready)
        pthread_cond_wait(&look->changed, &look->lock);
    pthread_mutex_unlock(&look->lock);
    if (look->result == 0)
        return 0;
    result = look->result;
    hs_error_set(err, -result, "%s", look->err.text);
    hs_look_end(look);
    return result;
}

void hs_look_end(struct hs_look *look)
{
    pthread_mutex_lock(&look->lock);
    look->is_over = true;
    pthread_cond_broadcast(&look->changed);
    pthread_mutex_unlock(&look->lock);
    pthread_join(look->thread, NULL);
    pthread_cond_destroy(&look->changed);
    pthread_mutex_destroy(&look->lock);
    free(look->threads.at);
    look->threads.at = NULL;
    look->threads.count = look->threads.room = 0;
}
