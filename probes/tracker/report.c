// SPDX-License-Identifier: MIT

/*
 * Speaking without stdio, and only to the terminal or log the program was started with:
 * a daemon that closed its stderr may have a database file under descriptor 2 by now.
 */

#include "probes/tracker/report.h"

#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <time.h>

#include "probes/tracker/control.h"
#include "probes/tracker/raw.h"
#include "probes/tracker/sandbox.h"

static struct {
    bool known;
    dev_t device;
    ino_t inode;
} first_stderr;
static int kept = -1; /* a copy of it, once the program has closed its own at the end */

/* fstat without libc's wrapper: newfstatat exists on every machine we know. */
static bool identity_of(int fd, dev_t *ret_device, ino_t *ret_inode)
{
    struct stat status;
    const int empty_path = 0x1000; /* AT_EMPTY_PATH */
    if (hs_raw(SYS_newfstatat, fd, "", &status, empty_path) != 0)
        return false;
    *ret_device = status.st_dev;
    *ret_inode = status.st_ino;
    return true;
}

void hs_report_init(void)
{
    first_stderr.known = identity_of(2, &first_stderr.device, &first_stderr.inode);
}

static bool is_first_stderr(int fd)
{
    dev_t device;
    ino_t inode;
    return first_stderr.known && identity_of(fd, &device, &inode)
           && device == first_stderr.device && inode == first_stderr.inode;
}

void hs_report_keep(void)
{
    if (kept >= 0 || hs_sandbox.no_snapshots || !is_first_stderr(2))
        return;
    long copy = hs_raw(SYS_dup, 2);
    if (copy < 0)
        return;
    int high = hs_control_raise_fd((int)copy);
    if (high < 0) {
        hs_raw(SYS_close, copy);
        return;
    }
    hs_control_own_fd(high);
    kept = high;
}

int hs_report_kept(void)
{
    return kept;
}

struct text {
    char *buffer;
    size_t size;
    size_t used;
};

static void put_char(struct text *text, char c)
{
    if (text->used + 1 < text->size)
        text->buffer[text->used++] = c;
}

static void put_string(struct text *text, const char *string)
{
    for (const char *c = string ? string : "(null)"; *c; c++)
        put_char(text, *c);
}

static void put_number(struct text *text, uint64_t value, unsigned base)
{
    char digits[20];
    int n = 0;
    do {
        digits[n++] = "0123456789abcdef"[value % base];
        value /= base;
    } while (value);
    while (n > 0)
        put_char(text, digits[--n]);
}

static void put_argument(struct text *text, char conversion, va_list *arguments)
{
    switch (conversion) {
    case 's':
        put_string(text, va_arg(*arguments, const char *));
        break;
    case 'd': {
        int64_t value = va_arg(*arguments, int64_t);
        if (value < 0)
            put_char(text, '-');
        put_number(text, value < 0 ? -(uint64_t)value : (uint64_t)value, 10);
        break;
    }
    case 'u':
        put_number(text, va_arg(*arguments, uint64_t), 10);
        break;
    case 'x':
        put_number(text, va_arg(*arguments, uint64_t), 16);
        break;
    default:
        put_char(text, conversion);
    }
}

static size_t format_arguments(char *buffer, size_t size, const char *format,
                               va_list *arguments)
{
    struct text text = {buffer, size, 0};
    for (const char *c = format; *c; c++) {
        if (*c == '%' && c[1])
            put_argument(&text, *++c, arguments);
        else
            put_char(&text, *c);
    }
    if (size > 0)
        buffer[text.used] = '\0';
    return text.used;
}

size_t hs_format(char *buffer, size_t size, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    size_t length = format_arguments(buffer, size, format, &arguments);
    va_end(arguments);
    return length;
}

/* A closed pipe or a limit on files answers with a signal that ends the program: take it
 * back, unless one was waiting already. */
static void write_unsignalled(int fd, const char *line, size_t length)
{
    const uint64_t fatal = 1ull << (SIGPIPE - 1) | 1ull << (SIGXFSZ - 1);
    uint64_t before = 0, waiting = 0;
    struct timespec now = {0, 0};
    hs_raw(SYS_rt_sigprocmask, SIG_BLOCK, &fatal, &before, sizeof(before));
    hs_raw(SYS_rt_sigpending, &waiting, sizeof(waiting));
    uint64_t ours = fatal & ~waiting;
    if (hs_raw(SYS_write, fd, line, length) < 0 && ours)
        hs_raw(SYS_rt_sigtimedwait, &ours, NULL, &now, sizeof(ours));
    hs_raw(SYS_rt_sigprocmask, SIG_SETMASK, &before, NULL, sizeof(before));
}

void hs_report(const char *format, ...)
{
    if (hs_sandbox.no_report)
        return;
    int fd = is_first_stderr(2) ? 2 : kept;
    if (fd < 0)
        return;

    char line[1400];
    size_t length = hs_format(line, sizeof(line), "heapsnap: ");
    va_list arguments;
    va_start(arguments, format);
    length +=
        format_arguments(line + length, sizeof(line) - length - 1, format, &arguments);
    va_end(arguments);
    line[length++] = '\n';
    write_unsignalled(fd, line, length);
}
