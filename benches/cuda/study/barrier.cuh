// What synchronisation costs: grid barriers in a persistent kernel, and nodes of a CUDA graph, with no work in between.
#pragma once
#include <cooperative_groups.h>

#include "early_launch.cuh"
#include "trial.cuh"

namespace barrier {

// Barrier `number`, from 1, of one flag per block, each polled by a thread of every block, instead of one counter.
__device__ __forceinline__ void flag_barrier(uint32_t *flags, uint32_t number) {
    __syncthreads();
    if (threadIdx.x == 0)
        asm volatile("st.release.gpu.global.u32 [%0], %1;" :: "l"(flags + blockIdx.x), "r"(number) : "memory");
    if (threadIdx.x < gridDim.x)
        while (load_acquire(flags + threadIdx.x) < number) {}
    __syncthreads();
}

enum Kind { COUNTER, FLAGS, COOPERATIVE_GROUPS };

template <Kind KIND> __global__ void barriers(uint32_t *words, int count) {
    for (int i = 1; i <= count; i++) {
        if constexpr (KIND == COUNTER)
            grid_barrier(words, i, [] {});
        else if constexpr (KIND == FLAGS)
            flag_barrier(words, i);
        else
            cooperative_groups::this_grid().sync();
    }
}

__global__ void empty(int early) {
    if (!early) return;
    graph::wait_for_previous();
    graph::let_next_start();
}

template <Kind KIND> void time_barrier(const char *name, const Stream &stream, int blocks, int threads) {
    DeviceArray<uint32_t> words(blocks);
    auto run = [&] {
        check(cudaMemsetAsync(words.get(), 0, words.bytes(), stream), "cudaMemsetAsync");
        launch_cooperative(stream, barriers<KIND>, blocks, threads, 0, words.get(), TIMED_STEPS);
    };
    char row[64];
    snprintf(row, sizeof row, "%s, %d x %d threads", name, blocks, threads);
    print_times(row, time_steps(stream, TIMED_STEPS, run));
    printf("\n");
}

inline void time_node(const Stream &stream, int blocks, bool early) {
    constexpr int NODES = 1000;
    const Graph nodes(stream, [&] {
        for (int i = 0; i < NODES; i++) launch(stream, empty, blocks, 256, 0, early, (int)early);
    });
    char row[64];
    snprintf(row, sizeof row, "graph node, %d block%s%s", blocks, blocks > 1 ? "s" : "", early ? ", early launch" : "");
    print_times(row, time_steps(stream, 2 * NODES, [&] { nodes.launch(stream), nodes.launch(stream); }));
    printf("\n");
}

// One block on every multiprocessor.
inline void time_all(const Stream &stream, int multiprocessors) {
    for (int threads : {256, 896}) {
        time_barrier<COOPERATIVE_GROUPS>("grid.sync", stream, multiprocessors, threads);
        time_barrier<COUNTER>("counter barrier", stream, multiprocessors, threads);
        time_barrier<FLAGS>("flag barrier", stream, multiprocessors, threads);
    }
    time_node(stream, 1, false);
    time_node(stream, multiprocessors, false);
    time_node(stream, multiprocessors, true);
}

}  // namespace barrier
