// SPDX-License-Identifier: MIT

/*
 * The program that the fault tests disturb: it keeps a list, allocates and frees beside
 * it, and at the end of its standard input prints a sum that depends on every step and
 * exits with 7. If anything of ours touched it, the sum or the status would differ.
 *
 * worker BLOCKS ROUNDS: at least so many rounds, and then until stdin ends.
 */

#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct item {
    struct item *next;
    uint64_t value;
    char text[48];
};

static struct item *keep;

static uint64_t one_round(uint64_t round)
{
    char *texts[16];
    uint64_t sum = 0;
    for (unsigned int i = 0; i < 16; i++) {
        texts[i] = malloc(24 + (round + i) % 200);
        snprintf(texts[i], 24, "%llu", (unsigned long long)(round * 16 + i));
    }
    for (unsigned int i = 0; i < 16; i++) {
        sum = sum * 31 + strtoull(texts[i], NULL, 10);
        free(texts[i]);
    }
    return sum;
}

static int input_ended(void)
{
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    char byte;
    return poll(&input, 1, 0) == 1 && read(STDIN_FILENO, &byte, 1) == 0;
}

int main(int argc, char **argv)
{
    uint64_t blocks = argc > 1 ? strtoull(argv[1], NULL, 10) : 1000;
    uint64_t rounds = argc > 2 ? strtoull(argv[2], NULL, 10) : 1000;
    uint64_t sum = 0;
    for (uint64_t i = 0; i < blocks; i++) {
        struct item *item = calloc(1, sizeof(*item));
        item->next = keep;
        item->value = i;
        keep = item;
    }
    puts("ready");
    fflush(stdout);
    for (uint64_t round = 0; round < rounds; round++)
        sum = sum * 131 + one_round(round);
    while (!input_ended())
        one_round(rounds);
    for (struct item *item = keep; item; item = item->next)
        sum = sum * 7 + item->value;
    printf("%llu\n", (unsigned long long)sum);
    return 7;
}
