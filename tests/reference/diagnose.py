"""The cross-validation of the example `diagnose` by scikit-learn and by PyTorch, on the same folds.

    diagnose.json  folds: for each tumour, the fold in which it is tested, by tuplenet, seed 0;
                   for each library, the mean over the folds of accuracy and area under the ROC curve;
                   diabetes_rmse: the mean over ten folds of scikit-learn's root mean squared error on its diabetes table

The folds are kept; `tests/tables.rs` compares them with tuplenet's. To regenerate the results, in this folder:

    python diagnose.py

or elsewhere, with `python diagnose.py --out DIR`. It prints the wall time of each.
"""

import argparse
import csv
import json
import time
from pathlib import Path

import numpy
import torch
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_diabetes
from sklearn.metrics import roc_auc_score, root_mean_squared_error
from sklearn.model_selection import KFold
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn
from torch.nn import functional as F

HERE = Path(__file__).parent
TABLE = HERE.parent.parent / "examples/data/breast-cancer-wisconsin.csv"
EPOCHS, BATCH = 60, 32


def table():
    """Features [569, 30] and labels [569], 0 for malignant."""
    with TABLE.open() as file:
        rows = list(csv.reader(file))[1:]
    return numpy.array([row[1:] for row in rows], dtype=numpy.float32), numpy.array([row[0] == "B" for row in rows], int)


def by_sklearn(train, labels, test, fold):
    network = make_pipeline(StandardScaler(), MLPClassifier((16,), alpha=1.0, max_iter=1000, random_state=fold))
    network.fit(train, labels)
    return network.predict_proba(test)[:, 1]


def by_torch(train, labels, test, fold):
    torch.manual_seed(fold)
    scaler = StandardScaler().fit(train)
    x, y = torch.tensor(scaler.transform(train)).float(), torch.tensor(labels)
    network = nn.Sequential(nn.Linear(30, 16), nn.ReLU(), nn.Dropout(0.3), nn.Linear(16, 2))
    optimizer = torch.optim.AdamW(network.parameters(), lr=0.01, weight_decay=1.0)
    steps = EPOCHS * -(-len(x) // BATCH)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for _ in range(EPOCHS):
        for batch in torch.randperm(len(x)).split(BATCH):
            optimizer.zero_grad()
            F.cross_entropy(network(x[batch]), y[batch]).backward()
            optimizer.step()
            schedule.step()
    network.eval()
    with torch.no_grad():
        return network(torch.tensor(scaler.transform(test)).float()).softmax(1)[:, 1].numpy()


def cross_validate(run, folds):
    features, labels = table()
    accuracies, areas = [], []
    for fold in range(max(folds) + 1):
        test = numpy.array(folds) == fold
        probability = run(features[~test], labels[~test], features[test], fold)
        accuracies.append(((probability > 0.5) == labels[test]).mean())
        areas.append(roc_auc_score(labels[test], probability))
    return {"accuracy": numpy.mean(accuracies), "roc_auc": numpy.mean(areas)}


def diabetes():
    """A multi-layer perceptron of 16 hidden units; features and target are standardised."""
    features, target = load_diabetes(return_X_y=True, scaled=False)
    errors = []
    for train, test in KFold(10, shuffle=True, random_state=0).split(features):
        network = TransformedTargetRegressor(
            make_pipeline(
                StandardScaler(), MLPRegressor(hidden_layer_sizes=(16,), activation="tanh", alpha=1.0, max_iter=2000, random_state=0)
            ),
            transformer=StandardScaler(),
        )
        network.fit(features[train], target[train])
        errors.append(root_mean_squared_error(target[test], network.predict(features[test])))
    return numpy.mean(errors)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=Path, default=HERE)
    out = parser.parse_args().out
    folds = json.loads((HERE / "diagnose.json").read_text())["folds"]
    results = {"folds": folds, "diabetes_rmse": diabetes()}
    print(f"diabetes {results['diabetes_rmse']:.2f}")
    for name, run in [("sklearn", by_sklearn), ("torch", by_torch)]:
        begun = time.perf_counter()
        results[name] = cross_validate(run, folds)
        print(name, results[name], f"{time.perf_counter() - begun:.2f} s")
    (out / "diagnose.json").write_text(json.dumps(results) + "\n")


if __name__ == "__main__":
    main()
