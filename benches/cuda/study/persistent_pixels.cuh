// The stream of pixels into a block's shared memory, one chunk ahead of the arithmetic.
#pragma once
#include "persistent_layout.cuh"

// Chunks are counted over all steps of a launch: per step one (kept for the backward pass), or all chunks of the batch
// forward and then again backward. Chunk c goes to buffer c % 2. Lane i of warp w copies row w + 28 i of it by one bulk
// copy, so all warps share the issue, and needs that row's sample number, which it loads one chunk earlier.
template <class L> struct PixelStream {
    const Training &training;
    uint8_t *buffers;
    uint32_t mbarriers;
    uint32_t total, chunk = 0, sample = 0;

    __device__ __forceinline__ PixelStream(const Training &training, const Block<L> &block)
        : training(training),
          buffers(block.pixels),
          mbarriers(block.mbarriers),
          total((uint32_t)training.steps * L::chunks_per_step) {}

    // Loads the number of the sample that this thread copies of a chunk.
    __device__ __forceinline__ void load_sample(uint32_t chunk) {
        const Thread<L> t;
        if (t.warp + L::warps * t.lane < L::staged)
            sample = training.order[(chunk / L::chunks_per_step % (SAMPLES / L::B)) * L::B
                + chunk % L::chunks_per_step % L::chunks * L::staged + t.warp + L::warps * t.lane];
    }

    // Starts the copies of a chunk.
    __device__ __forceinline__ void copy(uint32_t chunk) {
        const int index = read_thread_index(), warp = index >> 5, lane = index & 31;
        if (chunk >= total) return;
        const uint32_t mbarrier = mbarriers + 8 * (chunk & 1), row = warp + L::warps * lane;
        if (index == 0) expect_bytes(mbarrier, L::staged * INPUTS);
        if (row < L::staged)
            copy_bulk(shared_address(buffers) + ((chunk & 1) * L::staged + row) * INPUTS,
                training.pixels + (size_t)sample * INPUTS, INPUTS, mbarrier);
    }

    __device__ __forceinline__ void start() {
        load_sample(0);
        copy(0);
        if (L::chunks > 1) load_sample(1);
    }

    __device__ __forceinline__ void wait() const { wait_for_bytes(mbarriers + 8 * (chunk & 1), chunk >> 1 & 1); }

    // Of several chunks: the other buffer is free, so the next copies go out; then waits for the current chunk.
    __device__ __forceinline__ void next() {
        __syncthreads();
        copy(chunk + 1);
        load_sample(chunk + 2);
        wait();
    }

    // Waits for the first chunk of a step.
    __device__ __forceinline__ void begin_step() {
        if (L::chunks > 1) {
            next();
        } else {
            __syncthreads();
            wait();
        }
    }

    // Of one chunk, during the wait of the grid barrier: copies the next step's batch.
    __device__ __forceinline__ void prefetch_batch() {
        if (L::chunks > 1) return;
        load_sample(chunk + 1);
        copy(chunk + 1);
    }

    __device__ __forceinline__ const uint8_t *buffer() const { return buffers + (chunk & 1) * L::staged * INPUTS; }
};
