"""One import changed: scikit-learn's MLPClassifier and MLPRegressor against ours, five data sets, time beside score.

The same parameters and the same random_state, so that both make the same steps. Four ways to fit: scikit-learn on
float64, the default of its users; deltaprop on the same arrays; deltaprop with dtype="float32"; scikit-learn on float32
arrays. Tables are encoded by TableEncoder, from the training rows; scores are for rows that were not used in any
fit. Adult is fitted twice: on dense rows, and on the encoder's CSR rows. All data except digits are in the folder that
benchmarks/tables.py uses. Three rounds on one core and on two take less than six minutes; a part of it:
`python -m benchmarks.sklearn_migration digits wine --rounds 1 --cores 2`.
"""

import argparse
import json
import os
import sys
import warnings
from statistics import median

from benchmarks import _machine, _process
from benchmarks.tables import ADULT, DATA

WINE = (
    "fixed_acidity,volatile_acidity,citric_acid,residual_sugar,chlorides,free_sulfur_dioxide,total_sulfur_dioxide,"
    "density,ph,sulphates,alcohol,quality"
)
FILES = {  # the required files
    "digits": (),
    "MNIST": ("mnist/train-images-idx3-ubyte.gz", "mnist/t10k-images-idx3-ubyte.gz"),
    "Adult": ("tables/adult-train.csv", "tables/adult-test.csv"),
    "Adult, sparse": ("tables/adult-train.csv", "tables/adult-test.csv"),
    "California": ("tables/california-housing.csv",),
    "wine": ("tables/winequality-red.csv", "tables/winequality-white.csv"),
}
REGRESSIONS = ("California", "wine")
SETTINGS = {  # in addition to scikit-learn's defaults: 100 relu units, Adam, batches of 200
    "digits": {"max_iter": 100},
    "MNIST": {"max_iter": 5},
    "Adult": {"max_iter": 10},
    "Adult, sparse": {"max_iter": 10},
    "California": {"hidden_layer_sizes": (100, 50), "max_iter": 40},
    "wine": {"hidden_layer_sizes": (64, 32), "activation": "tanh", "batch_size": 32, "max_iter": 30},
}
PAUSE = 0.2  # seconds before each fit, until the threads of the previous one have stopped spinning
LIMIT = 30.0  # seconds after which a data set gets no further round
WAYS = ("scikit-learn", "deltaprop", "deltaprop float32", "scikit-learn float32")


def _parts(name):
    """(X, y) to train on and (X, y) to be scored on, as they were read."""
    from deltaprop.data.sources import load
    from deltaprop.tables.split import split_rows, take

    if name == "MNIST":
        sources = [load(DATA / file) for file in FILES[name]]
        return [(source.X.reshape(len(source.X), -1), source.y) for source in sources]
    if name.startswith("Adult"):
        sources = [load(DATA / file, target="income", names=ADULT.split(",")) for file in FILES[name]]
        return [(source.X, source.y.astype(str)) for source in sources]
    X, y = _whole(name)
    rows = split_rows(len(y), 0.2, 0.0, None if name in REGRESSIONS else y, seed=0)
    return [(take(X, part), y[part]) for part in (rows.train, rows.test)]


def _whole(name):
    """X and y of a data set that comes without test rows."""
    import narwhals
    import numpy as np

    from deltaprop.data.sources import load

    if name == "digits":
        source = load("digits")
        return source.X, source.y
    if name == "California":
        source = load(DATA / FILES[name][0], target="median_house_value")
        return source.X, source.y
    sources = [load(DATA / file, target="quality", names=WINE.split(",")) for file in FILES[name]]
    return narwhals.concat([source.X for source in sources]), np.concatenate([source.y for source in sources])


def read(name):
    """X, y, X_test, y_test in float64; classes as they are named, numbers standardised."""
    import numpy as np

    import deltaprop as dp

    (X, y), (X_test, y_test) = _parts(name)
    encoder = dp.TableEncoder(dtype="float64").fit(X)
    X, X_test = encoder.transform(X), encoder.transform(X_test)
    if encoder.sparse_output_ and "sparse" not in name:
        X, X_test = X.toarray(), X_test.toarray()
    if name in REGRESSIONS:
        mean, std = y.mean(), y.std()
        return X, (y - mean) / std, X_test, (y_test - mean) / std
    if name.startswith("Adult"):  # the labels of its test file end in a full stop
        y_test = np.char.rstrip(y_test, ".")
    return X, y, X_test, y_test


def fitting(name, data):
    """An estimator for each way, and the training rows as that way gets them."""
    import numpy as np
    from sklearn import neural_network

    import deltaprop as dp

    kind = "MLPRegressor" if name in REGRESSIONS else "MLPClassifier"
    theirs, ours = getattr(neural_network, kind), getattr(dp, kind)
    settings = SETTINGS[name] | {"random_state": 0}
    X, y = data
    single = (X.astype(np.float32), y.astype(np.float32) if name in REGRESSIONS else y)
    estimators = [theirs(**settings), ours(**settings), ours(**settings, dtype="float32"), theirs(**settings)]
    return dict(zip(WAYS, zip(estimators, [data, data, data, single], strict=True), strict=True))


