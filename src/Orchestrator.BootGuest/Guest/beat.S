# What the guest says while it lives: HB <counter> r=<round> d=<MiB> b=<bad>, and BAD once, before the beat that first
# counts it. Runs inside the PIT's interrupt.
#
# The counter is kept twice, on pages that hold nothing else, the second time inverted. A migration that brings back an old
# copy of one of them is seen here; one that brings back both repeats a number, which the reader sees.

    .include "layout.inc"

    .set NOTHING_BAD, 0
    .set BAD_UNSAID, 1
    .set BAD_SAID, 2

    .text

    .globl beat_line
beat_line:
    call serial_has_room
    jc 9f                                           # nobody reads: the counter counts lines, so it waits too

    movl counter, %eax
    movl counter + 4, %edx
    movl counter_inverse, %ebx
    movl counter_inverse + 4, %ecx
    notl %ebx
    notl %ecx
    cmpl %eax, %ebx
    jne 1f
    cmpl %edx, %ecx
    je 3f
1:  call counters_differ
3:  addl $1, %eax
    adcl $0, %edx
    movl %eax, counter
    movl %edx, counter + 4
    notl %eax
    notl %edx
    movl %eax, counter_inverse
    movl %edx, counter_inverse + 4

    cmpl $BAD_UNSAID, bad_state
    jne 4f
    call bad_page_line
4:  movl $heartbeat, %esi
    call put_string
    movl counter, %eax
    movl counter + 4, %edx
    call put_number64
    movl $round_text, %esi
    call put_string
    movl round, %eax
    movl round + 4, %edx
    call put_number64
    movl $dirtied_text, %esi
    call put_string
    movl dirtied_mib, %eax
    movl dirtied_mib + 4, %edx
    call put_number64
    movl $bad_text, %esi
    call put_string
    movl bad_count, %eax
    call put_number
    movb $'\n', %al
    call put_char
9:  ret

# edx:eax and ecx:ebx are the two copies; the larger one goes on in edx:eax, so that no number comes twice.
counters_differ:
    pushl %edx
    pushl %eax
    movl $counter_text, %esi
    call put_string
    popl %eax
    popl %edx
    pushl %edx
    pushl %eax
    call put_number64
    movl $copy_text, %esi
    call put_string
    movl %ebx, %eax
    movl %ecx, %edx
    call put_number64
    movb $'\n', %al
    call put_char
    call bad_one_more
    popl %eax
    popl %edx
    cmpl %ecx, %edx
    ja 9f
    jb 1f
    cmpl %ebx, %eax
    jae 9f
1:  movl %ebx, %eax
    movl %ecx, %edx
9:  ret

bad_page_line:
    movl $BAD_SAID, bad_state
    movl $page_text, %esi
    call put_string
    movl bad_page, %eax
    call put_number
    movl $expected_text, %esi
    call put_string
    movl bad_expected, %eax
    call put_hex
    movl $found_text, %esi
    call put_string
    movl bad_found, %eax
    call put_hex
    movb $'\n', %al
    jmp put_char

# A page did not hold what it must. eax: expected; edx: found; edi: an address in the page. Keeps all registers.
    .globl bad_report
bad_report:
    call bad_one_more
    cmpl $NOTHING_BAD, bad_state
    jne 9f
    movl %eax, bad_expected
    movl %edx, bad_found
    pushl %edi
    subl $WORK_BASE, %edi
    shrl $PAGE_SHIFT, %edi
    movl %edi, bad_page
    popl %edi
    movl $BAD_UNSAID, bad_state                     # last: the interrupt reads the others once this is set
9:  ret

bad_one_more:
    addl $1, bad_count
    jnc 9f
    movl $-1, bad_count                             # stays at the most it can say; 0 would look healthy
9:  ret

    .section .rodata
heartbeat:     .asciz "HB "
round_text:    .asciz " r="
dirtied_text:  .asciz " d="
bad_text:      .asciz " b="
page_text:     .asciz "BAD page="
expected_text: .asciz " expected="
found_text:    .asciz " found="
counter_text:  .asciz "BAD counter="
copy_text:     .asciz " copy="

    .data
    .balign PAGE_SIZE
counter_inverse: .long -1, -1
    .balign PAGE_SIZE

    .bss
    .balign PAGE_SIZE
counter: .skip 8
    .balign PAGE_SIZE
bad_state:    .skip 4
bad_page:     .skip 4
bad_expected: .skip 4
bad_found:    .skip 4
bad_count:    .skip 4
