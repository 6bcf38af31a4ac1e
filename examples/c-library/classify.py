"""Reads a digit by the C library with ctypes: `python3 classify.py libdigits.so digit.pgm`, printing what main.c prints."""

import ctypes
import struct
import sys

PIXELS, CLASSES = 784, 10  # DIGITS_PIXELS and DIGITS_CLASSES of digits.h
FLOATS = ctypes.POINTER(ctypes.c_float)


class Digits:
    """The library at `path`."""

    def __init__(self, path):
        self.library = ctypes.CDLL(path)
        self.library.digits_classify.argtypes = [FLOATS, ctypes.c_size_t, ctypes.POINTER(ctypes.c_size_t)]
        for function in (self.library.digits_logits, self.library.digits_probabilities):
            function.argtypes = [FLOATS, ctypes.c_size_t, FLOATS, ctypes.c_size_t]
        self.library.digits_error_message.restype = ctypes.c_char_p

    def check(self, status):
        if status != 0:
            raise ValueError(self.library.digits_error_message(status).decode())

    def classify(self, pixels):
        digit = ctypes.c_size_t()
        self.check(self.library.digits_classify(pixels, len(pixels), digit))
        return digit.value

    def logits(self, pixels):
        return self.values(self.library.digits_logits, pixels)

    def probabilities(self, pixels):
        return self.values(self.library.digits_probabilities, pixels)

    def values(self, function, pixels):
        values = (ctypes.c_float * CLASSES)()
        self.check(function(pixels, len(pixels), values, CLASSES))
        return list(values)


def read_picture(path):
    """The pixels of a PGM file of 28 x 28 bytes."""
    with open(path, "rb") as file:
        header, pixels = file.read(13), file.read()
    if header != b"P5\n28 28\n255\n" or len(pixels) != PIXELS:
        raise ValueError(f"{path}: no PGM of 28 x 28 bytes")
    return (ctypes.c_float * PIXELS)(*(pixel / 255 for pixel in pixels))


def bits(value):
    return struct.pack(">f", value).hex()


if __name__ == "__main__":
    digits = Digits(sys.argv[1])
    pixels = read_picture(sys.argv[2])
    print("digit", digits.classify(pixels))
    for logit, probability in zip(digits.logits(pixels), digits.probabilities(pixels)):
        print(bits(logit), bits(probability))
    try:
        digits.classify((ctypes.c_float * 3)())
    except ValueError as error:
        assert "length" in str(error)
    else:
        raise AssertionError("three pixels are no picture")
