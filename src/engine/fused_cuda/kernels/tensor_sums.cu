// The T x T results of a block by tensor cores, of factors rounded to TF32 or bf16: each warp adds 16 rows of them.
//
// With T = 16 each of the 8 warps has all results, and they take the terms of a tile in turn.
// Source of the layouts: NVIDIA, Parallel Thread Execution ISA, "Matrix Fragments for mma.m16n8k8" and "for mma.m16n8k16".

// The terms of an instruction.
constexpr int TERMS_OF_MMA = IS_BF16 ? 16 : 8;

template <int T> struct Sums {
    static constexpr int ACROSS = T == 64 ? 2 : 1;                       // warps side by side
    static constexpr int GROUPS = THREADS / 32 / (T / 16 * ACROSS);
    static constexpr int COLUMNS = T / ACROSS / 8;                       // of 8 results each
    float sums[COLUMNS][4] = {};
    int warp = threadIdx.x / 32, group = warp % GROUPS;
    int row = warp / GROUPS / ACROSS * 16, column = warp / GROUPS % ACROSS * (T / ACROSS);
    int line = threadIdx.x % 32 / 4, place = threadIdx.x % 4;

    // The terms of a row that this lane holds: one in TF32, two in bf16.
    __device__ u32 factor(const Tile<T> &tile, int term, int row) const {
        u32 rounded;
        if constexpr (IS_BF16) {
            float low = tile.values[term + 2 * place][row], high = tile.values[term + 2 * place + 1][row];
            asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(rounded) : "f"(high), "f"(low));
        } else {
            asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(rounded) : "f"(tile.values[term + place][row]));
        }
        return rounded;
    }

    // Adds the products of the first terms of two tiles, and zeros up to the next multiple of TERMS_OF_MMA.
    __device__ void add(const Tile<T> &left, const Tile<T> &right, int terms) {
        constexpr int HALF = TERMS_OF_MMA / 2;
        for (int term = group * TERMS_OF_MMA; term < terms; term += GROUPS * TERMS_OF_MMA) {
            u32 a[4], b[2];
            for (int i = 0; i < 4; i++) a[i] = factor(left, term + i / 2 * HALF, row + line + i % 2 * 8);
#pragma unroll
            for (int c = 0; c < COLUMNS; c++) {
                for (int i = 0; i < 2; i++) b[i] = factor(right, term + i * HALF, column + 8 * c + line);
                float *d = sums[c];
                if constexpr (IS_BF16)
                    asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
                        : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
                        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
                else
                    asm("mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
                        : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
                        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
            }
        }
    }

    // Gives each sum of this thread, with its row and column.
    template <class Give> __device__ void each(Give give) const {
#pragma unroll
        for (int c = 0; c < COLUMNS; c++)
#pragma unroll
            for (int i = 0; i < 4; i++) give(row + line + i / 2 * 8, column + 8 * c + 2 * place + i % 2, sums[c][i]);
    }
};
