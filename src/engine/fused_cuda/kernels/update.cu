// An optimiser's update, at once or, with clipping, when the norm of all gradients is known.

enum Kind { NONE, SGD, MOMENTUM, ADAM };

__device__ void update(Parameters p, long long at, float gradient, Rule rule) {
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
extern "C" __global__ void clip(Run run, int parameters, double max_norm, float *factor) {
    const float *gradients = run.parameters.gradients;
    double squares = 0.0;
    for (int i = threadIdx.x; i < parameters; i += THREADS) squares += (double)gradients[i] * gradients[i];
    squares = block_sum(squares);
    double most = max_norm / (sqrt(squares) + 1e-6);
    if (threadIdx.x == 0) factor[0] = most < 1.0 ? (float)most : most >= 1.0 ? 1.0f : (float)most;
}

extern "C" __global__ void apply(Run run, Batch batch, int parameters, const float *factor) {
    int i = blockIdx.x * THREADS + threadIdx.x;
    Rule rule = run.steps[number(run, batch)].rule;
    if (i < parameters) update(run.parameters, i, run.parameters.gradients[i] * factor[0], rule);
}

// The batch with index 0 is that many batches further. One block.
extern "C" __global__ void advance(u32 *first, u32 batches) {
    if (threadIdx.x == 0) *first += batches;
}
