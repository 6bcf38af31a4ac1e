// The losses of samples and of batches.

enum Losses { CROSS_ENTROPY, SQUARED, ABSOLUTE, HUBER, BINARY };

template <int C> __device__ float target(Data data, long long sample, int c) {
    if (data.labels) return data.labels[sample] == c ? 1.0f : 0.0f;
    if (data.bits) return data.bits[sample * ((C + 7) / 8) + c / 8] >> (c % 8) & 1;
    return data.targets[sample * C + c];
}

__device__ float warp_sum(float value) {
    for (int lanes = 16; lanes > 0; lanes /= 2) value += __shfl_xor_sync(0xFFFFFFFF, value, lanes);
    return value;
}
__device__ float warp_max(float value) {
    for (int lanes = 16; lanes > 0; lanes /= 2) {
        float other = __shfl_xor_sync(0xFFFFFFFF, value, lanes);
        value = value > other || isnan(value) ? value : other;
    }
    return value;
}

// The loss of each sample, and the gradient of the mean with respect to the last products. A warp for each sample.
template <int C, class Stage>
__device__ void losses(Run run, Batch batch, const float *y, const float *kept, float *gradient, Stage stage) {
    int b = (blockIdx.x * THREADS + threadIdx.x) / 32, lane = threadIdx.x % 32;
    if (b >= batch.len) return; // a whole warp
    Data data = run.data;
    Loss loss = run.loss;
    Samples samples(run, batch);
    long long sample = samples[b];
    float divisor = run.steps[number(run, batch)].divisor;
    float weight = data.weights ? data.weights[sample] : 1.0f;
    float value = 0.0f, most = 0.0f, sum = 0.0f, share = 0.0f;
    if (loss.kind == CROSS_ENTROPY) {
        most = -__int_as_float(0x7F800000);
        for (int c = lane; c < C; c += 32) {
            float logit = y[b * C + c];
            most = most > logit || isnan(most) ? most : logit;
        }
        most = warp_max(most);
        for (int c = lane; c < C; c += 32) sum += expf(y[b * C + c] - most);
        sum = warp_sum(sum);
    }
    auto share_of = [&](int c) {
        float t = target<C>(data, sample, c);
        if (loss.smoothing != 0.0f) t = t * (1.0f - loss.smoothing) + loss.smoothing / C;
        return loss.class_weights ? t * loss.class_weights[c] : t;
    };
    if (loss.kind == CROSS_ENTROPY) {
        for (int c = lane; c < C; c += 32) share += share_of(c);
        share = warp_sum(share);
    }
    for (int c = lane; c < C; c += 32) {
        float out = y[b * C + c], slope;
        if (loss.kind == CROSS_ENTROPY) {
            float t = share_of(c);
            if (t > 0.0f) value -= t * (out - most - logf(sum));
            slope = expf(out - most) / sum * share - t;
        } else {
            float error = out - target<C>(data, sample, c);
            if (loss.kind == SQUARED) {
                value += error * error;
                slope = 2.0f * error;
            } else if (loss.kind == ABSOLUTE) {
                value += fabsf(error);
                slope = error > 0.0f ? 1.0f : error < 0.0f ? -1.0f : error; // NaN remains
            } else if (loss.kind == HUBER) {
                bool is_small = fabsf(error) <= loss.delta;
                value += is_small ? 0.5f * error * error : loss.delta * (fabsf(error) - 0.5f * loss.delta);
                slope = is_small ? error : error > 0.0f ? loss.delta : error < 0.0f ? -loss.delta : error;
            } else {
                float t = target<C>(data, sample, c);
                value += (1.0f - t) * out + fmaxf(-out, 0.0f) + log1pf(expf(-fabsf(out)));
                slope = sigmoid(out) - t;
            }
            slope /= C;
        }
        gradient[b * C + c] = slope * weight / divisor * stage.slope(kept[b * C + c], b, c);
    }
    if (loss.kind != CROSS_ENTROPY) value /= C;
    value = warp_sum(value);
    if (lane == 0) run.losses[samples.first + b] = value * weight;
}

// means[step] = the sum of the losses of the samples of a batch, divided. A block for each step of the run.
extern "C" __global__ void mean_losses(Run run, int samples, float *means) {
    int first = blockIdx.x * run.size, end = min(first + run.size, samples);
    float sum = 0.0f;
    for (int i = first + threadIdx.x; i < end; i += THREADS) sum += run.losses[i];
    sum = block_sum(sum);
    if (threadIdx.x == 0) means[blockIdx.x] = sum / run.steps[blockIdx.x].divisor;
}
