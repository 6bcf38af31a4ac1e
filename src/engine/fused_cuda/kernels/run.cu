// What every kernel takes. Matrices are row-major, a row for each sample of the batch. Each sum has its terms added in a fixed
// order: results are the same in every run.

typedef unsigned char u8;
typedef unsigned int u32;
typedef unsigned long long u64;

// The threads of a block.
constexpr int THREADS = 256;

// A data set; what it lacks is null.
struct Data {
    const u8 *bytes;
    const float *values;
    const u8 *labels, *bits;
    const float *targets, *weights;
    float scale;
};

struct Parameters {
    float *weights, *moment1, *moment2;
    float *gradients; // null: they are applied at once
};

// What a training minimises.
struct Loss {
    u32 kind; // of `Losses`
    float smoothing, delta;
    const float *class_weights; // null: all 1
};

// One step of an optimiser, as `engine/rule.rs` has it.
struct Rule {
    u32 kind; // of `Kind`
    u32 nesterov;
    float rate, momentum, decay, keep, beta1, beta2, complement1, complement2, epsilon;
};

// What differs from step to step of a run.
struct Step {
    Rule rule;
    float divisor; // of the loss
    u64 number;    // in the training, from 0
};

// A run of batches of `size` samples.
struct Run {
    Data data;
    const u32 *order; // null: one after another
    const u32 *first; // the number of the batch with index 0; null: 0
    const Step *steps;
    const float *statistics;
    float *masks; // null: no dropout
    Parameters parameters;
    Loss loss;
    float *losses; // of all samples of the run
    int size;
};

// The batch with this index, of `len` samples.
struct Batch {
    u32 index;
    int len;
};

__device__ u32 number(Run run, Batch batch) { return (run.first ? *run.first : 0) + batch.index; }

// The places of a batch's samples in the run, and their indices in the data set.
struct Samples {
    const u32 *order;
    long long first;
    __device__ Samples(Run run, Batch batch) : order(run.order), first((long long)number(run, batch) * run.size) {}
    __device__ long long operator[](int b) const { return order ? order[first + b] : first + b; }
};
