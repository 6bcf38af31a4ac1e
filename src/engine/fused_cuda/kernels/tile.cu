// Parts of matrices in the shared memory of a block.

// An operand's part: T rows of DEPTH terms.
template <int T> struct Tile {
    static constexpr int DEPTH = T == 64 ? 16 : 256;
    // The values that each thread reads from memory.
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
