// A trial of one variant: its buffers on the device, its checks against the reference, its time.
#pragma once
#include <cstring>

#include "device.cuh"
#include "host.cuh"
#include "problem.cuh"

constexpr int CHECKED_STEPS = 20, REPEATED_STEPS = 60, TIMED_STEPS = 2000;

// Initial parameters of a size and what CHECKED_STEPS make of them, computed once for all its variants.
template <int H, int B> struct Expected {
    std::vector<float> initial;
    Reference<H, B, double> exact;
    Reference<H, B, float> rounded;

    static const Expected &of(const Data &data) {
        static const Expected expected(data);
        return expected;
    }

private:
    explicit Expected(const Data &data)
        : initial(data.initial_parameters<H>()),
          exact(data, initial, CHECKED_STEPS),
          rounded(data, initial, CHECKED_STEPS) {}
};

// Norm of the difference by the norm of the expected values, over the parameters begin .. end.
template <class Real>
double relative_difference(const std::vector<Real> &found, const std::vector<double> &expected, int begin, int end) {
    double norm = 0, difference = 0;
    for (int i = begin; i < end; i++) {
        norm += expected[i] * expected[i];
        difference += (found[i] - expected[i]) * (found[i] - expected[i]);
    }
    return sqrt(difference / norm);
}

// How far a variant is from the reference.
struct Agreement {
    double losses;          // largest relative difference
    double tensors[4];      // first layer's weights and bias, second layer's weights and bias
    double float_weights1;  // the first layer's weights of the reference in float
    bool same_bits;         // two runs of REPEATED_STEPS gave the same parameters, moments and losses

    // The bound for losses leaves room for fast exp and log. A tensor may differ by 1e-3, or by twice what rounding
    // makes of the first layer's weights on the CPU, where units near zero flip.
    bool ok() const {
        for (double difference : tensors)
            if (!(difference < std::max(1e-3, 2 * float_weights1))) return false;
        return losses < 1e-4 && same_bits;
    }
};

template <int H, int B> class Trial {
public:
    Training training;  // for kernels

    Trial(const Data &data, const Stream &stream)
        : stream(stream),
          expected(Expected<H, B>::of(data)),
          pixels(data.pixels),
          labels(data.labels),
          order(data.order),
          corrections(bias_corrections()) {
        training = {pixels.get(), labels.get(), order.get(), parameters.get(), moments1.get(), moments2.get(),
            hidden.get(), weights2.get(), dlogits.get(), dhidden.get(), losses.get(), corrections.get(), barrier.get(),
            cycles.get(), 0};
    }

    // `run(steps)` enqueues the steps 0 .. steps.
    template <class Run> Agreement compare(Run run) {
        typedef Offsets<H> At;
        reset();
        run(CHECKED_STEPS);
        stream.wait();
        const auto found = parameters.download(), found_losses = losses.download();
        const auto &exact = expected.exact.parameters;
        Agreement agreement{};
        for (int i = 0; i < CHECKED_STEPS; i++) {
            const double loss = expected.exact.losses[i], difference = fabs(found_losses[i] - loss) / loss;
            agreement.losses = std::max(agreement.losses, std::isnan(difference) ? INFINITY : difference);
        }
        const int bounds[5] = {0, At::bias1, At::weights2, At::bias2, At::count};
        for (int i = 0; i < 4; i++) agreement.tensors[i] = relative_difference(found, exact, bounds[i], bounds[i + 1]);
        agreement.float_weights1 = relative_difference(expected.rounded.parameters, exact, 0, At::bias1);
        agreement.same_bits = bits_after(run) == bits_after(run);
        return agreement;
    }

    template <class Run> Times time(Run run) {
        reset();
        return time_steps(stream, TIMED_STEPS, [&] { run(TIMED_STEPS); });
    }

    void clear_barrier() { check(cudaMemsetAsync(barrier.get(), 0, barrier.bytes(), stream), "cudaMemsetAsync"); }
    std::vector<uint32_t> read_cycles() const { return cycles.download(); }

private:
    void reset() {
        parameters.upload(expected.initial);
        moments1.clear();
        moments2.clear();
        losses.clear();
    }

    template <class Run> std::vector<uint32_t> bits_after(Run run) {
        reset();
        run(REPEATED_STEPS);
        stream.wait();
        std::vector<uint32_t> bits;
        for (const DeviceArray<float> *array : {&parameters, &moments1, &moments2, &losses}) {
            const auto values = array->download();
            bits.resize(bits.size() + values.size());
            memcpy(&bits[bits.size() - values.size()], values.data(), values.size() * sizeof(float));
        }
        return bits;
    }

    static std::vector<float2> bias_corrections() {
        std::vector<float2> corrections(TIMED_STEPS);
        for (int i = 0; i < TIMED_STEPS; i++)
            corrections[i] = make_float2(LEARNING_RATE / (1 - pow(BETA1, i + 1)), 1 / sqrt(1 - pow(BETA2, i + 1)));
        return corrections;
    }

    const Stream &stream;
    const Expected<H, B> &expected;
    DeviceArray<uint8_t> pixels, labels;
    DeviceArray<uint32_t> order;
    DeviceArray<float> parameters{Offsets<H>::count}, moments1{Offsets<H>::count}, moments2{Offsets<H>::count};
    DeviceArray<float> hidden{2 * B * H}, weights2{2 * CLASSES * H}, dlogits{B * DLOGITS_STRIDE}, dhidden{B * H};
    DeviceArray<float> losses{TIMED_STEPS};
    DeviceArray<float2> corrections;
    DeviceArray<uint32_t> barrier{1}, cycles{8};
};

inline void print_times(const char *name, Times times) {
    printf("%-34s %8.3f (%.3f-%.3f)", name, times.median, times.least, times.most);
}

// One row of the table; false if the variant is wrong.
inline bool print_row(const char *name, Times times, const Agreement &agreement) {
    const double *tensors = agreement.tensors;
    print_times(name, times);
    printf("  %s: losses %.1e, W1 %.1e (float on the CPU %.1e), b1 %.1e, W2 %.1e, b2 %.1e, %s\n",
        agreement.ok() ? "ok" : "WRONG", agreement.losses, tensors[0], agreement.float_weights1, tensors[1], tensors[2],
        tensors[3], agreement.same_bits ? "same bits twice" : "BITS DIFFER");
    return agreement.ok();
}
