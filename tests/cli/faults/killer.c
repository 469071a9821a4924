// SPDX-License-Identifier: MIT

/*
 * killer PID MICROSECONDS: wait for the frozen image of PID (a process of its program
 * with the image's name), let it live that long, and kill it. Exits with 0 when it did,
 * and 1 when there was none within a second. A shell would be too slow to meet one.
 * Nobody else may run the same program file meanwhile: their images look alike.
 */

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static struct stat program;

static int is_image(const char *pid)
{
    char path[300], name[32] = "";
    struct stat status;
    snprintf(path, sizeof(path), "/proc/%s/comm", pid);
    FILE *file = fopen(path, "r");
    if (!file)
        return 0;
    int is_named =
        fgets(name, sizeof(name), file) && strcmp(name, "heapsnap-image\n") == 0;
    fclose(file);
    snprintf(path, sizeof(path), "/proc/%s/exe", pid);
    return is_named && stat(path, &status) == 0 && status.st_ino == program.st_ino
           && status.st_dev == program.st_dev;
}

static int find_and_kill(const char *own, useconds_t delay)
{
    DIR *directory = opendir("/proc");
    struct dirent *entry;
    int is_done = 0;
    while (directory && !is_done && (entry = readdir(directory))) {
        /* The image is younger than the program; most of /proc is not. */
        if (atoi(entry->d_name) <= atoi(own) || !is_image(entry->d_name))
            continue;
        usleep(delay);
        is_done = kill(atoi(entry->d_name), SIGKILL) == 0;
    }
    if (directory)
        closedir(directory);
    return is_done;
}

int main(int argc, char **argv)
{
    char path[64];
    if (argc != 3)
        return 2;
    snprintf(path, sizeof(path), "/proc/%s/exe", argv[1]);
    if (stat(path, &program) != 0)
        return 2;
    for (time_t end = time(NULL) + 2; time(NULL) < end;)
        if (find_and_kill(argv[1], (useconds_t)atoi(argv[2])))
            return 0;
    return 1;
}
