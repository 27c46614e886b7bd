/* kernel: macros that repeat another macro for each row of a GEMM tile and for each height of a tile. One function for each
 * height lets the compiler hold its accumulators in registers. */
#ifndef ARC_KERNEL_SIMD_ROWS_H
#define ARC_KERNEL_SIMD_ROWS_H

#define ROWS_1(DO) DO(0)
#define ROWS_2(DO) ROWS_1(DO) DO(1)
#define ROWS_3(DO) ROWS_2(DO) DO(2)
#define ROWS_4(DO) ROWS_3(DO) DO(3)
#define ROWS_5(DO) ROWS_4(DO) DO(4)
#define ROWS_6(DO) ROWS_5(DO) DO(5)
#define ROWS_7(DO) ROWS_6(DO) DO(6)
#define ROWS_8(DO) ROWS_7(DO) DO(7)
#define ROWS_9(DO) ROWS_8(DO) DO(8)
#define ROWS_10(DO) ROWS_9(DO) DO(9)
#define ROWS_11(DO) ROWS_10(DO) DO(10)
#define ROWS_12(DO) ROWS_11(DO) DO(11)
#define ROWS_13(DO) ROWS_12(DO) DO(12)
#define ROWS_14(DO) ROWS_13(DO) DO(13)

#define EACH_M_6(DO) DO(1) DO(2) DO(3) DO(4) DO(5) DO(6)
#define EACH_M_8(DO) EACH_M_6(DO) DO(7) DO(8)
#define EACH_M_14(DO) EACH_M_8(DO) DO(9) DO(10) DO(11) DO(12) DO(13) DO(14)

/* Prefetch distance: the first time a panel is read its weights come from memory, and this far ahead they arrive in time.
 * Prefetching past the end is harmless. */
#define AHEAD_BYTES 12288

#endif
