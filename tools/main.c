// SPDX-License-Identifier: MIT

/* The front door: which verb was meant, and what there is to choose from. */

#include <argp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tools/tool.h"

const struct hs_verb hs_verbs[] = {
    {"run", "start a program with tracking", hs_verb_run},
    {"attach", "turn tracking on in a dormant process", hs_verb_attach},
    {"detach", "turn it off again", hs_verb_detach},
    {"snap", "take a snapshot of a process, or of a core file", hs_verb_snap},
    {"ls", "list the tracked processes", hs_verb_ls},
    {"watch", "raise leak events while a process grows", hs_verb_watch},
    {"info", "what a snapshot says about itself", hs_verb_info},
    {"verify", "is a snapshot whole and sound", hs_verb_verify},
    {"summary", "what is in a snapshot, by class", hs_verb_summary},
    {"lost", "what nothing in a snapshot points to", hs_verb_lost},
    {"tree", "what a snapshot or a node of it holds", hs_verb_tree},
    {"retainers", "who holds a node of a snapshot", hs_verb_retainers},
    {"diff", "what changed between snapshots", hs_verb_diff},
    {"write-snapshot", NULL, hs_verb_write},
    {NULL, NULL, NULL},
};

int hs_tool_fail(const struct hs_error *err)
{
    fprintf(stderr, "heapsnap: %s\n", err->text[0] ? err->text : strerror(err->code));
    return HS_EXIT_FAILED;
}

static void print_help(FILE *out)
{
    fputs("Usage: heapsnap VERB [OPTION...]\n"
          "Finds memory and handle leaks in native processes.\n\n",
          out);
    for (const struct hs_verb *verb = hs_verbs; verb->name; verb++)
        if (verb->summary)
            fprintf(out, "  %-10s %s\n", verb->name, verb->summary);
    fputs("\n'heapsnap VERB --help' explains one verb; 'man heapsnap' has it all.\n",
          out);
}

static const struct hs_verb *find_verb(const char *name)
{
    for (const struct hs_verb *verb = hs_verbs; verb->name; verb++)
        if (strcmp(verb->name, name) == 0)
            return verb;
    return NULL;
}

/* Files are mapped; one that somebody cuts meanwhile ends here and not in a core dump. */
static void on_cut_file(int signal)
{
    static const char text[] = "heapsnap: a file was cut off while it was read\n";
    (void)signal;
    ssize_t written = write(STDERR_FILENO, text, sizeof(text) - 1);
    (void)written;
    _exit(HS_EXIT_FAILED);
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        print_help(stderr);
        return HS_EXIT_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0
        || strcmp(argv[1], "help") == 0) {
        print_help(stdout);
        return HS_EXIT_FINE;
    }
    if (strcmp(argv[1], "--version") == 0) {
        puts("heapsnap " HEAPSNAP_VERSION);
        return HS_EXIT_FINE;
    }
    const struct hs_verb *verb = find_verb(argv[1]);
    if (!verb) {
        fprintf(stderr, "heapsnap: there is no verb '%s'; 'heapsnap --help' lists them\n",
                argv[1]);
        return HS_EXIT_USAGE;
    }
    argp_err_exit_status = HS_EXIT_USAGE;
    signal(SIGBUS, on_cut_file);
    char name[64];
    snprintf(name, sizeof(name), "heapsnap %s", verb->name);
    argv[1] = name;
    return verb->run(argc - 1, argv + 1);
}
