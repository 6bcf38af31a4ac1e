"""Generates calibration.json: reliability tables and expected calibration errors, computed with numpy.

In this folder:

    python calibration.py

or elsewhere, with `python calibration.py --out DIR`.
"""

import argparse
import json
from pathlib import Path

import numpy as np

SAMPLES, CLASSES = 500, 4


def table(confidence, right, bins):
    """Bins (m/M, (m+1)/M]; the first also includes 0."""
    place = np.digitize(confidence, np.arange(1, bins) / bins, right=True)
    count = np.bincount(place, minlength=bins)
    rights = np.bincount(place, weights=right, minlength=bins)
    sums = np.bincount(place, weights=confidence, minlength=bins)
    filled = count > 0
    gaps = np.abs(rights[filled] / count[filled] - sums[filled] / count[filled])
    return {
        "counts": count.tolist(),
        "right": rights.tolist(),
        "confidence_sums": sums.tolist(),
        "expected_error": float((count[filled] / len(confidence) * gaps).sum()),
    }


def main():
    parser = argparse.ArgumentParser(description="Generate the numpy fixture of calibration.")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent, metavar="DIR")
    out = parser.parse_args().out

    # Labels are sampled from the softmax of half the logits, so the logits are overconfident.
    random = np.random.default_rng(0)
    logits = np.round(random.normal(scale=3.0, size=(SAMPLES, CLASSES)), 3).astype(np.float32)
    softmax = lambda z: np.exp(z - z.max(1, keepdims=True)) / np.exp(z - z.max(1, keepdims=True)).sum(1, keepdims=True)
    probabilities = softmax(logits.astype(np.float64))
    truth = softmax(logits.astype(np.float64) / 2)
    labels = [int(random.choice(CLASSES, p=p)) for p in truth]
    right = (probabilities.argmax(1) == labels).astype(np.float64)
    confidence = probabilities.max(1)

    tables = [table(confidence, right, bins) for bins in (1, 10, 15)]
    print([round(t["expected_error"], 4) for t in tables])
    fixture = {
        "logits": [float(np.round(float(v), 3)) for v in logits.ravel()],
        "labels": labels,
        "tables": tables,
    }
    (out / "calibration.json").write_text(json.dumps(fixture) + "\n")


if __name__ == "__main__":
    main()
