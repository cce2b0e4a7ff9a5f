#include "textflag.h"

// Where the three bytes of four characters lie for the multiplications: the second one, the first, the third, the second.
DATA spread<>+0x00(SB)/8, $0x0405030401020001
DATA spread<>+0x08(SB)/8, $0x0a0b090a07080607
GLOBL spread<>(SB), RODATA|NOPTR, $16

// What to add to six bits for their character, by their range: 1 to 10 are the digits, 11 "+", 12 "/", 13 the upper case
// letters and 0 the lower case ones.
DATA shift<>+0x00(SB)/8, $0xfcfcfcfcfcfcfc47
DATA shift<>+0x08(SB)/8, $0x000041f0edfcfcfc
GLOBL shift<>(SB), RODATA|NOPTR, $16

// 24 bytes into 32 characters. Four bytes more are read.
#define ENCODE(in, out) \
	VMOVDQU     in(SI), X0           \
	VINSERTI128 $1, in+12(SI), Y0, Y0 \
	VPSHUFB     Y15, Y0, Y0          \
	VPAND       Y14, Y0, Y1          \
	VPAND       Y12, Y0, Y0          \
	VPMULHUW    Y13, Y1, Y1          \
	VPMULLW     Y11, Y0, Y0          \
	VPOR        Y0, Y1, Y1           \
	VPSUBUSB    Y10, Y1, Y2          \
	VPCMPGTB    Y1, Y9, Y3           \
	VPAND       Y8, Y3, Y3           \
	VPOR        Y3, Y2, Y2           \
	VPSHUFB     Y2, Y7, Y2           \
	VPADDB      Y2, Y1, Y1           \
	VMOVDQU     Y1, out(DI)

#define ALL(value, x, y) \
	MOVL         value, AX \
	MOVQ         AX, x     \
	VPBROADCASTD x, y

// func encodeLines(dst, src *byte, lines int, end uint16, step int)
TEXT ·encodeLines(SB), NOSPLIT, $0-40
	MOVQ    dst+0(FP), DI
	MOVQ    src+8(FP), SI
	MOVQ    lines+16(FP), CX
	MOVWLZX end+24(FP), R8
	MOVQ    step+32(FP), R9

	VBROADCASTI128 spread<>(SB), Y15
	VBROADCASTI128 shift<>(SB), Y7
	ALL($0x0fc0fc00, X14, Y14)
	ALL($0x04000040, X13, Y13)
	ALL($0x003f03f0, X12, Y12)
	ALL($0x01000010, X11, Y11)
	ALL($0x33333333, X10, Y10) // 51
	ALL($0x1a1a1a1a, X9, Y9)   // 26
	ALL($0x0d0d0d0d, X8, Y8)   // 13

next:
	ENCODE(0, 0)
	ENCODE(24, 32)
	ENCODE(33, 44) // which is what is left, and some of what was before
	MOVW R8, 76(DI)
	ADDQ $57, SI
	ADDQ R9, DI
	DECQ CX
	JNZ  next
	VZEROUPPER
	RET
