// The step as four plain kernels, which exchange everything through device memory, captured for many steps as one CUDA
// graph.
#pragma once
#include "graph_first_layer.cuh"
#include "graph_second_layer.cuh"
#include "trial.cuh"

// Tile: of the first layer. UNITS and DEPTH: of its gradient. `early`: programmatic dependent launch. Checks the
// variant and prints its row; false if it is wrong.
template <int H, int B, class Tile, int UNITS, int DEPTH>
bool try_graph(const char *name, const Data &data, const Stream &stream, bool early) {
    Trial<H, B> trial(data, stream);
    const auto first_layer = graph::first_layer<H, B, Tile>;
    constexpr int shared_bytes = 4 * Tile::shared_floats;
    check(cudaFuncSetAttribute(first_layer, cudaFuncAttributeMaxDynamicSharedMemorySize, shared_bytes),
        "cudaFuncSetAttribute");
    const dim3 forward_blocks((B + Tile::samples - 1) / Tile::samples, (H + Tile::units - 1) / Tile::units);
    const dim3 gradient_blocks((H + 16 * UNITS - 1) / (16 * UNITS), (INPUTS + 63) / 64);
    auto steps = [&](int count) {
        return [&, count] {
            const Training &training = trial.training;
            for (int step = 0; step < count; step++) {
                launch(stream, first_layer, forward_blocks, 256, shared_bytes, early, training, step);
                launch(stream, graph::softmax<H, B>, B / 4, 128, 0, early, training, step);
                launch(stream, graph::second_layer<H, B>, H / 4, 128, 0, early, training, step);
                launch(stream, graph::first_layer_gradient<H, B, UNITS, DEPTH>, gradient_blocks, 256, 0, early,
                    training, step);
            }
        };
    };
    // A step's number is a kernel parameter, so a graph is for fixed steps; the timed one repeats steps 0 .. 250.
    const Graph checked(stream, steps(CHECKED_STEPS)), repeated(stream, steps(REPEATED_STEPS)),
        timed(stream, steps(250));
    auto run = [&](int count) {
        if (count == CHECKED_STEPS)
            checked.launch(stream);
        else if (count == REPEATED_STEPS)
            repeated.launch(stream);
        else
            for (; count > 0; count -= 250) timed.launch(stream);
    };
    const Agreement agreement = trial.compare(run);
    return print_row(name, trial.time(run), agreement);
}
