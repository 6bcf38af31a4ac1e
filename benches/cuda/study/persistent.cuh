// All steps of a launch in one cooperative kernel: parameters and moments stay in shared memory, and the blocks meet at
// one or two grid barriers per step.
//
// One barrier is enough because what passes between blocks is double-buffered by the parity of the step:
//
// - `hidden` of step s is written before the barrier of step s and read after it. It is overwritten in step s + 2,
//   after the barrier of step s + 1, where every block has arrived only after its last read in step s.
// - The second layer's weights for step s + 1 are written at the end of step s, into the other buffer, and published by
//   the barrier of step s + 1. That buffer was last read in step s - 1, before the barrier of step s.
//
// With two barriers, `dlogits` of step s lie between the second barrier of step s and the first of step s + 1, so one
// buffer of them is enough.
#pragma once
#include "persistent_backward.cuh"
#include "persistent_forward.cuh"
#include "trial.cuh"

enum Phase { FORWARD, BARRIER, LOGITS, SECOND_BARRIER, SECOND_LAYER, FIRST_GRADIENT, FIRST_UPDATE, PHASES };

// Adds the cycles since the last call to a phase.
__device__ __forceinline__ void count_cycles(uint32_t *cycles, Phase phase) {
    if (threadIdx.x == 0) {
        uint32_t now = clock();
        cycles[phase] += now - cycles[PHASES];
        cycles[PHASES] = now;
    }
}

template <class L> __device__ __forceinline__ void load_state(const Training &a, const Block<L> &block) {
    constexpr int H = L::H, U = L::units;
    typedef Offsets<H> At;
    const Thread<L> t;
    for (int i = t.index; i < U * INPUTS; i += L::threads) {
        block.weights1[i] = a.parameters[block.first_unit * INPUTS + i];
        block.moments1[i] = a.moments1[block.first_unit * INPUTS + i];
        block.moments2[i] = a.moments2[block.first_unit * INPUTS + i];
    }
    for (int k = 0; k < 3; k++) {
        const float *from = k == 0 ? a.parameters : k == 1 ? a.moments1 : a.moments2;
        if (t.index < U * CLASSES)
            block.weights2[k * U * CLASSES + t.index] =
                from[At::weights2 + t.index / U * H + block.first_unit + t.index % U];
        if (t.index < U) block.bias1[k * U + t.index] = from[At::bias1 + block.first_unit + t.index];
        if (t.index < CLASSES) block.bias2[k * CLASSES + t.index] = from[At::bias2 + t.index];
    }
    if (t.index < U * CLASSES)
        a.weights2[t.index / U * H + block.first_unit + t.index % U] =
            a.parameters[At::weights2 + t.index / U * H + block.first_unit + t.index % U];
    if (t.index < PHASES) block.cycles[t.index] = 0;
    if (t.index == 0) {
        block.cycles[PHASES] = clock();
        init_two_mbarriers(block.mbarriers);
    }
}

template <class L> __device__ __forceinline__ void store_state(const Training &a, const Block<L> &block) {
    constexpr int H = L::H, U = L::units;
    typedef Offsets<H> At;
    const Thread<L> t;
    for (int i = t.index; i < U * INPUTS; i += L::threads) {
        a.parameters[block.first_unit * INPUTS + i] = block.weights1[i];
        a.moments1[block.first_unit * INPUTS + i] = block.moments1[i];
        a.moments2[block.first_unit * INPUTS + i] = block.moments2[i];
    }
    for (int k = 0; k < 3; k++) {
        float *to = k == 0 ? a.parameters : k == 1 ? a.moments1 : a.moments2;
        if (t.index < U * CLASSES)
            to[At::weights2 + t.index / U * H + block.first_unit + t.index % U] =
                block.weights2[k * U * CLASSES + t.index];
        if (t.index < U) to[At::bias1 + block.first_unit + t.index] = block.bias1[k * U + t.index];
        if (t.index < CLASSES && blockIdx.x == 0) to[At::bias2 + t.index] = block.bias2[k * CLASSES + t.index];
    }
    if (t.index < PHASES && blockIdx.x == 0) a.cycles[t.index] = block.cycles[t.index];
}

