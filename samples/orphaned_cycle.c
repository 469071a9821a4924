// SPDX-License-Identifier: MIT

/*
 * An orphaned cycle: a document and its first paragraph count references to each other,
 * so neither count ever reaches zero after the last user has let go. Each block is still
 * pointed at, yet nothing that lives can reach the pair.
 *
 * verdict: loses 40 blocks at document_new
 * verdict: loses 40 blocks at paragraph_new
 */

#include <stdlib.h>

#include "phase.h"

struct document {
    int references;
    struct paragraph *first;
    char title[48];
};

struct paragraph {
    int references;
    struct document *owner;
    char text[160];
};

static struct document *document_new(int number)
{
    struct document *document = calloc(1, sizeof(*document));
    if (!document)
        abort();
    document->references = 1;
    snprintf(document->title, sizeof(document->title), "Chapter %d", number);
    return document;
}

static struct paragraph *paragraph_new(struct document *owner)
{
    struct paragraph *paragraph = calloc(1, sizeof(*paragraph));
    if (!paragraph)
        abort();
    paragraph->references = 1;
    paragraph->owner = owner;
    owner->references++; /* the leak: a back reference must not count */
    return paragraph;
}

static void document_release(struct document *document)
{
    if (--document->references > 0)
        return;
    free(document->first);
    free(document);
}

static void print_chapter(int number)
{
    struct document *document = document_new(number);
    document->first = paragraph_new(document);
    document_release(document);
}

int main(int argc, char **argv)
{
    return phase_main(argc, argv, 40, print_chapter);
}
