"""Generates metrics.json: metrics of classes, binary scores, values and rankings, computed with scikit-learn.

In this folder:

    python metrics.py

or elsewhere, with `python metrics.py --out DIR`.
"""

import argparse
import json
import warnings
from pathlib import Path

import numpy as np
from sklearn import metrics
from sklearn.preprocessing import label_binarize


def numbers(values):
    """A list in which NaN is null and infinity a string, as JSON has neither; float32 in its own few digits."""
    special = {np.inf: "inf"}
    return [None if np.isnan(v) else special.get(v, float(str(v))) for v in np.ravel(values)]


def number(value):
    return numbers([value])[0]


def binary(scores, labels):
    """Curves and areas of a binary score."""
    false_positive_rates, true_positive_rates, roc_thresholds = metrics.roc_curve(labels, scores, pos_label=1)
    precision, recall, thresholds = metrics.precision_recall_curve(labels, scores, pos_label=1)
    return {
        "scores": numbers(scores),
        "labels": [int(label) for label in labels],
        "false_positive_rates": numbers(false_positive_rates),
        "true_positive_rates": numbers(true_positive_rates),
        "roc_thresholds": numbers(roc_thresholds),
        "roc_auc": number(metrics.roc_auc_score(labels, scores)),
        "precision": numbers(precision),
        "recall": numbers(recall),
        "thresholds": numbers(thresholds),
        "average_precision": number(metrics.average_precision_score(labels, scores, pos_label=1)),
    }


def classification(logits, labels, names):
    """Metrics of logits [n, C], float32, and labels below C."""
    assert all(len(set(row)) == len(row) for row in logits), "the k-th class of a tie is another in tuplenet"
    classes = list(range(logits.shape[1]))
    z = logits.astype(np.float64)
    probabilities = np.exp(z - z.max(1, keepdims=True))
    probabilities /= probabilities.sum(1, keepdims=True)
    predictions = probabilities.argmax(1)
    scores = metrics.precision_recall_fscore_support(labels, predictions, labels=classes, zero_division=0)
    macro = metrics.precision_recall_fscore_support(
        labels, predictions, labels=classes, average="macro", zero_division=0
    )
    report = {"labels": classes, "target_names": names, "zero_division": 0}
    two = len(classes) == 2
    one_hot = label_binarize(labels, classes=classes)
    positive = {"y_score": probabilities[:, 1]} if two else {"y_score": probabilities}
    return {
        "logits": numbers(logits),
        "labels": [int(label) for label in labels],
        "classes": len(classes),
        "precision": numbers(scores[0]),
        "recall": numbers(scores[1]),
        "f1": numbers(scores[2]),
        "support": [int(support) for support in scores[3]],
        "macro": numbers(macro[:3]),
        "report": metrics.classification_report(labels, predictions, **report),
        "roc_auc": number(
            metrics.roc_auc_score(labels, positive["y_score"])
            if two
            else metrics.roc_auc_score(labels, **positive, multi_class="ovr", average="macro", labels=classes)
        ),
        "average_precision": number(metrics.average_precision_score(one_hot, **positive, average="macro")),
        "top_k_accuracy": numbers(
            [
                metrics.top_k_accuracy_score(labels, positive["y_score"], k=k, labels=classes)
                for k in range(1, len(classes) + 1)
            ]
        ),
        "brier_score": number(metrics.brier_score_loss(labels, positive["y_score"], labels=classes)),
        "loss": number(metrics.log_loss(labels, probabilities, labels=classes)),
    }


def regression(targets, predictions):
    """Metrics of target values [n, N] and predictions [n, N], float32."""
    t, y = targets.astype(np.float64), predictions.astype(np.float64)
    raw = {"multioutput": "raw_values"}
    return {
        "targets": numbers(targets),
        "predictions": numbers(predictions),
        "values": targets.shape[1],
        "loss": number(metrics.mean_squared_error(t, y)),
        "mae": numbers(metrics.mean_absolute_error(t, y, **raw)),
        "rmse": numbers(metrics.root_mean_squared_error(t, y, **raw)),
        "r2": numbers(metrics.r2_score(t, y, **raw)),
        "means": numbers(
            [metrics.mean_absolute_error(t, y), metrics.root_mean_squared_error(t, y), metrics.r2_score(t, y)]
        ),
    }


def ranking(scores, relevance):
    """NDCG of scores and relevances [users, items]."""
    cutoffs = [1, 2, 5, 10, scores.shape[1]]
    return {
        "scores": numbers(scores),
        "relevance": numbers(relevance),
        "items": scores.shape[1],
        "cutoffs": cutoffs,
        "ndcg": numbers([metrics.ndcg_score(relevance, scores, k=k) for k in cutoffs]),
    }