def difference(theirs, ours, X):
    """(largest of a weight or bias, largest of a prediction): absolute."""
    import numpy as np

    pairs = [*zip(theirs.coefs_, ours.coefs_, strict=True), *zip(theirs.intercepts_, ours.intercepts_, strict=True)]
    what = "predict_proba" if hasattr(theirs, "classes_") else "predict"
    predicted = getattr(theirs, what)(X) - getattr(ours, what)(X)
    return max(float(np.abs(a - b).max()) for a, b in pairs), float(np.abs(predicted).max())


def child(rounds, names):
    """One JSON object for each data set: seconds of every fit, scores, epochs, differences."""
    from sklearn.exceptions import ConvergenceWarning

    from deltaprop.bench.timing import Contender, take_turns

    warnings.simplefilter("ignore", ConvergenceWarning)  # the number of epochs is fixed, so convergence is not required
    for name in names:
        X, y, X_test, y_test = read(name)
        ways = fitting(name, (X, y))
        contenders = [Contender(way, lambda job=job: job[0].fit(*job[1])) for way, job in ways.items()]
        seconds = take_turns(contenders, rounds=rounds, least=0.0, pause=PAUSE, limit=LIMIT)
        models = {way: model for way, (model, _) in ways.items()}
        found = {"name": name, "shape": X.shape, "threads": len(os.sched_getaffinity(0)), "seconds": seconds}
        found["scores"] = {way: float(model.score(X_test, y_test)) for way, model in models.items()}
        found["epochs"] = {way: model.n_iter_ for way, model in models.items()}
        found["engine"] = models["deltaprop"].network_.engine
        found["sizes"] = models["deltaprop"].network_.spec.sizes
        found["apart"] = difference(models["scikit-learn"], models["deltaprop"], X_test)
        print(json.dumps(found), flush=True)


def timed(found):
    """Seconds and score of each way, and how much faster than scikit-learn."""
    from deltaprop.bench.timing import ratio

    seconds, scores = found["seconds"], found["scores"]
    cells = {way: f"{median(seconds[way]):.2f} s, {scores[way]:.4f}" for way in WAYS}
    gains = [
        f"{ratio(seconds[theirs], seconds[ours]):.1f}"
        for ours, theirs in zip(["deltaprop", *["deltaprop float32"] * 2], [WAYS[0], WAYS[0], WAYS[3]], strict=True)
    ]
    score = "R²" if found["name"] in REGRESSIONS else "accuracy"
    first = f"{found['name']} ({score})"
    return [first, cells[WAYS[0]], cells[WAYS[1]], gains[0], cells[WAYS[2]], gains[1], cells[WAYS[3]], gains[2]]


def compared(found):
    """The fits, and the differences of the two libraries' weights and predictions in float64."""
    settings = ", ".join(
        f"{key}={value!r}" for key, value in SETTINGS[found["name"]].items() if key != "hidden_layer_sizes"
    )
    epochs = found["epochs"]
    counted = f"{epochs['scikit-learn']}, {epochs['deltaprop']}"
    sizes = "-".join(map(str, found["sizes"]))
    weights, predictions = (f"{number:.0e}" for number in found["apart"])
    return [found["name"], f"{found['shape'][0]:,}", f"{sizes}; {settings}", counted, weights, predictions]


def present(names):
    """The data sets whose files exist; prints the missing ones."""
    absent = [name for name in names if not all((DATA / file).is_file() for file in FILES[name])]
    if absent:
        print(f"skipped: {', '.join(absent)}: not in {DATA}; DELTAPROP_DATA may name the folder that holds them\n")
    return [name for name in names if name not in absent]


def main(names=(), rounds=3, cores=(1, 2)):
    print(_machine.heading("benchmarks.sklearn_migration"))
    found, given = [], present(names or FILES)
    for n in cores if given else ():
        found = list(_process.results("benchmarks.sklearn_migration", n, "child", str(rounds), *given))
        if found:
            show_times(n, found)
    if found:
        headings = [
            "the same in float64?",
            "rows",
            "network; not default",
            "epochs",
            "weights apart",
            "predictions apart",
        ]
        print(_machine.table(headings, [compared(one) for one in found]))


def show_times(n, found):
    fits = ", ".join(map(str, sorted({len(one["seconds"]["deltaprop"]) for one in found})))
    print(f"{n} core(s), engine {found[0]['engine']}; medians of {fits} fits each, in turn:\n")
    headings = ["seconds of a fit, score", *WAYS[:2], "× faster", WAYS[2], "× faster", WAYS[3]]
    print(_machine.table([*headings, "× faster, both float32"], [timed(one) for one in found]))


def arguments():
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sklearn_migration", description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="name", help=f"of {', '.join(map(repr, FILES))}; all, if none")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--cores", type=int, nargs="+", default=[1, 2])
    given = parser.parse_args()
    unknown = [name for name in given.names if name not in FILES]
    if unknown:
        parser.error(f"there is no {unknown[0]!r}, but {', '.join(map(repr, FILES))}")
    return vars(given)


if __name__ == "__main__":
    if sys.argv[1:2] == ["child"]:
        child(int(sys.argv[2]), sys.argv[3:])
    else:
        main(**arguments())
