// The kernels of a training step, as templates. `source.rs` appends the network's stages, with its sizes as constants.
//
// Matrices are row-major, a row for each sample of the batch. Each sum has one thread, which adds its terms in their order:
// results are the same in every run.

typedef unsigned char u8;
typedef unsigned int u32;
typedef unsigned long long u64;

// A block of 256 threads computes 64 x 64 results, each thread 4 x 4, from tiles of 16 terms.
constexpr int TILE = 64, DEPTH = 16, THREADS = 256, OWN = 4;

// How a tile is read from memory: neighbouring threads read neighbouring terms, or neighbouring rows.
enum Along { TERMS, ROWS };

template <Along ALONG, class Operand>
__device__ void load(float (&tile)[DEPTH][TILE + 1], int first, int rows, int begin, int terms, Operand operand) {
#pragma unroll
    for (int part = 0; part < TILE * DEPTH / THREADS; part++) {
        int i = part * THREADS + threadIdx.x;
        int row = ALONG == TERMS ? i / DEPTH : i % TILE;
        int term = ALONG == TERMS ? i % DEPTH : i / TILE;
        bool is_inside = first + row < rows && begin + term < terms;
        tile[term][row] = is_inside ? operand(first + row, begin + term) : 0.0f;
    }
}

// result(row, column) = sum over terms of left(row, term) right(column, term), given to `epilogue`.
template <Along LEFT, Along RIGHT, class L, class R, class Epilogue>
__device__ void product(int rows, int columns, int terms, L left, R right, Epilogue epilogue) {
    __shared__ float lefts[DEPTH][TILE + 1], rights[DEPTH][TILE + 1];
    int row = blockIdx.y * TILE, column = blockIdx.x * TILE;
    int y = threadIdx.x / 16, x = threadIdx.x % 16;
    float sums[OWN][OWN] = {};
    for (int begin = 0; begin < terms; begin += DEPTH) {
        load<LEFT>(lefts, row, rows, begin, terms, left);
        load<RIGHT>(rights, column, columns, begin, terms, right);
        __syncthreads();
        for (int term = 0; term < DEPTH; term++)
            for (int i = 0; i < OWN; i++)
                for (int j = 0; j < OWN; j++)
                    sums[i][j] = fmaf(lefts[term][y + 16 * i], rights[term][x + 16 * j], sums[i][j]);
        __syncthreads();
    }
    for (int i = 0; i < OWN; i++)
        for (int j = 0; j < OWN; j++)
            if (row + y + 16 * i < rows && column + x + 16 * j < columns)
                epilogue(row + y + 16 * i, column + x + 16 * j, sums[i][j]);
}

// Activations and their derivatives; `plan::Op` has the formulas.
__device__ float sigmoid(float x) {
    float e = expf(-fabsf(x));
    return (x >= 0.0f ? 1.0f : e) / (1.0f + e);
}
__device__ float relu(float x) { return x < 0.0f ? 0.0f : x; }
__device__ float relu_slope(float x) { return x > 0.0f ? 1.0f : 0.0f; }
__device__ float sigmoid_slope(float x) { float s = sigmoid(x); return s * (1.0f - s); }
__device__ float tanh_slope(float x) { float t = tanhf(x); return (1.0f - t) * (1.0f + t); }
__device__ float leaky_relu(float x, float slope) { return x > 0.0f ? x : x * slope; }
__device__ float leaky_relu_slope(float x, float slope) { return x > 0.0f ? 1.0f : slope; }
__device__ float gelu(float x) { return 0.5f * x * (1.0f + erff(x * 0.70710678f)); }
__device__ float gelu_slope(float x) {
    return 0.5f * (1.0f + erff(x * 0.70710678f)) + x * 0.39894228f * expf(-0.5f * x * x);
}
__device__ float softplus(float x) { return x > 20.0f ? x : fmaxf(x, 0.0f) + log1pf(expf(-fabsf(x))); }
__device__ float softplus_slope(float x) { return x > 20.0f ? 1.0f : sigmoid(x); }
__device__ float silu(float x) { return x * sigmoid(x); }
__device__ float silu_slope(float x) { float s = sigmoid(x); return s * (1.0f + x * (1.0f - s)); }
__device__ float elu(float x, float alpha) { return x > 0.0f ? x : alpha * expm1f(x); }
__device__ float elu_slope(float x, float alpha) { return x > 0.0f ? 1.0f : alpha * expf(x); }
__device__ float hardswish(float x) { return x * fminf(fmaxf(x + 3.0f, 0.0f), 6.0f) / 6.0f; }
__device__ float hardswish_slope(float x) { return x <= -3.0f ? 0.0f : x < 3.0f ? x / 3.0f + 0.5f : 1.0f; }

