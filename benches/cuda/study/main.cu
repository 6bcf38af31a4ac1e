// A study: one training step of 784-H-10 (Linear, ReLU, Linear, softmax cross-entropy, Adam) in f32 on an H100, as one
// persistent cooperative kernel for all steps, and as a CUDA graph of four plain kernels per step.
//
//     nvcc -O3 -std=c++17 -arch=sm_90 -o study benches/cuda/study/main.cu && ./study
//     ./study 128x64-one-barrier 128x64-graph          # only these; an unknown name lists all
//
// Prints microseconds per step, and for each variant how far losses and parameters are from a reference in double.
// Exit code 1: a variant differs too much, or two runs of it differ in a bit; 2: a CUDA call failed, or there
// is no such variant.
//
//     problem.cuh                sizes, data, the reference
//     device.cuh                 device functions that all kernels use
//     persistent.cuh             the persistent kernel; persistent_layout.cuh has its division of the work,
//                                persistent_pixels.cuh its copies, persistent_forward.cuh and _backward.cuh its phases
//     graph.cuh                  the CUDA graph; graph_first_layer.cuh and graph_second_layer.cuh have its kernels
//     barrier.cuh                costs of grid barriers and graph nodes
//     trial.cuh, host.cuh        checks and timing; CUDA calls
#include "barrier.cuh"
#include "graph.cuh"
#include "persistent.cuh"

struct Bench {
    Stream stream;
    int multiprocessors;
    Data data;
};

struct Variant {
    const char *name;
    bool (*run)(const char *name, const Bench &);  // false if the variant is wrong
};

bool barriers(const char *, const Bench &bench) {
    barrier::time_all(bench.stream, bench.multiprocessors);
    return true;
}

// H, B, hidden units of a block, samples staged at a time, barriers per step: see Layout.
template <int H, int B, int UNITS, int STAGED, int BARRIERS> bool persistent(const char *name, const Bench &bench) {
    return try_persistent<Layout<H, B, UNITS, STAGED, BARRIERS>>(name, bench.data, bench.stream);
}

// H, B, tile of the first layer, units and depth of its gradient's tile, programmatic dependent launch: see try_graph.
template <int H, int B, class Tile, int UNITS, int DEPTH, bool EARLY> bool plain(const char *name, const Bench &bench) {
    return try_graph<H, B, Tile, UNITS, DEPTH>(name, bench.data, bench.stream, EARLY);
}

using SmallTile = graph::ForwardTile<2, 2, 4, 4, 16, 784>;
using MediumTile = graph::ForwardTile<4, 4, 4, 8, 8, 112>;
using LargeTile = graph::ForwardTile<4, 4, 16, 16, 1, 28>;

const Variant VARIANTS[] = {
    {"barriers", barriers},
    {"128x64-one-barrier", persistent<128, 64, 1, 64, 1>},
    {"128x64-two-barriers", persistent<128, 64, 1, 64, 2>},
    {"128x64-graph", plain<128, 64, SmallTile, 1, 64, false>},
    {"128x64-graph-early", plain<128, 64, SmallTile, 1, 64, true>},
    {"500x100-one-barrier", persistent<500, 100, 4, 100, 1>},
    {"500x100-two-barriers", persistent<500, 100, 4, 100, 2>},
    {"500x100-graph", plain<500, 100, MediumTile, 2, 50, false>},
    {"500x100-graph-early", plain<500, 100, MediumTile, 2, 50, true>},
    {"512x1024-two-barriers", persistent<512, 1024, 4, 64, 2>},
    {"512x1024-graph", plain<512, 1024, LargeTile, 4, 32, false>},
    {"512x1024-graph-early", plain<512, 1024, LargeTile, 4, 32, true>},
    {"2048x256-two-barriers", persistent<2048, 256, 16, 32, 2>},
    {"2048x256-graph", plain<2048, 256, LargeTile, 4, 32, false>},
    {"2048x256-graph-early", plain<2048, 256, LargeTile, 4, 32, true>},
};

// Ends the program with the list of variants if an argument names none.
std::vector<Variant> selected(int count, char **names) {
    std::vector<Variant> variants;
    for (int i = 0; i < count; i++) {
        const size_t before = variants.size();
        for (const Variant &variant : VARIANTS)
            if (!strcmp(variant.name, names[i])) variants.push_back(variant);
        if (variants.size() > before) continue;
        fprintf(stderr, "no variant `%s`; variants:", names[i]);
        for (const Variant &variant : VARIANTS) fprintf(stderr, " %s", variant.name);
        fprintf(stderr, "\n");
        exit(2);
    }
    if (count == 0) variants.assign(std::begin(VARIANTS), std::end(VARIANTS));
    return variants;
}

int main(int argc, char **argv) {
    const std::vector<Variant> variants = selected(argc - 1, argv + 1);
    cudaDeviceProp device;
    check(cudaGetDeviceProperties(&device, 0), "cudaGetDeviceProperties");
    int runtime;
    check(cudaRuntimeGetVersion(&runtime), "cudaRuntimeGetVersion");
    printf("%s, %d multiprocessors, CUDA %d.%d\n", device.name, device.multiProcessorCount, runtime / 1000,
        runtime % 1000 / 10);
    printf("%-34s %8s\n", "variant", "microseconds per step, median (min-max)");
    Bench bench{Stream(), device.multiProcessorCount, Data()};
    bool ok = true;
    for (const Variant &variant : variants) ok = variant.run(variant.name, bench) && ok;
    return ok ? 0 : 1;
}
