// The T x T results of a block in `f32`: each thread adds OWN x OWN.
//
// With T = 16 that takes 16 threads, so a block has 16 groups of them, which take the terms of a tile in turn: small products
// have more blocks, and each is done sooner.

constexpr int OWN = 4;

template <int T> struct Sums {
    static constexpr int SIDE = T / OWN, GROUPS = THREADS / (SIDE * SIDE);
    float sums[OWN][OWN] = {};
    int group = threadIdx.x / (SIDE * SIDE), y = threadIdx.x / SIDE % SIDE, x = threadIdx.x % SIDE;

    // Adds the products of the first terms of two tiles.
    __device__ void add(const Tile<T> &left, const Tile<T> &right, int terms) {
        for (int term = group; term < terms; term += GROUPS)
            for (int i = 0; i < OWN; i++)
                for (int j = 0; j < OWN; j++)
                    sums[i][j] = fmaf(left.values[term][y + SIDE * i], right.values[term][x + SIDE * j], sums[i][j]);
    }

    // Gives each sum of this thread, with its row and column.
    template <class Give> __device__ void each(Give give) const {
        for (int i = 0; i < OWN; i++)
            for (int j = 0; j < OWN; j++) give(y + SIDE * i, x + SIDE * j, sums[i][j]);
    }
};
