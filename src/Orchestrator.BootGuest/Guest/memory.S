# What is written and what must be found again.
#
# Working set: page p in round r holds four words, s = rA + pB, t = rC + pD and their inverses. A, B, C are odd and D is
# even, so AD - BC is odd and (r, p) -> (s, t) is one to one modulo 2^32: a page of another round or another place, whole or
# half, never passes for the right one, and neither does an empty page, because s and its inverse are not both zero.
# Fill: each word is a mix of its own address; it is written once.

    .include "layout.inc"

    .set A, 0x9e3779b1
    .set B, 0x85ebca6b
    .set C, 0xc2b2ae35
    .set D, 0x27d4eb2e

    .set AT_T, 1364                                 # offsets of t, ~s, ~t in the page; s is its first word
    .set AT_NOT_S, 2728
    .set AT_NOT_T, 4092

    .set FILL_FACTOR, 0x9e3779b1
    .set FILL_STEP, (FILL_FACTOR * 4) & 0xffffffff  # what the factor adds from one word to the next
    .set FILL_MIX, 0x85ebca6b

    .set SWEEP_PAGES, 32                            # pages of the fill looked at in one go
    .set SWEEP_STRIDE, 512                          # one word out of so many bytes, another one each sweep
    .set SWEEP_PHASES, SWEEP_STRIDE / 4

    .text

# Visits the next page of the working set: checks it against the round before and writes it for this one.
    .globl visit_page
visit_page:
    movl next_page, %ecx
    movl %ecx, %edi
    shll $PAGE_SHIFT, %edi
    addl $WORK_BASE, %edi
    imull $B, %ecx, %ebx
    addl round_s, %ebx                              # ebx: s, ebp: t of this round
    imull $D, %ecx, %ebp
    addl round_t, %ebp
    cmpl $0, pages_checked
    je write_page

    leal -A(%ebx), %eax
    movl (%edi), %edx
    cmpl %eax, %edx
    jne wrong_page
    notl %eax
    movl AT_NOT_S(%edi), %edx
    cmpl %eax, %edx
    jne wrong_page
    leal -C(%ebp), %eax
    movl AT_T(%edi), %edx
    cmpl %eax, %edx
    jne wrong_page
    notl %eax
    movl AT_NOT_T(%edi), %edx
    cmpl %eax, %edx
    jne wrong_page

write_page:
    movl %ebx, (%edi)
    movl %ebp, AT_T(%edi)
    notl %ebx
    notl %ebp
    movl %ebx, AT_NOT_S(%edi)
    movl %ebp, AT_NOT_T(%edi)

    incl %ecx
    cmpl working_pages, %ecx
    jae next_round
    movl %ecx, next_page
count_page:
    decl mib_left
    jz next_mib
    ret

wrong_page:
    call bad_report
    jmp write_page

next_mib:
    movl $PAGES_PER_MIB, mib_left
    cli                                             # a beat must not read half of the sum
    addl $1, dirtied_mib
    adcl $0, dirtied_mib + 4
    sti
    ret

next_round:
    movl $0, next_page
    movl $1, pages_checked
    call begin_round
    jmp count_page

    .globl begin_round
begin_round:
    cli
    addl $1, round
    adcl $0, round + 4
    sti
    addl $A, round_s
    addl $C, round_t
    ret

# Writes the fill and readies the working set. Interrupts are on: the guest beats with r=0 meanwhile.
    .globl fill_write
fill_write:
    movl option_ws, %eax
    imull $PAGES_PER_MIB, %eax
    movl %eax, working_pages
    shll $PAGE_SHIFT, %eax
    addl $WORK_BASE, %eax
    movl %eax, fill_start
    movl %eax, sweep_at
    movl option_fill, %ecx
    shll $MIB_SHIFT, %ecx
    movl %eax, %edi
    addl %ecx, %eax
    movl %eax, fill_end

    imull $FILL_FACTOR, %edi, %ebx                # ebx: address x factor, kept by adding
1:  cmpl fill_end, %edi
    jae 2f
    .rept 4
    movl %ebx, %eax
    shrl $15, %eax
    xorl %ebx, %eax
    imull $FILL_MIX, %eax
    movl %eax, (%edi)
    addl $4, %edi
    addl $FILL_STEP, %ebx
    .endr
    jmp 1b
2:  movl $1, fill_in_place
    jmp begin_round

# From the interrupt: a piece of the fill may be looked at. What was not used by then is not saved up.
    .globl sweep_allow
sweep_allow:
    movl fill_in_place, %eax
    movl fill_start, %edx
    cmpl fill_end, %edx
    jne 1f
    xorl %eax, %eax
1:  movl %eax, sweep_due
    ret

# Looks at the next pages of the fill. Eight words of each; after SWEEP_PHASES sweeps every word has been seen. A wrong page
# stays wrong and counts again when a later sweep comes by.
    .globl sweep_some
sweep_some:
    movl $0, sweep_due
    movl $SWEEP_PAGES, %ecx
    movl sweep_at, %esi
1:  movl sweep_phase, %edi
    leal (%esi,%edi,4), %edi
    leal PAGE_SIZE(%esi), %esi
2:  imull $FILL_FACTOR, %edi, %ebx
    movl %ebx, %eax
    shrl $15, %eax
    xorl %ebx, %eax
    imull $FILL_MIX, %eax
    movl (%edi), %edx
    cmpl %eax, %edx
    jne 5f
    addl $SWEEP_STRIDE, %edi
    cmpl %esi, %edi
    jb 2b
3:  cmpl fill_end, %esi
    jb 4f
    movl fill_start, %esi
    movl sweep_phase, %edi
    incl %edi
    andl $SWEEP_PHASES - 1, %edi
    movl %edi, sweep_phase
4:  loop 1b
    movl %esi, sweep_at
    ret
5:  call bad_report
    jmp 3b

    .data
    .balign 4
mib_left: .long PAGES_PER_MIB

    .bss
    .balign 8
    .globl round, dirtied_mib, sweep_due
round:         .skip 8                              # 0 until the fill is in place
dirtied_mib:   .skip 8
round_s:       .skip 4                              # round x A and round x C
round_t:       .skip 4
pages_checked: .skip 4                              # 0 in the first round: there is nothing to find yet
next_page:     .skip 4
working_pages: .skip 4
fill_start:    .skip 4
fill_end:      .skip 4
fill_in_place: .skip 4
sweep_due:     .skip 4
sweep_at:      .skip 4
sweep_phase:   .skip 4
