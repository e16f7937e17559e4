"""`MLPClassifier.fit` against scikit-learn's, wall time: MNIST 784-100-10, relu, Adam, batch 200, 5 epochs, float32.

Both get the same settings, weights and shuffles. The tables also show the results: the loss on the training images and
the accuracy on the test images. The data are in the folder that benchmarks/tables.py uses.
"""

import json
import os
import sys
import warnings
from statistics import median

from benchmarks import _machine, _process
from benchmarks.tables import DATA

SETTINGS = {
    "hidden_layer_sizes": (100,),
    "activation": "relu",
    "solver": "adam",
    "alpha": 1e-4,
    "batch_size": 200,
    "learning_rate_init": 1e-3,
    "max_iter": 5,
    "random_state": 0,
}
GOAL = 4.0


def images(part):
    import numpy as np

    from deltaprop.data.sources import load

    source = load(DATA / "mnist" / f"{part}-images-idx3-ubyte.gz")
    return (source.X.reshape(len(source.X), -1) / np.float32(255)).astype(np.float32), source.y.astype(int)


def child(rounds):
    """One JSON object: seconds of every fit, losses, accuracies."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.metrics import log_loss
    from sklearn.neural_network import MLPClassifier

    import deltaprop as dp
    from deltaprop.bench.timing import Contender, take_turns

    warnings.simplefilter("ignore", ConvergenceWarning)  # five epochs are asked for, not convergence
    X, y = images("train")
    unseen = images("t10k")
    models = {"deltaprop": dp.MLPClassifier(**SETTINGS), "scikit-learn": MLPClassifier(**SETTINGS)}
    contenders = [Contender(name, lambda model=model: model.fit(X, y)) for name, model in models.items()]
    found = {"seconds": take_turns(contenders, rounds=rounds, least=0.0), "threads": len(os.sched_getaffinity(0))}
    found["loss"] = {name: float(log_loss(y, model.predict_proba(X))) for name, model in models.items()}
    found["accuracy"] = {name: float(model.score(*unseen)) for name, model in models.items()}
    found["engine"] = models["deltaprop"].network_.engine
    print(json.dumps(found))


def row(found):
    from deltaprop.bench.timing import ratio

    own, other = found["seconds"]["deltaprop"], found["seconds"]["scikit-learn"]
    faster = ratio(other, own)
    verdict = "met" if faster >= GOAL else f"missed by {1 - faster / GOAL:.0%}"
    both = [f"{found[what]['deltaprop']:.4f}, {found[what]['scikit-learn']:.4f}" for what in ("loss", "accuracy")]
    times = [f"{median(own):.2f}", f"{median(other):.2f}", f"{faster:.2f}", f"{GOAL:.1f}, {verdict}"]
    return [f"{found['threads']}, {found['engine']}", *times, *both]


def main(rounds=5):
    if not (DATA / "mnist").is_dir():
        print(f"skipped: there is no folder {DATA / 'mnist'}; DELTAPROP_DATA may name the folder that holds it")
        return
    print(_machine.heading("benchmarks.fit"))
    found = [one for n in (1, 2) for one in _process.results("benchmarks.fit", n, "child", str(rounds))]
    headings = ["cores, engine", "deltaprop, s", "scikit-learn, s", "× faster", "goal", "losses", "accuracies"]
    print(_machine.table(headings, [row(one) for one in found]))


if __name__ == "__main__":
    if sys.argv[1:2] == ["child"]:
        child(int(sys.argv[2]))
    else:
        main(*map(int, sys.argv[1:]))