template <class L> __global__ void __launch_bounds__(L::threads, 1) train(Training a) {
    extern __shared__ __align__(128) unsigned char memory[];
    const Block<L> block(memory);
    load_state<L>(a, block);
    PixelStream<L> pixels(a, block);
    __syncthreads();
    pixels.start();
    uint32_t barriers = 0;
    for (int step = 0; step < a.steps; step++) {
        float *hidden = a.hidden + (step & 1) * L::B * L::H, *weights2 = a.weights2 + (step & 1) * CLASSES * L::H;
        pixels.begin_step();
        first_layer<L>(block, pixels, hidden);
        count_cycles(block.cycles, FORWARD);
        grid_barrier(a.barrier, ++barriers, [&] {
            load_labels<L>(a, block, step);
            pixels.prefetch_batch();
        });
        count_cycles(block.cycles, BARRIER);
        float4 activations[3];
        logits<L>(a, block, hidden, weights2, activations);
        count_cycles(block.cycles, LOGITS);
        if constexpr (L::one_barrier) {
            __syncthreads();
        } else {
            grid_barrier(a.barrier, ++barriers, [] {});
            count_cycles(block.cycles, SECOND_BARRIER);
            collect<L>(a, block, hidden);
        }
        const float2 correction = a.corrections[step];
        second_layer_gradients<L>(a, block, step);
        hidden_gradients<L>(block);
        count_cycles(block.cycles, SECOND_LAYER);
        const Thread<L> t;
        update_small<L>(a, block, t, step, correction);
        float gradients[L::quad][8] = {};
        first_layer_gradients<L>(block, pixels, t, gradients);
        count_cycles(block.cycles, FIRST_GRADIENT);
        update_first_layer<L>(block, t, gradients, correction);
        if (L::chunks == 1) pixels.chunk++;
        count_cycles(block.cycles, FIRST_UPDATE);
    }
    __syncthreads();
    store_state<L>(a, block);
}

// One variant: checks it and prints its row, then the cycles of block 0 per step and phase, and the time in launches of
// 20 steps, which read and write parameters and moments 100 times as often. False if it is wrong.
template <class L> bool try_persistent(const char *name, const Data &data, const Stream &stream) {
    Trial<L::H, L::B> trial(data, stream);
    check(cudaFuncSetAttribute(train<L>, cudaFuncAttributeMaxDynamicSharedMemorySize, L::shared_bytes),
        "cudaFuncSetAttribute");
    auto run = [&](int steps) {
        Training training = trial.training;
        training.steps = steps;
        trial.clear_barrier();
        launch_cooperative(stream, train<L>, L::blocks, L::threads, L::shared_bytes, training);
    };
    const Agreement agreement = trial.compare(run);
    const bool ok = print_row(name, trial.time(run), agreement);

    const auto cycles = trial.read_cycles();
    const char *phases[PHASES] = {
        "forward", "barrier", "logits", "barrier", "second layer", "W1 gradient", "W1 update"};
    printf("    cycles:");
    for (int i = 0; i < PHASES; i++)
        printf(" %s %u%s", phases[i], cycles[i] / TIMED_STEPS, i + 1 < PHASES ? "," : "\n");
    cudaFuncAttributes attributes;
    check(cudaFuncGetAttributes(&attributes, train<L>), "cudaFuncGetAttributes");
    printf("    %d blocks, %d registers, %zu bytes of stack, %d bytes of shared memory\n", L::blocks,
        attributes.numRegs, attributes.localSizeBytes, L::shared_bytes);
    print_times("    in launches of 20 steps", trial.time([&](int steps) {
        for (; steps > 0; steps -= 20) run(20);
    }));
    printf("\n");
    return ok;
}
