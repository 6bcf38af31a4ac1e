// A product of matrices: result(row, column) = sum over terms of left(row, term) right(column, term).
//
// A block computes T x T results, each thread OWN x OWN, from tiles of DEPTH terms. With T = 16 that takes 16 threads, so the
// block has 16 groups of them, which take the terms of a tile in turn, and their sums are added at the end: small products
// have more blocks, and each is done sooner.

constexpr int OWN = 4;

template <int T> struct Tile {
    static constexpr int SIDE = T / OWN, GROUPS = THREADS / (SIDE * SIDE), DEPTH = T == 64 ? 16 : 256;
    // The values of an operand that each thread reads from memory.
    static constexpr int READ = T * DEPTH / THREADS;
    float values[DEPTH][T + 1];
};

// How a tile is read from memory: neighbouring threads read neighbouring terms, or neighbouring rows.
enum Along { TERMS, ROWS };

template <int T, Along ALONG> __device__ void place(int part, int &row, int &term) {
    int i = part * THREADS + threadIdx.x;
    row = ALONG == TERMS ? i / Tile<T>::DEPTH : i % T;
    term = ALONG == TERMS ? i % Tile<T>::DEPTH : i / T;
}

// This thread's part of a tile, and 0 beyond the matrix.
template <int T, Along ALONG, class Operand>
__device__ void read(float (&values)[Tile<T>::READ], int first, int rows, int begin, int terms, Operand operand) {
#pragma unroll
    for (int part = 0; part < Tile<T>::READ; part++) {
        int row, term;
        place<T, ALONG>(part, row, term);
        bool is_inside = first + row < rows && begin + term < terms;
        values[part] = is_inside ? operand(first + row, begin + term) : 0.0f;
    }
}

template <int T, Along ALONG> __device__ void write(Tile<T> &tile, const float (&values)[Tile<T>::READ]) {
#pragma unroll
    for (int part = 0; part < Tile<T>::READ; part++) {
        int row, term;
        place<T, ALONG>(part, row, term);
        tile.values[term][row] = values[part];
    }
}

// Each result is given to `epilogue`, with its row and column.
template <int T, Along LEFT, Along RIGHT, class L, class R, class Epilogue>
__device__ void product(int rows, int columns, int terms, L left, R right, Epilogue epilogue) {
    constexpr int SIDE = Tile<T>::SIDE, GROUPS = Tile<T>::GROUPS, DEPTH = Tile<T>::DEPTH;
    __shared__ union {
        struct { Tile<T> left, right; } tiles;
        float parts[GROUPS == 1 ? 1 : GROUPS][T * T];
    } shared;
    int row = blockIdx.y * T, column = blockIdx.x * T;
    int group = threadIdx.x / (SIDE * SIDE), y = threadIdx.x / SIDE % SIDE, x = threadIdx.x % SIDE;
    float sums[OWN][OWN] = {};
    // What is read for the next tile arrives during the sums of this one.
    for (int next = 0; next < terms + DEPTH; next += DEPTH) {
        float lefts[Tile<T>::READ], rights[Tile<T>::READ];
        if (next < terms) {
            read<T, LEFT>(lefts, row, rows, next, terms, left);
            read<T, RIGHT>(rights, column, columns, next, terms, right);
        }
        // none before the first tile; beyond the last term there are zeros, which one group adds as fast
        int here = next == 0 ? 0 : GROUPS == 1 ? DEPTH : min(DEPTH, terms - next + DEPTH);
        for (int term = group; term < here; term += GROUPS)
            for (int i = 0; i < OWN; i++)
                for (int j = 0; j < OWN; j++)
                    sums[i][j] = fmaf(shared.tiles.left.values[term][y + SIDE * i],
                                      shared.tiles.right.values[term][x + SIDE * j], sums[i][j]);
        __syncthreads();
        if (next < terms) {
            write<T, LEFT>(shared.tiles.left, lefts);
            write<T, RIGHT>(shared.tiles.right, rights);
        }
        __syncthreads();
    }
    if constexpr (GROUPS == 1) {
        for (int i = 0; i < OWN; i++)
            for (int j = 0; j < OWN; j++)
                if (row + y + SIDE * i < rows && column + x + SIDE * j < columns)
                    epilogue(row + y + SIDE * i, column + x + SIDE * j, sums[i][j]);
    } else {
        for (int i = 0; i < OWN; i++)
            for (int j = 0; j < OWN; j++) shared.parts[group][(y + SIDE * i) * T + x + SIDE * j] = sums[i][j];
        __syncthreads();
        for (int at = threadIdx.x; at < T * T; at += THREADS) {
            float sum = 0.0f;
            for (int part = 0; part < GROUPS; part++) sum += shared.parts[part][at];
            if (row + at / T < rows && column + at % T < columns) epilogue(row + at / T, column + at % T, sum);
        }
    }
}
