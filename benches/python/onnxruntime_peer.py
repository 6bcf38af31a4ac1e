"""onnxruntime, inference only, of tuplenet's ONNX file; `OMP_NUM_THREADS` also sets its number of threads.

In eight bits, `network-int8.onnx` is the network with scales for the features of the case.
"""

import os

import onnxruntime as ort
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process
from served import serve


class Calibration(CalibrationDataReader):
    def __init__(self, name, batches):
        self.batches = ({name: batch} for batch in batches)

    def get_next(self):
        return next(self.batches, None)


def session(path):
    options = ort.SessionOptions()
    options.intra_op_num_threads = int(os.environ["OMP_NUM_THREADS"])
    options.inter_op_num_threads = 1
    return ort.InferenceSession(path, options, ["CPUExecutionProvider"])


def in_eight_bits(setup):
    """Writes the network with integers. Of QDQ and QOperator, a scale for each tensor or channel, and signed or unsigned activations,
    these are the fastest."""
    [path, prepared, quantized] = [
        str(setup.folder / f"network{name}.onnx") for name in ("", "-prepared", "-int8")
    ]
    quant_pre_process(path, prepared)
    name = session(path).get_inputs()[0].name
    quantize_static(
        prepared,
        quantized,
        Calibration(name, setup.batches()),
        quant_format=QuantFormat.QOperator,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
    )
    return quantized


class Inference:
    def __init__(self, setup):
        if setup.trains:
            raise SystemExit("onnxruntime: inference only")
        path = in_eight_bits(setup) if setup.eight_bits else str(setup.folder / "network.onnx")
        self.session = session(path)
        [input], [output] = self.session.get_inputs(), self.session.get_outputs()
        self.inputs = [self.binding(input.name, output.name, batch) for batch in setup.batches()]
        self.next = 0

    def binding(self, input, output, batch):
        """The batch, as a value of onnxruntime, and memory for its logits."""
        binding = self.session.io_binding()
        binding.bind_ortvalue_input(input, ort.OrtValue.ortvalue_from_numpy(batch))
        binding.bind_output(output)
        return binding

    def reset(self):
        pass

    def run(self, steps):
        for _ in range(steps):
            self.session.run_with_iobinding(self.inputs[self.next])
            self.next = (self.next + 1) % len(self.inputs)

    def values(self, count):
        self.session.run_with_iobinding(self.inputs[0])
        return self.inputs[0].copy_outputs_to_cpu()[0].ravel()[:count]


if __name__ == "__main__":
    serve(ort.__version__, Inference)
