// SPDX-License-Identifier: MIT

/*
 * One check, from the capture to the status that the program has to end with.
 */

#include "tools/check.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libheapsnap/base/guard.h"
#include "probes/abi.h"
#include "tools/roomy.h"

/* ---- suppressions ---- */

/*
 * LeakSanitizer looks for a relative path where the program is now and beside its
 * executable; where it was started is what most people mean.
 */
static void find_file(const struct hs_capture *capture, const char *path, char *ret,
                      size_t size)
{
    const char *executable =
        hs_capture_string(capture, capture->header->strings_executable);
    const char *slash = strrchr(executable, '/'), *started = getenv("PWD");
    snprintf(ret, size, "%s", path);
    if (path[0] == '/' || access(ret, R_OK) == 0)
        return;
    if (started && snprintf(ret, size, "%s/%s", started, path) < (int)size
        && access(ret, R_OK) == 0)
        return;
    if (slash
        && snprintf(ret, size, "%.*s/%s", (int)(slash - executable), executable, path)
               < (int)size
        && access(ret, R_OK) == 0)
        return;
    snprintf(ret, size, "%s", path);
}

static int load_suppressions(struct hs_check *check, struct hs_error *err)
{
    const char *built_in = getenv(HS_ENV_CHECK_SUPPRESSIONS);
    int result = hs_suppressions_create(&check->suppressions, err);
    if (result == 0 && built_in)
        result = hs_suppressions_parse(check->suppressions, built_in, strlen(built_in),
                                       "__lsan_default_suppressions()", err);
    for (size_t i = 0; i < check->options->suppressions.count && result == 0; i++) {
        char path[PATH_MAX];
        find_file(check->capture, check->options->suppressions.at[i], path, sizeof(path));
        result = hs_suppressions_load(check->suppressions, path, err);
    }
    return result;
}

/* ---- the report ---- */

static int open_report(const struct hs_check *check, FILE **ret, struct hs_error *err)
{
    const struct hs_check_options *options = check->options;
    char path[PATH_MAX];
    if (!options->report || !*options->report) {
        *ret = stderr;
        return 0;
    }
    if (options->is_log)
        snprintf(path, sizeof(path), "%s.%d", options->report,
                 (int)check->capture->header->pid);
    else
        snprintf(path, sizeof(path), "%s", options->report);
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    *ret = fd >= 0 ? fdopen(fd, "a") : NULL;
    if (*ret)
        return 0;
    int code = errno;
    if (fd >= 0)
        close(fd);
    return hs_error_set(err, code, "cannot write the report of leaks to '%s': %s", path,
                        strerror(code));
}

/* In one piece: other processes may write to the same place. */
static int report(const struct hs_check *check, struct hs_error *err)
{
    hs_auto_free char *text = NULL;
    size_t size = 0;
    FILE *memory = open_memstream(&text, &size), *out;
    if (!memory)
        return hs_error_set(err, ENOMEM, "no memory for the report");
    int result = 0;
    if (check->options->is_json)
        result = hs_check_print_json(check, memory);
    else
        hs_check_print(check, memory);
    if (fclose(memory) != 0 || result != 0)
        return hs_error_set(err, ENOMEM, "no memory for the report");
    if (size == 0)
        return 0;
    result = open_report(check, &out, err);
    if (result != 0)
        return result;
    bool is_written = fwrite(text, 1, size, out) == size;
    is_written = (out == stderr ? fflush(out) : fclose(out)) == 0 && is_written;
    return is_written ? 0 : hs_error_set(err, EIO, "the report of leaks is incomplete");
}

/* ---- all ---- */

static int check_all(const struct hs_capture *capture,
                     const struct hs_check_options *options, int *ret_status,
                     struct hs_error *err)
{
    struct hs_check check = {.capture = capture, .options = options};
    int result = hs_symbols_create(capture, &check.symbols, err);
    if (result == 0)
        result = load_suppressions(&check, err);
    if (result == 0)
        result = hs_check_find(&check, err);
    if (result == 0)
        result = report(&check, err);
    if (result == 0)
        *ret_status = check.count > 0 ? options->status : 0;
    free(check.groups.at);
    hs_suppressions_destroy(check.suppressions);
    hs_symbols_destroy(check.symbols);
    return result;
}

struct job {
    const struct hs_capture *capture;
    int *ret_status;
    struct hs_error *err;
    int result;
};

static void run(void *context)
{
    struct job *job = context;
    struct hs_check_options options;
    job->result = hs_check_options_read(&options, job->err);
    bool is_off =
        options.is_off
        || (options.is_off_at_exit && job->capture->header->trigger == HS_TRIGGER_EXIT);
    if (is_off)
        *job->ret_status = 0;
    else if (job->result == 0)
        job->result = check_all(job->capture, &options, job->ret_status, job->err);
    hs_check_options_deinit(&options);
}

int hs_check_capture(const struct hs_capture *capture, int *ret_status,
                     struct hs_error *err)
{
    struct job job = {capture, ret_status, err, 0};
    *ret_status = HS_CHECK_STATUS;
    hs_tool_run_roomy(run, &job);
    return job.result;
}
