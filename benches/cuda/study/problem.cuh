// The problem: one training step of 784-H-10 (Linear, ReLU, Linear, softmax cross-entropy, Adam) on batches of B.
// Sizes, the place of each tensor, random data, and the same step in plain C++ for the checks.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <thread>
#include <utility>
#include <vector>

constexpr int INPUTS = 784, CLASSES = 10, SAMPLES = 60000;
constexpr double LEARNING_RATE = 1e-3, BETA1 = .9, BETA2 = .999, EPSILON = 1e-8;

// Offsets of the tensors among the parameters, and among each of Adam's moments. Weights are [outputs, inputs].
template <int H> struct Offsets {
    static constexpr int bias1 = H * INPUTS, weights2 = bias1 + H, bias2 = weights2 + CLASSES * H,
                         count = bias2 + CLASSES;
};

// A row of the gradient by the logits in device memory: 10 values, the sample's loss, 1 unused, for loads of 16 bytes.
constexpr int DLOGITS_STRIDE = 12;

// What the kernels read and write, all in device memory.
struct Training {
    const uint8_t *pixels;  // [SAMPLES, 784]
    const uint8_t *labels;  // [SAMPLES]
    const uint32_t *order;  // [SAMPLES], a permutation: step s trains on samples order[s % (SAMPLES / B) * B ..]
    float *parameters, *moments1, *moments2;  // [Offsets<H>::count]
    float *hidden;                            // [2, B, H]: activations of the hidden units, by parity of the step
    float *weights2;                          // [2, 10, H]: the second layer's weights, by parity of the step
    float *dlogits;                           // [B, DLOGITS_STRIDE]
    float *dhidden;                           // [B, H], times SCALE_UP
    float *losses;                            // [steps]
    const float2 *corrections;                // [steps]: Adam's bias corrections, see `adam`
    uint32_t *barrier;                        // arrivals at the grid barrier
    uint32_t *cycles;                         // per phase of the persistent kernel, of block 0
    int steps;
};

struct Random {
    unsigned long long state = 12345;
    uint32_t next() {
        state = state * 6364136223846793005ull + 1442695040888963407ull;
        return (uint32_t)(state >> 33);
    }
};

// Random pixels, a fifth of which are not zero, about as in MNIST. No kernel profits from zeros.
struct Data {
    std::vector<uint8_t> pixels, labels;
    std::vector<uint32_t> order;
    Random random;

    Data() : pixels((size_t)SAMPLES * INPUTS), labels(SAMPLES), order(SAMPLES) {
        for (uint8_t &pixel : pixels) {
            const uint32_t r = random.next();
            pixel = r % 5 ? 0 : r >> 8;
        }
        for (int i = 0; i < SAMPLES; i++) labels[i] = random.next() % CLASSES, order[i] = i;
        for (int i = SAMPLES - 1; i > 0; i--) std::swap(order[i], order[random.next() % (i + 1)]);
    }

    // Uniform in +-1 / sqrt(inputs of the layer).
    template <int H> std::vector<float> initial_parameters() const {
        Random generator = random;
        std::vector<float> parameters(Offsets<H>::count);
        for (int i = 0; i < Offsets<H>::count; i++)
            parameters[i] =
                ((generator.next() & 0xffffff) / 8388608.f - 1) / sqrtf(i < Offsets<H>::weights2 ? INPUTS : H);
        return parameters;
    }
};

// body(i) for all i below `count`, on all cores.
template <class Body> void parallel_for(int count, Body body) {
    const int cores = std::max(1u, std::thread::hardware_concurrency());
    std::vector<std::thread> threads;
    for (int core = 0; core < cores; core++)
        threads.emplace_back([=] {
            for (int i = core; i < count; i += cores) body(i);
        });
    for (std::thread &thread : threads) thread.join();
}

// Parameters and losses after `steps` steps in plain C++. In double it is the reference; in float it shows how far
// rounding alone leads away from it: a hidden unit whose sign flips changes many gradients.
template <int H, int B, class Real> struct Reference {
    std::vector<Real> parameters;
    std::vector<double> losses;

    Reference(const Data &data, const std::vector<float> &initial, int steps)
        : parameters(initial.begin(), initial.end()) {
        typedef Offsets<H> At;
        std::vector<Real> moments1(At::count), moments2(At::count), gradients(At::count), hidden(B * H),
            dlogits(B * CLASSES);
        std::vector<Real> &p = parameters, &g = gradients;
        for (int step = 0; step < steps; step++) {
            const uint32_t *batch = &data.order[step % (SAMPLES / B) * B];
            std::vector<std::vector<std::pair<int, Real>>> inputs(B);  // (index, value) of pixels that are not zero
            for (int b = 0; b < B; b++)
                for (int k = 0; k < INPUTS; k++)
                    if (uint8_t pixel = data.pixels[(size_t)batch[b] * INPUTS + k])
                        inputs[b].push_back({k, Real(pixel / 255.0)});
            parallel_for(H, [&](int j) {
                for (int b = 0; b < B; b++) {
                    Real sum = p[At::bias1 + j];
                    for (auto &[k, x] : inputs[b]) sum += x * p[j * INPUTS + k];
                    hidden[b * H + j] = sum > 0 ? sum : 0;
                }
            });
            double loss = 0;
            for (int b = 0; b < B; b++) {
                const int label = data.labels[batch[b]];
                Real logits[CLASSES], top = -1e30, sum = 0;
                for (int c = 0; c < CLASSES; c++) {
                    logits[c] = p[At::bias2 + c];
                    for (int j = 0; j < H; j++) logits[c] += hidden[b * H + j] * p[At::weights2 + c * H + j];
                    top = std::max(top, logits[c]);
                }
                for (int c = 0; c < CLASSES; c++) sum += std::exp(logits[c] - top);
                loss += log(sum) + top - logits[label];
                for (int c = 0; c < CLASSES; c++)
                    dlogits[b * CLASSES + c] = (std::exp(logits[c] - top) / sum - (c == label)) / B;
            }
            losses.push_back(loss / B);
            std::fill(g.begin(), g.end(), 0);
            for (int c = 0; c < CLASSES; c++)
                for (int b = 0; b < B; b++) g[At::bias2 + c] += dlogits[b * CLASSES + c];
            parallel_for(H, [&](int j) {
                for (int b = 0; b < B; b++) {
                    Real dhidden = 0;
                    for (int c = 0; c < CLASSES; c++) {
                        dhidden += dlogits[b * CLASSES + c] * p[At::weights2 + c * H + j];
                        g[At::weights2 + c * H + j] += dlogits[b * CLASSES + c] * hidden[b * H + j];
                    }
                    if (hidden[b * H + j] <= 0) continue;
                    g[At::bias1 + j] += dhidden;
                    for (auto &[k, x] : inputs[b]) g[j * INPUTS + k] += dhidden * x;
                }
            });
            const double correction1 = 1 - pow(BETA1, step + 1), correction2 = 1 - pow(BETA2, step + 1);
            for (int i = 0; i < At::count; i++) {
                moments1[i] = Real(.9) * moments1[i] + Real(.1) * g[i];
                moments2[i] = Real(.999) * moments2[i] + Real(.001) * g[i] * g[i];
                p[i] -= Real(LEARNING_RATE / correction1) * moments1[i]
                    / (std::sqrt(moments2[i]) * Real(1 / sqrt(correction2)) + Real(EPSILON));
            }
        }
    }
};
