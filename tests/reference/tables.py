"""Shapes, first rows, class counts and sums of columns of scikit-learn's tables, for tests/csv/scikit_learn.rs.

python tests/reference/tables.py > tests/reference/tables.json
"""

import json

import numpy
import sklearn
from sklearn import datasets

LOADERS = {
    "iris": datasets.load_iris,
    "wine": datasets.load_wine,
    "breast_cancer": datasets.load_breast_cancer,
    "digits": datasets.load_digits,
    # As published, not centred and scaled.
    "diabetes": lambda: datasets.load_diabetes(scaled=False),
}


def figures(table):
    x, y = table.data, table.target
    out = {"shape": x.shape, "first": x[0].tolist(), "sums": x.sum(axis=0).tolist(), "target_sum": float(y.sum())}
    if numpy.issubdtype(y.dtype, numpy.integer):
        out["counts"] = numpy.bincount(y).tolist()
    return out


tables = {name: figures(load()) for name, load in LOADERS.items()}
print(json.dumps({"scikit-learn": sklearn.__version__, **tables}))
