# Entry and order of events. QEMU loads this as a Multiboot 1 kernel (-kernel bootguest.elf -append "ws=64 rate=8").
#
# Everything runs in one flat 32-bit segment with paging off. The main loop dirties memory (pace.S, memory.S); the only interrupt,
# the PIT's, keeps the time and talks (clock.S, beat.S, serial.S), so a beat never waits for a page and a page never for a line.

    .include "layout.inc"

    .set MULTIBOOT_MAGIC, 0x1BADB002
    .set MULTIBOOT_FLAGS, 0x2                       # ask for the memory map
    .set MULTIBOOT_LOADER, 0x2BADB002               # what the loader leaves in eax

    .section .multiboot, "a"
    .balign 4
    .long MULTIBOOT_MAGIC, MULTIBOOT_FLAGS, -(MULTIBOOT_MAGIC + MULTIBOOT_FLAGS)

    .text
    .globl start
start:
    cli
    cld
    movl $stack_top, %esp
    cmpl $MULTIBOOT_LOADER, %eax
    jne no_loader
    lgdt gdt_pointer                                # the loader's table may lie where nobody keeps it
    ljmp $0x08, $1f
1:  movl $0x10, %eax
    movl %eax, %ds
    movl %eax, %es
    movl %eax, %fs
    movl %eax, %gs
    movl %eax, %ss

    call serial_start
    call options_read                               # ebx: the loader's facts; does not return when they do not fit
    call options_fit_memory
    call clock_check
    call pace_prepare
    call ready_line
    call serial_drain
    call clock_start
    sti
    call fill_write
    jmp pace_forever

no_loader:
    cli
    hlt
    jmp no_loader

# refuse_begin, any number of put_*, jmp refuse_end: says why on the console and stops for good. The line is repeated
# once a second, because a reader may connect to the console after the first one was said.
    .globl refuse_begin
refuse_begin:
    pushl %esi
    movl $refused_text, %esi
    call put_string
    popl %esi
    ret

    .globl refuse_end
refuse_end:
    movb $'\n', %al
    call put_char
    call serial_drain
    movl $1, guest_refused
    call clock_start
    sti
1:  hlt
    jmp 1b

    .section .rodata
refused_text: .asciz "REFUSED "

    .balign 8
gdt:
    .quad 0
    .quad 0x00CF9A000000FFFF                        # 08: code, flat
    .quad 0x00CF92000000FFFF                        # 10: data, flat
gdt_pointer:
    .word . - gdt - 1
    .long gdt

    .bss
    .globl guest_refused
    .balign 16
guest_refused: .skip 4
    .balign 16
    .skip 8192
stack_top:
