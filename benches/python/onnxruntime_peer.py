"""onnxruntime, inference only: Gemm, Relu, Gemm; `OMP_NUM_THREADS` also sets its number of threads."""

import os

import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper
from served import serve


def model(setup):
    i, h, o = setup.shape
    names = ("w0", "b0", "w2", "b2")
    nodes = [
        helper.make_node("Gemm", ["x", "w0", "b0"], ["z"], transB=1),
        helper.make_node("Relu", ["z"], ["a"]),
        helper.make_node("Gemm", ["a", "w2", "b2"], ["y"], transB=1),
    ]
    graph = helper.make_graph(
        nodes,
        "mlp",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [setup.batch, i])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [setup.batch, o])],
        [numpy_helper.from_array(w, name) for w, name in zip(setup.weights(), names)],
    )
    # Not the newest versions of format and opset, so that every onnxruntime reads them.
    opset = [helper.make_opsetid("", 17)]
    return helper.make_model(graph, opset_imports=opset, ir_version=8).SerializeToString()


class Inference:
    def __init__(self, setup):
        if setup.trains:
            raise SystemExit("onnxruntime: inference only")
        options = ort.SessionOptions()
        options.intra_op_num_threads = int(os.environ["OMP_NUM_THREADS"])
        options.inter_op_num_threads = 1
        self.session = ort.InferenceSession(model(setup), options, ["CPUExecutionProvider"])
        self.inputs = [{"x": batch} for batch in setup.batches()]
        self.next = 0

    def reset(self):
        pass

    def run(self, steps):
        for _ in range(steps):
            self.session.run(None, self.inputs[self.next])
            self.next = (self.next + 1) % len(self.inputs)

    def values(self, count):
        return self.session.run(None, self.inputs[0])[0].ravel()[:count]


if __name__ == "__main__":
    serve(ort.__version__, Inference)
