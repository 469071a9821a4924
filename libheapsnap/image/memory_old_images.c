// SPDX-License-Identifier: MIT

/*
 * Images left behind. One is known by what no child of a program's own has: it is dead, has
 * no exit signal, and either the OOM score of an image or the exit status of its code.
 */

#include "libheapsnap/image/memory_old_images.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libheapsnap/base/guard.h"
#include "libheapsnap/image/memory_machine.h"
#include "libheapsnap/image/proc.h"

/* Fields of the stat file, proc_pid_stat(5); the state is number 3. */
#define EXIT_SIGNAL_FIELD 38
#define EXIT_CODE_FIELD 52

static bool has_score(pid_t pid)
{
    char path[64], text[16] = "";
    snprintf(path, sizeof(path), "/proc/%d/oom_score_adj", (int)pid);
    hs_auto_fclose FILE *file = fopen(path, "re");
    return file && fgets(text, sizeof(text), file)
           && strcmp(text, HS_IMAGE_MARK "\n") == 0;
}

/* The value of a field behind `from`, which points before field `number`; -1: none. */
static long field_after(const char *from, int number, int wanted)
{
    for (; from && number < wanted; number++)
        from = strchr(from + 1, ' ');
    return from ? strtol(from, NULL, 10) : -1;
}

static bool is_dead_image(pid_t pid)
{
    char path[64], text[1024];
    snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    hs_auto_fclose FILE *file = fopen(path, "re");
    size_t size = file ? fread(text, 1, sizeof(text) - 1, file) : 0;
    text[size] = '\0';
    const char *fields = strrchr(text, ')');
    return fields && strncmp(fields, ") Z ", 4) == 0
           && field_after(fields, 2, EXIT_SIGNAL_FIELD) == 0
           && (field_after(fields, 2, EXIT_CODE_FIELD) == HS_MACHINE_EXIT << 8
               || has_score(pid));
}

static void add_children(struct hs_old_images *images, pid_t pid, pid_t tid, pid_t image)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)pid, (int)tid);
    hs_auto_fclose FILE *file = fopen(path, "re");
    int child, depth;
    while (file && images->count < HS_OLD_IMAGES_MAX && fscanf(file, "%d", &child) == 1) {
        pid_t inner;
        if (child != image && is_dead_image(child)
            && hs_proc_inner_pid(child, &inner, &depth))
            images->at[images->count++] = inner;
    }
}

void hs_old_images_find(struct hs_old_images *ret, pid_t pid, pid_t image)
{
    char path[64];
    ret->count = 0;
    snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
    DIR *directory = opendir(path);
    struct dirent *entry;
    while (directory && (entry = readdir(directory))) {
        long tid = strtol(entry->d_name, NULL, 10);
        if (tid > 0)
            add_children(ret, pid, (pid_t)tid, image);
    }
    if (directory)
        closedir(directory);
}
