# COM1 behind a ring. Text is put into the ring at any time and leaves it only while the port takes it, so a console that
# nobody reads never holds the guest up: a connected reader that does not read leaves the ring full, and whoever wants to
# say something asks for room first (serial_has_room) and says nothing when there is none.

    .include "layout.inc"

    .set COM1, 0x3f8
    .set LSR_THR_EMPTY, 0x20
    .set FIFO_DEPTH, 16
    .set RING_SIZE, 8192                            # a power of two
    .set LONGEST_LINES, 256                         # what one beat may say: a counter, a page and itself
    .set FIFOS_AT_ONCE, 32                          # a reader that comes back late must not hold the guest either

    .text

    .globl serial_start
serial_start:
    xorl %eax, %eax
    movl $COM1 + 1, %edx                            # no interrupts
    outb %al, %dx
    movl $COM1 + 3, %edx                            # divisor 1: 115200 baud (QEMU does not slow the bytes down)
    movb $0x80, %al
    outb %al, %dx
    movl $COM1, %edx
    movb $1, %al
    outb %al, %dx
    movl $COM1 + 1, %edx
    xorl %eax, %eax
    outb %al, %dx
    movl $COM1 + 3, %edx                            # 8n1
    movb $3, %al
    outb %al, %dx
    movl $COM1 + 2, %edx                            # FIFO on and empty
    movb $7, %al
    outb %al, %dx
    movl $COM1 + 4, %edx                            # DTR, RTS
    movb $3, %al
    outb %al, %dx
    ret

# Gives the port what it takes now, up to a bound, and returns. One look at the line status covers a whole FIFO.
    .globl serial_drain
serial_drain:
    movl ring_tail, %esi
    movl $FIFOS_AT_ONCE, %edi
1:  cmpl ring_head, %esi
    je 9f
    movl $COM1 + 5, %edx
    inb %dx, %al
    testb $LSR_THR_EMPTY, %al
    jz 9f
    movl $FIFO_DEPTH, %ecx
    movl $COM1, %edx
2:  cmpl ring_head, %esi
    je 9f
    movl %esi, %eax
    andl $RING_SIZE - 1, %eax
    movb ring(%eax), %al
    outb %al, %dx
    incl %esi
    loop 2b
    decl %edi
    jnz 1b
9:  movl %esi, ring_tail
    ret

# Everything said so far is said once more.
    .globl serial_repeat
serial_repeat:
    movl $0, ring_tail
    ret

# Carry clear: all that one beat may say fits.
    .globl serial_has_room
serial_has_room:
    movl ring_tail, %eax
    addl $RING_SIZE - LONGEST_LINES, %eax
    subl ring_head, %eax
    addl %eax, %eax                                 # sign into carry
    ret

# al
    .globl put_char
put_char:
    pushl %edx
    movl ring_head, %edx
    andl $RING_SIZE - 1, %edx
    movb %al, ring(%edx)
    incl ring_head
    popl %edx
    ret

# esi: text up to a zero byte
    .globl put_string
put_string:
    lodsb
    testb %al, %al
    jz 9f
    call put_char
    jmp put_string
9:  ret

# eax, as decimal
    .globl put_number
put_number:
    xorl %edx, %edx

# edx:eax, as decimal
    .globl put_number64
put_number64:
    pushl %ebx
    pushl %ecx
    pushl %esi
    xorl %esi, %esi                                 # digits on the stack
    movl $10, %ecx
1:  movl %eax, %ebx
    movl %edx, %eax
    xorl %edx, %edx
    divl %ecx
    xchgl %eax, %ebx                                # ebx: quotient, high half; edx: its remainder
    divl %ecx
    pushl %edx
    incl %esi
    movl %ebx, %edx
    orl %eax, %ebx
    jnz 1b
2:  popl %eax
    addb $'0', %al
    call put_char
    decl %esi
    jnz 2b
    popl %esi
    popl %ecx
    popl %ebx
    ret

# eax, as 0x and eight hex digits
    .globl put_hex
put_hex:
    pushl %ebx
    pushl %ecx
    movl %eax, %ebx
    movb $'0', %al
    call put_char
    movb $'x', %al
    call put_char
    movl $8, %ecx
1:  roll $4, %ebx
    movl %ebx, %eax
    andl $15, %eax
    movb hex_digits(%eax), %al
    call put_char
    loop 1b
    popl %ecx
    popl %ebx
    ret

    .section .rodata
hex_digits: .ascii "0123456789abcdef"

    .bss
    .balign 4
ring_head: .skip 4                                  # free running; head - tail is what waits
ring_tail: .skip 4
ring:      .skip RING_SIZE
