#include "textflag.h"

// Four rows of the substitution for the 128 bytes at hand. A byte x of row r, which is its upper half, gets
// rows[0]^...^rows[r] at the lower half of x, as the rows are stored as differences: VPSHUFB gives 0 for an index with
// its top bit set, which those of the rows not reached yet have after as many subtractions of 16, and it looks at the
// lower half of the others.
#define ROW(at) \
	VBROADCASTI128 at(AX), Y9 \
	VPSHUFB Y0, Y9, Y10       \
	VPSHUFB Y1, Y9, Y11       \
	VPSHUFB Y2, Y9, Y12       \
	VPSHUFB Y3, Y9, Y13       \
	VPXOR   Y10, Y4, Y4       \
	VPXOR   Y11, Y5, Y5       \
	VPXOR   Y12, Y6, Y6       \
	VPXOR   Y13, Y7, Y7

// The next row. The subtraction saturates: what was negative stays so.
#define DOWN \
	VPSUBSB Y8, Y0, Y0 \
	VPSUBSB Y8, Y1, Y1 \
	VPSUBSB Y8, Y2, Y2 \
	VPSUBSB Y8, Y3, Y3

#define HALF(at) \
	ROW(at+0x00) DOWN \
	ROW(at+0x10) DOWN \
	ROW(at+0x20) DOWN \
	ROW(at+0x30) DOWN \
	ROW(at+0x40) DOWN \
	ROW(at+0x50) DOWN \
	ROW(at+0x60) DOWN \
	ROW(at+0x70)

// func substitute128(dst, src *byte, n int, rows *[16][16]byte)
TEXT ·substitute128(SB), NOSPLIT, $0-32
	MOVQ dst+0(FP), DI
	MOVQ src+8(FP), SI
	MOVQ n+16(FP), CX
	MOVQ rows+24(FP), AX

	MOVQ         $0x10, DX
	MOVQ         DX, X8
	VPBROADCASTB X8, Y8
	MOVQ         $0x80, DX
	MOVQ         DX, X14
	VPBROADCASTB X14, Y14

next:
	VMOVDQU 0(SI), Y0
	VMOVDQU 32(SI), Y1
	VMOVDQU 64(SI), Y2
	VMOVDQU 96(SI), Y3
	VPXOR   Y4, Y4, Y4
	VPXOR   Y5, Y5, Y5
	VPXOR   Y6, Y6, Y6
	VPXOR   Y7, Y7, Y7
	HALF(0x00)

	// The bytes from 0x80 on.
	VPXOR   0(SI), Y14, Y0
	VPXOR   32(SI), Y14, Y1
	VPXOR   64(SI), Y14, Y2
	VPXOR   96(SI), Y14, Y3
	HALF(0x80)

	VMOVDQU Y4, 0(DI)
	VMOVDQU Y5, 32(DI)
	VMOVDQU Y6, 64(DI)
	VMOVDQU Y7, 96(DI)
	ADDQ    $128, SI
	ADDQ    $128, DI
	SUBQ    $128, CX
	JNZ     next
	VZEROUPPER
	RET
