# Time. The ACPI PM timer tells it: its frequency is the same on every host and QEMU carries it over a migration. The PIT
# only wakes the guest, several times a beat or at least 100 times a second; how many of its ticks get lost does not matter.
#
# The PM timer has 24 bits and wraps after 4.7 s. A guest that QEMU stopped does not see the time pass; one whose vCPU was
# held while time went on (a paused post-copy) loses whole wraps, which makes the pause look shorter and harms nothing,
# because nobody here makes up for time gone by.

    .include "layout.inc"

    .set PM_TIMER, 0x608                            # where SeaBIOS puts it, on q35 and on pc
    .set PM_MASK, 0xffffff
    .set PIT_HZ, 1193182
    .set SLOWEST_TICK_HZ, 100
    .set SWEEP_EVERY, PM_HZ / 100
    .set REPEAT_EVERY, PM_HZ

    .set PIC1, 0x20
    .set PIC2, 0xa0
    .set VECTOR_BASE, 0x20
    .set VECTORS, 0x30

    .text

# eax: PM timer now
    .globl clock_read
clock_read:
    pushl %edx
    movl $PM_TIMER, %edx
    inl %dx, %eax
    andl $PM_MASK, %eax
    popl %edx
    ret

    .globl clock_check
clock_check:
    call clock_read
    movl %eax, %ebx
    movl $1000000, %ecx
1:  call clock_read
    cmpl %eax, %ebx
    jne 9f
    loop 1b
    call refuse_begin
    movl $no_timer, %esi
    call put_string
    jmp refuse_end
9:  ret

# Interrupts on their way; the caller does sti.
    .globl clock_start
clock_start:
    movl $idt, %edi
    movl $VECTORS, %ecx
    movl $ignore, %eax
1:  call set_gate
    loop 1b
    movl $idt + (VECTOR_BASE * 8), %edi
    movl $tick, %eax
    call set_gate
    lidt idt_pointer

    movb $0x11, %al                                 # both PICs: edge triggered, cascaded, vectors from VECTOR_BASE
    outb %al, $PIC1
    outb %al, $PIC2
    movb $VECTOR_BASE, %al
    outb %al, $PIC1 + 1
    movb $VECTOR_BASE + 8, %al
    outb %al, $PIC2 + 1
    movb $4, %al
    outb %al, $PIC1 + 1
    movb $2, %al
    outb %al, $PIC2 + 1
    movb $1, %al
    outb %al, $PIC1 + 1
    outb %al, $PIC2 + 1
    movb $0xfe, %al                                 # the PIT's line only
    outb %al, $PIC1 + 1
    movb $0xff, %al
    outb %al, $PIC2 + 1

    movl $PM_HZ, %eax
    xorl %edx, %edx
    divl option_beat
    movl %eax, beat_period
    movl %eax, beat_wait
    shrl $2, %eax
    movl %eax, beat_early

    movl option_beat, %ebx                          # tick: the beat, or the multiple of it that reaches 100 Hz
    movl $SLOWEST_TICK_HZ - 1, %eax
    addl %ebx, %eax
    xorl %edx, %edx
    divl %ebx
    imull %eax, %ebx
    movl $PIT_HZ, %eax
    xorl %edx, %edx
    divl %ebx
    movl %eax, %ebx
    movb $0x34, %al                                 # channel 0, both bytes, rate generator
    outb %al, $0x43
    movb %bl, %al
    outb %al, $0x40
    movb %bh, %al
    outb %al, $0x40

    call clock_read
    movl %eax, clock_last
    ret

# edi: gate, moved on; eax: handler. Interrupt gate, present, ring 0, code segment 08.
set_gate:
    movl %eax, %edx
    movw %dx, (%edi)
    movw $0x08, 2(%edi)
    movw $0x8e00, 4(%edi)
    shrl $16, %edx
    movw %dx, 6(%edi)
    addl $8, %edi
    ret

ignore:                                             # spurious ones; masked lines cannot come
    iret

tick:
    pushal
    cld
    movb $0x20, %al                                 # the PIC may latch the next tick while this one is served
    outb %al, $PIC1
    call clock_read
    movl %eax, %ebp
    xchgl clock_last, %eax
    subl %eax, %ebp
    andl $PM_MASK, %ebp                             # ebp: PM ticks since the last time here
    cmpl $0, guest_refused
    jne tick_refused

    movl %ebp, %eax
    call pace_accrue
    subl %ebp, sweep_wait
    jg 1f
    movl $SWEEP_EVERY, sweep_wait
    call sweep_allow

# A beat is due at beat_wait <= 0. It may come a quarter of its period early, else a tick that comes just too soon would put
# it off by a whole tick; the schedule itself does not move. Later than a period: the schedule starts anew from here.
1:  movl beat_wait, %eax
    subl %ebp, %eax
    cmpl beat_early, %eax
    jg 3f
    addl beat_period, %eax
    jns 2f
    movl beat_period, %eax
2:  movl %eax, beat_wait
    call beat_line
    jmp 4f
3:  movl %eax, beat_wait
4:  call serial_drain
    popal
    iret

tick_refused:
    subl %ebp, repeat_wait
    jg 1f
    movl $REPEAT_EVERY, repeat_wait
    call serial_repeat
1:  call serial_drain
    popal
    iret

    .section .rodata
no_timer: .asciz "no ACPI PM timer at port 0x608"
idt_pointer:
    .word VECTORS * 8 - 1
    .long idt

    .data
    .balign 4
sweep_wait:  .long SWEEP_EVERY
repeat_wait: .long REPEAT_EVERY

    .bss
    .balign 8
idt:         .skip VECTORS * 8
clock_last:  .skip 4
beat_period: .skip 4                                # all in PM ticks
beat_wait:   .skip 4
beat_early:  .skip 4
