# How fast pages are visited: at a set rate with the vCPU halted in between (rate=N), without pause (rate=0), or with work
# between pages that keeps the vCPU busy (cpu=N), so that a throttled vCPU visits fewer.

    .include "layout.inc"

    .set CATCH_UP_PARTS, 20                         # at most 1/20 s of pages is owed: no burst after a stop
    .set CALIBRATION_TICKS, PM_HZ / 200             # a measurement takes 5 ms at least
    .set CALIBRATION_RUNS, 8
    .set VISIT_SAMPLE, 256                          # pages
    .set VISIT_RUNS, 16

    .text

# Before the interrupts start.
    .globl pace_prepare
pace_prepare:
    movl option_rate, %eax
    imull $PAGES_PER_MIB, %eax
    movl %eax, pages_per_second
    movl $CATCH_UP_PARTS, %ecx
    xorl %edx, %edx
    divl %ecx
    movl %eax, most_owed
    cmpl $0, option_cpu
    jne measure_work
    ret

# From the interrupt. eax: PM ticks gone by, 24 bits. Adds the pages they are worth; the rest of the division is kept, so
# that slow rates are exact.
    .globl pace_accrue
pace_accrue:
    mull pages_per_second                           # at most 24 + 24 bits
    addl owed_rest, %eax
    adcl $0, %edx
    movl $PM_HZ, %ecx
    divl %ecx
    movl %edx, owed_rest
    addl pages_owed, %eax
    cmpl most_owed, %eax
    jbe 1f
    movl most_owed, %eax
1:  movl %eax, pages_owed
    ret

    .globl pace_forever
pace_forever:
    cmpl $0, option_cpu
    jne busy
    cmpl $0, option_rate
    je flat_out

paced:
    cmpl $0, pages_owed
    je 1f
    decl pages_owed
    call visit_page
    jmp paced
1:  cmpl $0, sweep_due
    je 2f
    call sweep_some
    jmp paced
2:  cli                                             # an interrupt between the look and the halt would be slept through
    cmpl $0, pages_owed
    jne 3f
    cmpl $0, sweep_due
    jne 3f
    sti
    hlt
    jmp paced
3:  sti
    jmp paced

flat_out:
    call visit_page
    cmpl $0, sweep_due
    je flat_out
    call sweep_some
    jmp flat_out

busy:
    call measure_visits
1:  call visit_page
    movl work_per_page, %ecx
    call work
    cmpl $0, sweep_due
    je 1b
    call sweep_some
    jmp 1b

# ecx: how much work. Multiplications that wait for each other take about as long on any vCPU that runs the rest.
work:
    jecxz 9f
1:  imull $0x85ebca6b, %eax, %eax
    imull $0x85ebca6b, %eax, %eax
    imull $0x85ebca6b, %eax, %eax
    imull $0x85ebca6b, %eax, %eax
    decl %ecx
    jnz 1b
9:  ret

# work_per_second from the fastest of several runs: a run that the host disturbed says nothing about the vCPU.
measure_work:
    movl $10000, %esi                               # work in one run
1:  call time_work
    cmpl $CALIBRATION_TICKS, %eax
    jae 2f
    addl %esi, %esi
    jmp 1b
2:  movl %eax, %edi                                 # fewest ticks so far
    movl $CALIBRATION_RUNS, %ebp
3:  call time_work
    cmpl %edi, %eax
    jae 4f
    movl %eax, %edi
4:  decl %ebp
    jnz 3b
    movl %esi, %eax
    movl $PM_HZ, %ecx
    mull %ecx
    divl %edi
    movl %eax, work_per_second
    ret

# esi: work. eax: the PM ticks it took.
time_work:
    call clock_read
    movl %eax, %ebx
    movl %esi, %ecx
    call work
    call clock_read
    subl %ebx, %eax
    andl $0xffffff, %eax
    ret

# work_per_page: what the wanted rate leaves of a page's time once the page itself is visited. Needs the working set, so it
# runs as the first pages of it are visited.
measure_visits:
    movl $-1, fewest_ticks
    movl $VISIT_RUNS, visit_runs
1:  call clock_read
    pushl %eax
    movl $VISIT_SAMPLE, visits_left
2:  call visit_page
    decl visits_left
    jnz 2b
    call clock_read
    popl %ebx
    subl %ebx, %eax
    andl $0xffffff, %eax
    cmpl fewest_ticks, %eax
    jae 3f
    movl %eax, fewest_ticks
3:  decl visit_runs
    jnz 1b

    movl work_per_second, %eax                      # a visit's cost, in work
    mull fewest_ticks
    movl $PM_HZ, %ecx
    divl %ecx
    xorl %edx, %edx
    movl $VISIT_SAMPLE, %ecx
    divl %ecx
    movl %eax, %ebx

    movl option_cpu, %ecx
    imull $PAGES_PER_MIB, %ecx
    movl work_per_second, %eax
    xorl %edx, %edx
    divl %ecx
    subl %ebx, %eax
    jnc 4f
    xorl %eax, %eax                                 # more asked for than the vCPU can do
4:  movl %eax, work_per_page
    ret

    .bss
    .balign 4
pages_per_second: .skip 4
most_owed:        .skip 4
pages_owed:       .skip 4
owed_rest:        .skip 4                           # page seconds, in parts of PM_HZ
work_per_second:  .skip 4
work_per_page:    .skip 4
fewest_ticks:     .skip 4
visit_runs:       .skip 4
visits_left:      .skip 4
