"""onnxruntime, inference only, with the operators that PyTorch exports; `OMP_NUM_THREADS` also sets its number of threads."""

import os

import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper
from served import serve


def model(setup):
    tensors, layers = setup.tensors(), setup.layers()
    values = ["x", *(f"a{at}" for at in range(1, len(layers))), "y"]
    nodes = []
    for at, (path, operands, name, numbers) in enumerate(layers):
        x, y = [values[value] for value in operands], values[at + 1]
        parameters = [f"{path}.weight", f"{path}.bias"]
        if name == "Linear":
            nodes.append(helper.make_node("Gemm", x + parameters, [y], transB=1))
        elif name == "Conv2d":
            _, _, kernel, stride, padding = numbers
            attributes = {
                "kernel_shape": [kernel] * 2,
                "strides": [stride] * 2,
                "pads": [padding] * 4,
            }
            nodes.append(helper.make_node("Conv", x + parameters, [y], **attributes))
        elif name == "BatchNorm2d":
            statistics = [f"{path}.running_mean", f"{path}.running_var"]
            inputs = x + parameters + statistics
            nodes.append(helper.make_node("BatchNormalization", inputs, [y], epsilon=1e-5))
        elif name == "MaxPool2d":
            kernel, stride = ([size] * 2 for size in numbers)
            nodes.append(helper.make_node("MaxPool", x, [y], kernel_shape=kernel, strides=stride))
        elif name == "GlobalAvgPool2d":
            nodes.append(helper.make_node("GlobalAveragePool", x, [f"{y}.means"]))
            nodes.append(helper.make_node("Flatten", [f"{y}.means"], [y]))
        else:
            operator = {"ReLU": "Relu", "Flatten": "Flatten", "Add": "Add"}[name]
            nodes.append(helper.make_node(operator, x, [y]))
    used = {name for node in nodes for name in node.input}
    graph = helper.make_graph(
        nodes,
        "network",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [setup.batch, *setup.input()])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [setup.batch, tensors[f"{layers[-1].path}.bias"].size])],
        [numpy_helper.from_array(tensors[name], name) for name in sorted(used & tensors.keys())],
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