def one_relevant_item(scores, relevance):
    """As `ranking`, and the hit rate, which scikit-learn calls the top-k accuracy of the relevant item."""
    case = ranking(scores, relevance)
    items = range(scores.shape[1])
    top = [metrics.top_k_accuracy_score(relevance.argmax(1), scores, k=k, labels=items) for k in case["cutoffs"]]
    return case | {"hit_rate": numbers(top)}


def main():
    parser = argparse.ArgumentParser(description="Generate the scikit-learn fixture of metrics.")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent, metavar="DIR")
    out = parser.parse_args().out
    # undefined metrics are part of the fixture
    warnings.simplefilter("ignore")

    random = np.random.default_rng(0)
    labels = random.integers(0, 2, 200)
    rare = (random.random(200) < 0.05).astype(int)
    scores = random.normal(size=200) + labels
    binaries = {
        "no ties": binary(scores.round(4), labels),
        "ties": binary(scores.round(0), labels),
        "rare positives": binary((random.normal(size=200) + rare).round(1), rare),
        "perfect": binary(labels + random.random(200).round(3) / 2, labels),
        "inverted": binary(-labels, labels),
        "random": binary(random.random(200).round(3), labels),
        "constant": binary(np.full(20, 0.25), labels[:20]),
        "no positives": binary(scores[:20].round(1), np.zeros(20, int)),
        "no negatives": binary(scores[:20].round(1), np.ones(20, int)),
        "two samples": binary(np.array([1.0, 2.0]), np.array([1, 0])),
    }

    def logits(n, classes, p, skill=1.5):
        labels = random.choice(classes, size=n, p=p)
        logits = random.normal(size=(n, classes)) + skill * np.eye(classes)[labels]
        return logits.round(4).astype(np.float32), labels

    perfect = (20 * np.eye(3)[np.arange(30) % 3] + np.arange(3)).astype(np.float32)
    never, labels_of_never = logits(60, 3, [0.5, 0.3, 0.2])
    never[:, 1] = -30
    classifications = {
        "2 classes": classification(*logits(120, 2, [0.5, 0.5]), ["cat", "dog"]),
        "2 imbalanced": classification(*logits(120, 2, [0.95, 0.05]), ["no", "yes"]),
        "3 classes": classification(*logits(150, 3, [0.2, 0.3, 0.5]), ["setosa", "versicolor", "virginica"]),
        "4 imbalanced": classification(
            *logits(150, 4, [0.85, 0.05, 0.05, 0.05]), ["a", "b", "a name longer than the others", "d"]
        ),
        "random": classification(*logits(150, 3, [1 / 3, 1 / 3, 1 / 3], skill=0), ["0", "1", "2"]),
        "perfect": classification(perfect, np.arange(30) % 3, ["0", "1", "2"]),
        "class 1 is never predicted": classification(never, labels_of_never, ["0", "1", "2"]),
        "class 2 has no samples": classification(*logits(60, 4, [0.4, 0.3, 0.0, 0.3]), ["0", "1", "2", "3"]),
    }

    def values(n, N, noise):
        targets = random.normal(scale=3, size=(n, N)) + 10
        return targets.astype(np.float32), (targets + noise * random.normal(size=(n, N))).astype(np.float32)

    constant, guesses = values(40, 3, 1.0)
    constant[:, 0] = constant[:, 1] = np.float32(0.1)
    guesses[:, 1] = np.float32(0.1)
    one, _ = values(30, 1, 0.0)
    regressions = {
        "1 value": regression(*values(100, 1, 0.5)),
        "3 values": regression(*values(100, 3, 2.0)),
        "perfect": regression(one, one),
        "worse than the mean": regression(one, -one),
        "constant targets, wrong and perfect": regression(constant, guesses),
    }

    relevance = (random.random((20, 12)) < 0.25) * random.integers(1, 4, (20, 12))
    relevance[3] = 0
    left_out = np.eye(40, dtype=int)[random.integers(0, 40, 25)]
    rankings = {
        "no ties": ranking(random.normal(size=(20, 12)).round(4), relevance),
        "ties": ranking(random.integers(0, 4, (20, 12)).astype(float), relevance),
        "all equal": ranking(np.zeros((20, 12)), relevance),
        "one item left out": one_relevant_item((random.normal(size=(25, 40)) + left_out).round(4), left_out),
    }

    fixture = {
        "binary": binaries,
        "classification": classifications,
        "regression": regressions,
        "ranking": rankings,
    }
    for name, cases in fixture.items():
        keys = {"binary": "roc_auc", "classification": "roc_auc", "regression": "means", "ranking": "ndcg"}
        print(name, {case: content[keys[name]] for case, content in cases.items()})
    (out / "metrics.json").write_text(json.dumps(fixture) + "\n")


if __name__ == "__main__":
    main()
