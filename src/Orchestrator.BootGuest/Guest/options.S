# The command line, and whether the machine has the memory it asks for.

    .include "layout.inc"

    .set FACT_COMMAND_LINE, 1 << 2                  # flags of the Multiboot information
    .set FACT_MEMORY_MAP, 1 << 6
    .set MAP_AVAILABLE, 1

    .set UNSET, -1
    .set DEFAULT_RATE, 8

    .text

# ebx: the Multiboot information; kept.
    .globl options_read
options_read:
    testl $FACT_COMMAND_LINE, (%ebx)
    jz settle
    movl 16(%ebx), %esi
    call skip_image_name
next_option:
    movb (%esi), %al
    incl %esi
    cmpb $' ', %al
    je next_option
    decl %esi
    testb %al, %al
    jz settle
    movl $option_table, %ebp

# ebp: the table's row; esi: the option's first character
match_row:
    movl (%ebp), %edi
    testl %edi, %edi
    jz unknown_option
    movl %esi, %edx
1:  movb (%edi), %al
    testb %al, %al
    jz read_value
    cmpb (%edx), %al
    jne 2f
    incl %edi
    incl %edx
    jmp 1b
2:  addl $OPTION_ROW, %ebp
    jmp match_row

# edx: the value's first character
read_value:
    xorl %eax, %eax
    movl %edx, %edi
1:  movzbl (%edx), %ecx
    subl $'0', %ecx
    cmpl $9, %ecx
    ja 2f
    cmpl $100000000, %eax                           # ten digits and more are out of every range; keep the product whole
    jae bad_value
    imull $10, %eax
    addl %ecx, %eax
    incl %edx
    jmp 1b
2:  cmpl %edx, %edi
    je bad_value
    movb (%edx), %cl
    testb %cl, %cl
    jz 3f
    cmpb $' ', %cl
    jne bad_value
3:  cmpl 4(%ebp), %eax
    jb bad_value
    cmpl 8(%ebp), %eax
    ja bad_value
    movl 12(%ebp), %edi
    movl %eax, (%edi)
    movl %edx, %esi
    jmp next_option

settle:
    cmpl $UNSET, option_rate
    je 1f
    cmpl $0, option_cpu
    jne both_paces
    ret
1:  movl $0, option_rate
    cmpl $0, option_cpu
    jne 2f
    movl $DEFAULT_RATE, option_rate
2:  ret

bad_value:
    call refuse_begin
    call put_option
    movl $must_be, %esi
    call put_string
    movl 4(%ebp), %eax
    call put_number
    movl $up_to, %esi
    call put_string
    movl 8(%ebp), %eax
    call put_number
    jmp refuse_end

unknown_option:
    call refuse_begin
    call put_option
    movl $unknown, %esi
    call put_string
    jmp refuse_end

# esi: an option as it was given. At most 40 characters of it: the line has to fit.
put_option:
    movl $40, %ecx
1:  lodsb
    cmpb $' ', %al
    jbe 9f
    call put_char
    loop 1b
9:  ret

both_paces:
    call refuse_begin
    movl $exclusive, %esi
    call put_string
    jmp refuse_end

# QEMU puts the image's path before the options, and a path may hold spaces: the options begin behind the last word that
# ends in ".elf", or behind the first word when none does. esi in and out.
skip_image_name:
    movl %esi, %edi                                 # fallback: behind the first word
1:  movb (%edi), %al
    cmpb $' ', %al
    jbe 2f
    incl %edi
    jmp 1b
2:  cmpb $0, (%esi)
    je 9f
    cmpl $0x666c652e, (%esi)                        # ".elf", little endian
    jne 3f
    cmpb $' ', 4(%esi)
    ja 3f
    leal 4(%esi), %edi
3:  incl %esi
    jmp 2b
9:  movl %edi, %esi
    ret

# Refuses when working set and fill do not fit into the piece of memory that holds WORK_BASE. ebx: Multiboot information.
    .globl options_fit_memory
options_fit_memory:
    xorl %edi, %edi                                 # MiB usable from WORK_BASE on
    testl $FACT_MEMORY_MAP, (%ebx)
    jz 9f
    movl 48(%ebx), %esi
    movl 44(%ebx), %ecx
    addl %esi, %ecx
1:  cmpl %ecx, %esi
    jae 9f
    cmpl $MAP_AVAILABLE, 20(%esi)
    jne 2f
    cmpl $0, 8(%esi)                                # begins above 4 GiB: out of reach without paging
    jne 2f
    movl 4(%esi), %eax
    cmpl $WORK_BASE, %eax
    ja 2f
    movl 16(%esi), %edx
    addl 12(%esi), %eax
    adcl $0, %edx
    jz 3f
    movl $-1, %eax                                  # reaches above 4 GiB: what lies below counts
3:  subl $WORK_BASE, %eax
    jb 2f
    shrl $MIB_SHIFT, %eax
    movl %eax, %edi
    jmp 9f
2:  movl (%esi), %eax
    leal 4(%esi,%eax), %esi
    jmp 1b
9:  movl option_ws, %ebx
    addl option_fill, %ebx
    cmpl %edi, %ebx
    ja too_big
    ret

too_big:
    call refuse_begin
    movl $need, %esi
    call put_string
    movl %ebx, %eax
    call put_number
    movl $have, %esi
    call put_string
    movl %edi, %eax
    call put_number
    movl $above, %esi
    call put_string
    jmp refuse_end

# READY ws=.. rate=.. cpu=.. fill=.. beat=..
    .globl ready_line
ready_line:
    movl $ready, %esi
    call put_string
    movl $option_table, %ebp
1:  movb $' ', %al
    call put_char
    movl (%ebp), %esi
    call put_string
    movl 12(%ebp), %eax
    movl (%eax), %eax
    call put_number
    addl $OPTION_ROW, %ebp
    cmpl $0, (%ebp)
    jne 1b
    movb $'\n', %al
    jmp put_char

    .section .rodata
must_be:   .asciz ": must be "
up_to:     .asciz ".."
unknown:   .asciz ": no such option"
exclusive: .asciz "rate and cpu exclude each other"
need:      .asciz "ws and fill need "
have:      .asciz " MiB, the machine has "
above:     .asciz " MiB in one piece from 2 MiB on"
ready:     .asciz "READY"

name_ws:   .asciz "ws="
name_rate: .asciz "rate="
name_cpu:  .asciz "cpu="
name_fill: .asciz "fill="
name_beat: .asciz "beat="

    .balign 4
option_table:                                       # name, least, most, where it goes; in the order of the READY line
    .set OPTION_ROW, 16
    .long name_ws,   1, 2800,  option_ws
    .long name_rate, 0, 65535, option_rate
    .long name_cpu,  1, 65535, option_cpu
    .long name_fill, 0, 2800,  option_fill
    .long name_beat, 1, 1000,  option_beat
    .long 0

    .data
    .balign 4
    .globl option_ws, option_rate, option_cpu, option_fill, option_beat
option_ws:   .long 16                               # MiB
option_rate: .long UNSET                            # MiB/s; 0: as fast as it goes
option_cpu:  .long 0                                # MiB/s of a whole vCPU; 0: not asked for
option_fill: .long 0                                # MiB
option_beat: .long 100                              # lines per second
