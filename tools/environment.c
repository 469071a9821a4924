// SPDX-License-Identifier: MIT

/*
 * What `heapsnap run` leaves behind in the environment: the preload, and the options of
 * the shim. Everything relative becomes absolute here, because the program may change its
 * directory, and what cannot work (a directory that is not writable) is refused now
 * rather than at exit.
 */

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libheapsnap/base/guard.h"
#include "probes/abi.h"
#include "tools/run.h"

/* Append ":word=value"; what the option syntax would split at is escaped. */
static void add_option(FILE *out, const char *word, const char *value)
{
    fprintf(out, ":%s=", word);
    for (; *value; value++) {
        if (strchr(":,\\", *value))
            fputc('\\', out);
        fputc(*value, out);
    }
}

static void add_command_line(FILE *out, const struct hs_run_arguments *arguments,
                             const char *directory, const char *output)
{
    if (*directory)
        add_option(out, "dir", directory);
    if (*output)
        add_option(out, "file", output);
    if (arguments->every_ms > 0)
        fprintf(out, ":every=%d.%03d", arguments->every_ms / 1000,
                arguments->every_ms % 1000);
    if (arguments->over_bytes > 0)
        fprintf(out, ":over=%" PRIu64, arguments->over_bytes);
    if (arguments->signal > 0)
        fprintf(out, ":signal=%d", arguments->signal);
    if (arguments->track)
        fprintf(out, ":track=%s", arguments->track);
    if (arguments->sample_rate > 0)
        fprintf(out, ":sample=%" PRIu64, arguments->sample_rate);
    if (arguments->memory_limit > 0)
        fprintf(out, ":memory=%" PRIu64, arguments->memory_limit);
    if (arguments->switch_signal > 0)
        fprintf(out, ":switch=%d", arguments->switch_signal);
    if (arguments->is_dormant)
        fputs(":dormant=1", out);
    if (arguments->with_totals)
        fputs(":totals=1", out);
    if (arguments->with_strings)
        fputs(":strings=1", out);
    if (arguments->check.is_wanted)
        fputs(":check=1", out);
    if (arguments->follow)
        fputs(":follow=1", out);
    if (arguments->verbose)
        fputs(":verbose=1", out);
}

/* A check is silent, so it leaves no file that nobody named. */
static bool takes_exit_snapshot(const struct hs_run_arguments *arguments)
{
    if (arguments->no_exit_snapshot)
        return false;
    return !arguments->check.is_wanted || arguments->output || arguments->directory;
}

/*
 * Defaults, then what the user's environment says, then what the command line says: the
 * last word wins.
 */
static int set_options(const struct hs_run_arguments *arguments, const char *directory,
                       const char *output, struct hs_error *err)
{
    char self[PATH_MAX];
    int result = hs_find_self(self, sizeof(self), err);
    if (result != 0)
        return result;
    hs_auto_free char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    if (!out)
        return hs_error_set(err, ENOMEM, "no memory for the options");
    const char *inherited = getenv(HS_ENV_OPTIONS);
    add_option(out, "helper", self);
    if (takes_exit_snapshot(arguments))
        add_option(out, "snapshot", "exit");
    add_option(out, "follow", "0");
    if (isatty(
            STDERR_FILENO)) /* a person looks on, and wants to know where the files are */
        add_option(out, "verbose", "1");
    if (inherited && *inherited)
        fprintf(out, ":%s", inherited);
    add_command_line(out, arguments, directory, output);
    if (fclose(out) != 0 || setenv(HS_ENV_OPTIONS, text + 1, 1) != 0)
        return hs_error_set(err, ENOMEM, "no memory for the options");
    return 0;
}

/* Ours first: its functions must be found before those of the user's own preloads. */
static int set_preload(const char *shim, struct hs_error *err)
{
    const char *inherited = getenv("LD_PRELOAD");
    hs_auto_free char *value = NULL;
    char pid[16];
    snprintf(pid, sizeof(pid), "%d", (int)getpid());
    bool is_there = inherited && strncmp(inherited, shim, strlen(shim)) == 0;
    bool has_more = inherited && *inherited;
    if (asprintf(&value, "%s%s%s", is_there ? "" : shim, has_more && !is_there ? ":" : "",
                 has_more ? inherited : "")
            < 0
        || setenv("LD_PRELOAD", value, 1) != 0 || setenv(HS_ENV_PID, pid, 1) != 0)
        return hs_error_set(err, ENOMEM, "no memory for the environment");
    return 0;
}

/* The directory as an absolute path, after making sure that files can be made there. */
static int check_directory(const char *path, char *ret, struct hs_error *err)
{
    struct stat status;
    char resolved[PATH_MAX];
    if (!realpath(path, resolved) || stat(resolved, &status) != 0)
        return hs_error_set(err, errno,
                            "cannot write snapshots into '%s': %s; name another "
                            "directory with -d",
                            path, strerror(errno));
    if (!S_ISDIR(status.st_mode))
        return hs_error_set(err, ENOTDIR, "cannot write snapshots into '%s': %s", path,
                            strerror(ENOTDIR));
    if (access(resolved, W_OK | X_OK) != 0)
        return hs_error_set(
            err, errno,
            "cannot write snapshots into '%s': %s; name another directory "
            "with -d",
            resolved, strerror(errno));
    strcpy(ret, resolved);
    return 0;
}

/* `output` as an absolute path: the program may change its working directory. */
static int check_output(const char *output, char *ret, size_t size, struct hs_error *err)
{
    char parent[PATH_MAX] = ".", resolved[PATH_MAX];
    const char *slash = strrchr(output, '/');
    const char *name = slash ? slash + 1 : output;
    if (slash && (size_t)(slash - output) < sizeof(parent) - 1)
        snprintf(parent, sizeof(parent), "%.*s",
                 slash == output ? 1 : (int)(slash - output), output);
    if (!*name)
        return hs_error_set(err, EISDIR, "'%s' is no file name", output);
    int result = check_directory(parent, resolved, err);
    if (result != 0)
        return result;
    if ((size_t)snprintf(ret, size, "%s/%s", strcmp(resolved, "/") == 0 ? "" : resolved,
                         name)
        >= size)
        return hs_error_set(err, ENAMETOOLONG, "the name '%s' is too long", output);
    return 0;
}

int hs_run_prepare(const struct hs_run_arguments *arguments, bool for_other_libc,
                   struct hs_error *err)
{
    char shim[PATH_MAX], directory[PATH_MAX] = "", output[PATH_MAX] = "";
    int result = hs_find_shim(for_other_libc, shim, sizeof(shim), err);
    bool takes_any = takes_exit_snapshot(arguments) || arguments->every_ms > 0
                     || arguments->over_bytes > 0 || arguments->signal > 0;
    if (result == 0 && arguments->directory)
        result = check_directory(arguments->directory, directory, err);
    else if (result == 0 && takes_any && !arguments->output && !getenv(HS_ENV_OPTIONS))
        result = check_directory(".", directory, err);
    if (result == 0 && arguments->output)
        result = check_output(arguments->output, output, sizeof(output), err);
    if (result == 0 && arguments->check.is_wanted)
        result = hs_check_prepare(&arguments->check, err);
    if (result == 0)
        result = set_options(arguments, directory, output, err);
    return result != 0 ? result : set_preload(shim, err);
}
