/* SPDX-License-Identifier: MIT
 *
 * Functions that begin in all the ways that matter. Each takes a number and returns it
 * plus one, unless it says otherwise.
 */
        .text
        .macro  begin name
        .globl  \name
        .type   \name, @function
        .p2align 4
\name:
        .cfi_startproc
        .endm
        .macro  finish name
        .cfi_endproc
        .size   \name, . - \name
        .endm

        begin   begins_plainly
        push    %rbp
        .cfi_adjust_cfa_offset 8
        mov     %rsp, %rbp
        push    %r12
        lea     1(%rdi), %rax
        pop     %r12
        pop     %rbp
        .cfi_adjust_cfa_offset -8
        ret
        finish  begins_plainly

        begin   begins_with_a_mark
        endbr64
        push    %rbx
        .cfi_adjust_cfa_offset 8
        lea     1(%rdi), %eax
        nop
        pop     %rbx
        .cfi_adjust_cfa_offset -8
        ret
        finish  begins_with_a_mark

        begin   begins_with_data
        mov     number_one(%rip), %rax
        add     %rdi, %rax
        ret
        finish  begins_with_data

        begin   begins_with_a_compare
        cmpb    $1, number_one(%rip)
        jne     1f
        lea     1(%rdi), %rax
        ret
1:      xor     %eax, %eax
        ret
        finish  begins_with_a_compare

        begin   begins_with_a_branch
        test    %rdi, %rdi
        je      1f
        lea     1(%rdi), %rax
        ret
1:      mov     $1, %eax
        ret
        finish  begins_with_a_branch

        begin   begins_with_a_jump
        jmp     begins_plainly
        finish  begins_with_a_jump

        begin   begins_with_a_call
        push    %rbx
        .cfi_adjust_cfa_offset 8
        call    begins_plainly
        pop     %rbx
        .cfi_adjust_cfa_offset -8
        ret
        finish  begins_with_a_call

        begin   begins_with_its_end
        ret                     /* returns what is in rax: nothing to rely upon */
        finish  begins_with_its_end
        .p2align 4

        /* The loop's head is the second instruction. */
        begin   begins_with_a_loop
        xor     %eax, %eax
1:      inc     %rax
        cmp     %rdi, %rax
        jbe     1b
        ret
        finish  begins_with_a_loop

        begin   begins_strangely
        nop
        .byte   0x06
        nop
        nop
        nop
        nop
        ret
        finish  begins_strangely

        begin   begins_too_late_for_a_jump
        ret
        .byte   0x06, 0x06, 0x06, 0x06
        ret
        finish  begins_too_late_for_a_jump

        .section .rodata
        .p2align 3
number_one:
        .quad   1
        .section .note.GNU-stack, "", @progbits