// y = stage(x W^T + b), `[batch, O]`. A training keeps the products, `kept`, of which `slope` computes derivatives.
template <int I, int O, class Stage>
__device__ void forward(const float *x, const float *w, float *kept, float *y, int batch, Stage stage) {
    product<TERMS, TERMS>(
        batch, O, I, [=](int b, int i) { return x[b * I + i]; }, [=](int o, int i) { return w[o * I + i]; },
        [=](int b, int o, float sum) {
            float z = sum + w[O * I + o];
            if (kept) kept[b * O + o] = z;
            y[b * O + o] = stage.value(z, b, o);
        });
}

// The gradient of the products of the stage before, `[batch, I]`, from that of this one, `[batch, O]`.
template <int I, int O, class Before>
__device__ void backward(const float *gradient, const float *w, const float *kept, float *result, int batch, Before before) {
    product<TERMS, ROWS>(
        batch, I, O, [=](int b, int o) { return gradient[b * O + o]; }, [=](int i, int o) { return w[o * I + i]; },
        [=](int b, int i, float sum) { result[b * I + i] = sum * before.slope(kept[b * I + i], b, i); });
}

// One step of an optimiser, as `engine/rule.rs` has it.
struct Rule {
    u32 kind; // of `Kind`
    u32 nesterov;
    float rate, momentum, decay, keep, beta1, beta2, complement1, complement2, epsilon;
};
enum Kind { STORE, SGD, MOMENTUM, ADAM };

struct Parameters {
    float *weights, *moment1, *moment2, *gradients;
};

__device__ void update(Parameters p, long long at, float gradient, const Rule &rule) {
    if (rule.kind == STORE) {
        p.gradients[at] = gradient;
        return;
    }
    float weight = p.weights[at];
    gradient = fmaf(rule.decay, weight, gradient);
    if (rule.kind == SGD) {
        weight -= rule.rate * gradient;
    } else if (rule.kind == MOMENTUM) {
        float velocity = fmaf(rule.momentum, p.moment1[at], gradient);
        p.moment1[at] = velocity;
        weight -= rule.rate * (rule.nesterov ? fmaf(rule.momentum, velocity, gradient) : velocity);
    } else {
        float mean = fmaf(rule.beta1, p.moment1[at], rule.complement1 * gradient);
        float square = fmaf(rule.beta2, p.moment2[at], fmaf(rule.complement2 * gradient, gradient, 1e-36f));
        p.moment1[at] = mean;
        p.moment2[at] = square;
        weight = rule.keep * weight - rule.rate * mean / (sqrtf(square) + rule.epsilon);
    }
    p.weights[at] = weight;
}

// Updates the weights `[O, I]` and the biases `[O]` behind them, at `offset`: the bias is the weight of an input that is 1.
template <int I, int O>
__device__ void learn(const float *gradient, const float *x, Parameters p, long long offset, int batch, Rule rule) {
    product<ROWS, ROWS>(
        O, I + 1, batch, [=](int o, int b) { return gradient[b * O + o]; },
        [=](int i, int b) { return i < I ? x[b * I + i] : 1.0f; },
        [=](int o, int i, float sum) { update(p, offset + (i < I ? o * I + i : O * I + o), sum, rule); });
}

// The sum over a block of 256 threads, in a fixed order, in every thread.
template <class T> __device__ T block_sum(T value) {
    __shared__ T parts[THREADS];
    parts[threadIdx.x] = value;
    for (int half = THREADS / 2; half > 0; half /= 2) {
        __syncthreads();
        if (threadIdx.x < half) parts[threadIdx.x] += parts[threadIdx.x + half];
    }
    __syncthreads();
    T sum = parts[0];
    __syncthreads();
    return sum;
}

// factor[0] = what the gradient is multiplied by, so that its norm is at most `max_norm`. One block.
extern "C" __global__ void clip(const float *gradients, int parameters, double max_norm, float *factor) {
    double squares = 0.0;
    for (int i = threadIdx.x; i < parameters; i += THREADS) squares += (double)gradients[i] * gradients[i];
    squares = block_sum(squares);
    double most = max_norm / (sqrt(squares) + 1e-6);
    if (threadIdx.x == 0) factor[0] = most < 1.0 ? (float)most : most >= 1.0 ? 1.0f : (float)most;
}

