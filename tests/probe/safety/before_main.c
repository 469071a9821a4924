// SPDX-License-Identifier: MIT
// A program that keeps what its library has allocated before. See before.sh.

extern void *block_from_before;

int main(void)
{
    return block_from_before == 0;
}
