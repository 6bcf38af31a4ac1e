// A product of matrices: result(row, column) = sum over terms of left(row, term) right(column, term).
//
// A block computes T x T results from tiles of both operands. Each result is given to `epilogue`, with its row and column.

template <int T, Along LEFT, Along RIGHT, class L, class R, class Epilogue>
__device__ void product(int rows, int columns, int terms, L left, R right, Epilogue epilogue) {
    constexpr int GROUPS = Sums<T>::GROUPS, DEPTH = Tile<T>::DEPTH;
    __shared__ union {
        struct { Tile<T> left, right; } tiles;
        float parts[GROUPS == 1 ? 1 : GROUPS][T * T];
    } shared;
    int first_row = blockIdx.y * T, first_column = blockIdx.x * T;
    Sums<T> sums;
    // What is read for the next tile arrives during the sums of this one.
    for (int next = 0; next < terms + DEPTH; next += DEPTH) {
        float lefts[Tile<T>::READ], rights[Tile<T>::READ];
        if (next < terms) {
            read<T, LEFT>(lefts, first_row, rows, next, terms, left);
            read<T, RIGHT>(rights, first_column, columns, next, terms, right);
        }
        // none before the first tile; beyond the last term there are zeros, which one group adds as fast
        int here = next == 0 ? 0 : GROUPS == 1 ? DEPTH : min(DEPTH, terms - next + DEPTH);
        sums.add(shared.tiles.left, shared.tiles.right, here);
        __syncthreads();
        if (next < terms) {
            write<T, LEFT>(shared.tiles.left, lefts);
            write<T, RIGHT>(shared.tiles.right, rights);
        }
        __syncthreads();
    }
    auto give = [&](int row, int column, float sum) {
        if (first_row + row < rows && first_column + column < columns) epilogue(first_row + row, first_column + column, sum);
    };
    if constexpr (GROUPS == 1) {
        sums.each(give);
    } else {
        sums.each([&](int row, int column, float sum) { shared.parts[sums.group][row * T + column] = sum; });
        __syncthreads();
        static_assert(T * T == THREADS, "a result for each thread");
        float sum = 0.0f;
        for (int group = 0; group < GROUPS; group++) sum += shared.parts[group][threadIdx.x];
        give(threadIdx.x / T, threadIdx.x % T, sum);
    }
}