extern "C" __global__ void apply(Parameters p, int parameters, const float *factor, Rule rule) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < parameters) update(p, i, p.gradients[i] * factor[0], rule);
}

// losses[step] = the sum of the losses of the samples of each batch, divided. A block for each step.
extern "C" __global__ void mean_losses(const float *of_samples, const float *divisors, float *losses, int samples, int batch) {
    int first = blockIdx.x * batch, end = min(first + batch, samples);
    float sum = 0.0f;
    for (int i = first + threadIdx.x; i < end; i += THREADS) sum += of_samples[i];
    sum = block_sum(sum);
    if (threadIdx.x == 0) losses[blockIdx.x] = sum / divisors[blockIdx.x];
}

// A data set; what it lacks is null.
struct Data {
    const u8 *bytes;
    const float *values;
    const u8 *labels, *bits;
    const float *targets, *weights;
    float scale;
};

// The features of a batch, standardised if the network does that.
template <int I, class Prelude>
__device__ void gather(Data data, const u32 *order, float *x, int batch, Prelude prelude) {
    int at = blockIdx.x * blockDim.x + threadIdx.x;
    if (at >= batch * I) return;
    int b = at / I, i = at % I;
    long long from = (long long)(order ? order[b] : b) * I + i;
    float value = data.bytes ? data.bytes[from] * data.scale : data.values[from];
    x[at] = prelude.value(value, b, i);
}

// What a training minimises.
struct Loss {
    u32 kind; // of `Losses`
    float smoothing, delta;
    const float *class_weights; // null: all 1
};
enum Losses { CROSS_ENTROPY, SQUARED, ABSOLUTE, HUBER, BINARY };

template <int C> __device__ float target(const Data &data, u32 sample, int c) {
    if (data.labels) return data.labels[sample] == c ? 1.0f : 0.0f;
    if (data.bits) return data.bits[sample * ((C + 7) / 8) + c / 8] >> (c % 8) & 1;
    return data.targets[(long long)sample * C + c];
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
__device__ void loss(Data data, const u32 *order, const float *y, const float *kept, float *gradient, float *losses,
                     int batch, float divisor, Loss loss, Stage stage) {
    int b = (blockIdx.x * blockDim.x + threadIdx.x) / 32, lane = threadIdx.x % 32;
    if (b >= batch) return; // a whole warp
    u32 sample = order[b];
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
    if (lane == 0) losses[b] = value * weight;
}

// The seed of a dropout: a ChaCha8 stream. `seed::dropout_row` defines the masks.
struct Stream {
    u32 key[8];
    u32 nonce[2];
};

__device__ void quarter(u32 &a, u32 &b, u32 &c, u32 &d) {
    a += b; d ^= a; d = d << 16 | d >> 16;
    c += d; b ^= c; b = b << 12 | b >> 20;
    a += b; d ^= a; d = d << 8 | d >> 24;
    c += d; b ^= c; b = b << 7 | b >> 25;
}

// The factors of a dropout, `[batch, width]`: 0 where a word is below `dropped_below`, else `keep`. A thread for 16 words.
extern "C" __global__ void dropout(float *mask, int width, int batch, Stream stream, u32 dropped_below, float keep) {
    int blocks = (width + 15) / 16;
    int at = blockIdx.x * blockDim.x + threadIdx.x;
    if (at >= batch * blocks) return;
    int row = at / blocks, block = at % blocks;
    u64 counter = ((u64)row << 28) + block;
    u32 first[16] = {0x61707865, 0x3320646E, 0x79622D32, 0x6B206574, stream.key[0], stream.key[1], stream.key[2],
                     stream.key[3], stream.key[4], stream.key[5], stream.key[6], stream.key[7], (u32)counter,
                     (u32)(counter >> 32), stream.nonce[0], stream.nonce[1]};
    u32 s[16];
    for (int i = 0; i < 16; i++) s[i] = first[i];
    for (int round = 0; round < 4; round++) {
        quarter(s[0], s[4], s[8], s[12]);
        quarter(s[1], s[5], s[9], s[13]);
        quarter(s[2], s[6], s[10], s[14]);
        quarter(s[3], s[7], s[11], s[15]);
        quarter(s[0], s[5], s[10], s[15]);
        quarter(s[1], s[6], s[11], s[12]);
        quarter(s[2], s[7], s[8], s[13]);
        quarter(s[3], s[4], s[9], s[14]);
    }
    for (int i = 0; i < 16 && block * 16 + i < width; i++)
        mask[row * width + block * 16 + i] = s[i] + first[i] < dropped_below ? 0.0f : keep;
}
