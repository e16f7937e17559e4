"""Thirty trainings whose results must keep their bits, and the record of them in bits.json.

`python tests/golden/trainings.py --record` writes the record anew. Run so only after a change that is meant to change
bits, and say so in the changelog. The arithmetic of NumPy and SciPy is pinned to AVX2 and one thread, so that the
record holds on every x86-64 processor that has AVX2.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import warnings
from pathlib import Path

RECORD = Path(__file__).with_name("bits.json")
SETS = ("avx512", "avx2", "base")


def pinned_environment(instruction_set=None):
    """Environment variables under which NumPy, SciPy and the native engine compute the same bits on many processors."""
    from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__

    above = ("AVX512", "X86_V4", "AVX10", "AMX")
    off = [name for name in __cpu_dispatch__ if name.startswith(above) and __cpu_features__.get(name)]
    environment = {
        **os.environ,
        "OPENBLAS_CORETYPE": "Haswell",
        "OPENBLAS_NUM_THREADS": "1",
        "NPY_DISABLE_CPU_FEATURES": " ".join(off),
    }
    environment.pop("DELTAPROP_INSTRUCTION_SET", None)
    if instruction_set:
        environment["DELTAPROP_INSTRUCTION_SET"] = instruction_set
    return environment


def digest(*arrays):
    """Sixteen hexadecimal digits of the bytes of these arrays."""
    import numpy as np

    h = hashlib.sha256()
    for array in arrays:
        h.update(np.ascontiguousarray(array).tobytes())
    return h.hexdigest()[:16]


def probe():
    """What NumPy's and SciPy's own arithmetic gives here: the record holds where this is the same."""
    import numpy as np
    from scipy.special import erfcx

    rng = np.random.default_rng(0)
    found = [rng.standard_normal(1000), rng.permutation(100), np.random.RandomState(0).uniform(size=10)]
    for dtype in (np.float32, np.float64):
        z = np.linspace(-20, 20, 4001).astype(dtype)
        found += [
            np.exp(z),
            np.tanh(z),
            np.log1p(np.exp(-abs(z))),
            np.expm1(np.minimum(z, 0)),
            erfcx(abs(z)),
            np.sqrt(abs(z)),
        ]
        for m, n, k in ((1, 5, 3), (7, 20, 16), (32, 33, 64), (200, 64, 10)):
            A, B = rng.standard_normal((m, n)).astype(dtype), rng.standard_normal((n, k)).astype(dtype)
            found += [A @ B, A.sum(axis=0), A.T @ A, np.vdot(A, A)]
    return digest(*found)


def problem(n_in, n_out, m=150, kind="classes"):
    """Rows X and targets Y."""
    import numpy as np

    rng = np.random.default_rng(n_in * 1000 + n_out)
    X = rng.integers(-1024, 1024, (m, n_in)) / 512
    score = X[:, :n_out] * 2 + X[:, ::-1][:, :n_out]
    if kind == "classes":
        return X, score.argmax(axis=1)
    if kind == "labels":
        return X, (score > 0).astype(float)
    if kind == "counts":
        return X, np.floor(np.abs(score))
    return X, score


def trained(
    sizes, *, X=None, Y=None, kind="classes", dtype="float32", engine="auto", n_threads=2, net=None, **training
):
    """(θ, costs) of a training with dp.train."""
    import numpy as np

    import deltaprop as dp

    rows, targets = problem(sizes[0], sizes[-1], kind=kind)
    X, Y = rows if X is None else X, targets if Y is None else Y
    network = dp.Network(sizes, dtype=dtype, seed=7, engine=engine, n_threads=2, **(net or {}))
    history = dp.train(network, X, Y, **{"epochs": 4, "seed": 3, **training})
    return network.theta, np.array(history.cost), np.array([history.best_epoch or 0, history.steps])


def number_net(cost="quadratic", output="identity", activation="tanh"):
    return {"activation": activation, "output": output, "cost": cost}


def weights(m=150):
    import numpy as np

    return np.arange(m) % 5 / 4.0


def sparse(n_in):
    from scipy.sparse import csr_array

    X, _ = problem(n_in, 3)
    X[abs(X) < 1.2] = 0
    return csr_array(X)


def own_pair(**more):
    """A σ of the user's own, which the reference engine runs."""
    import deltaprop as dp

    cube = dp.Activation("cube", lambda z: z**3, lambda z: 3 * z**2)
    return trained((6, 5, 3), net={"activation": cube}, optimizer=dp.SGD(0.01), **more)


def fitted(name, X, y, *, calls=0, engine="auto", fit=None, **parameters):
    """(weights, losses) of an estimator's fit, or of `calls` calls of partial_fit."""
    import numpy as np

    import deltaprop as dp

    model = getattr(dp, name)(random_state=5, n_threads=2, **{"max_iter": 6, "engine": engine, **parameters})
    for _ in range(calls):
        model.partial_fit(X, y, **(fit or {}))
    if not calls:
        model.fit(X, y, **(fit or {}))
    return *model.coefs_, *model.intercepts_, np.array(model.loss_curve_), np.array([model.n_iter_, model.t_])


def table(engine="auto", **parameters):
    """θ of a TableModel on a frame with text and missing values."""
    import numpy as np
    import pandas as pd

    import deltaprop as dp

    X, y = problem(4, 2)
    frame = pd.DataFrame(
        {"a": X[:, 0], "b": X[:, 1], "c": np.where(X[:, 2] > 0, "up", "down"), "y": np.where(y, "p", "q")}
    )
    frame.loc[frame.index % 7 == 0, "a"] = np.nan
    model = dp.TableModel((8,), epochs=4, seed=1, engine=engine, n_threads=2, **parameters).fit(frame, "y")
    return model.network.theta, np.array(model.history.cost)


def trainings():
    """Every training by name, as a function of the engine."""
    import deltaprop as dp

    classes, y3 = problem(8, 3)
    _, yes = problem(8, 2)
    numbers = problem(8, 2, kind="numbers")
    labels = problem(8, 3, kind="labels")[1]
    counts = problem(8, 1, kind="counts")[1].ravel()
    deep = ["sigmoid", "gelu", "silu", "mish", "softplus", "selu", "elu", "leaky_relu"]
    f64 = {"dtype": "float64"}
    return {
        "sgd f32": lambda **e: trained((20, 16, 3), optimizer=dp.SGD(0.3), net={"activation": "sigmoid"}, **e),
        "sgd momentum f64": lambda **e: trained((20, 16, 3), optimizer=dp.SGD(0.1, momentum=0.9), **f64, **e),
        "sgd nesterov f32": lambda **e: trained((20, 33, 3), optimizer=dp.SGD(0.1, 0.9, True), **e),
        "rmsprop f32": lambda **e: trained((20, 16, 3), optimizer=dp.RMSprop(1e-2), **e),
        "adam f32": lambda **e: trained((33, 65, 17, 5), optimizer=dp.Adam(1e-2), **e),
        "adam f64": lambda **e: trained((33, 65, 17, 5), optimizer=dp.Adam(1e-2), **f64, **e),
        "adamw f32": lambda **e: trained((7, 9, 3), optimizer=dp.AdamW(1e-2, weight_decay=0.1), **e),
        "lbfgs f64": lambda **e: trained((7, 9, 3), optimizer=dp.LBFGS(), l2=1e-3, **f64, **e),
        "l1 and l2 f32": lambda **e: trained((20, 16, 3), optimizer=dp.SGD(0.1), l1=1e-3, l2=1e-2, **e),
        "clipped f32": lambda **e: trained(
            (20, 16, 3), optimizer=dp.SGD(0.5, momentum=0.5), clip_norm=0.1, l2=1e-3, **e
        ),
        "dropout f32": lambda **e: trained((20, 16, 9, 3), dropout=[0.5, 0.2], **e),
        "weighted f64": lambda **e: trained((20, 16, 3), sample_weight=weights(), l2=1e-3, **f64, **e),
        "sparse f32": lambda **e: trained((40, 16, 3), X=sparse(40), optimizer=dp.SGD(0.2), **e),
        "early stopping f32": lambda **e: trained((20, 16, 3), validation=0.2, early_stopping=1, epochs=9, **e),
        "one cycle f32": lambda **e: trained((20, 16, 3), schedule="one_cycle", **e),
        "plateau f64": lambda **e: trained(
            (20, 16, 3), schedule=dp.ReduceOnPlateau(patience=1), optimizer=dp.SGD(2.0), epochs=8, **f64, **e
        ),
        "deep f64": lambda **e: trained((9, *[6] * 8, 4), net={"activation": deep}, **f64, **e),
        "deep f32": lambda **e: trained((9, *[6] * 8, 4), net={"activation": deep}, clip_norm=1.0, **e),
        "labels f32": lambda **e: trained((8, 12, 3), kind="labels", net={"output": "sigmoid"}, **e),
        "poisson f64": lambda **e: trained((8, 12, 2), kind="counts", net=number_net("poisson", "exp"), **f64, **e),
        "huber f32": lambda **e: trained((8, 12, 2), kind="numbers", net=number_net("huber(0.7)"), **e),
        "quantile f32": lambda **e: trained((8, 12, 2), kind="numbers", net=number_net("quantile(0.9)"), **e),
        "softmax quadratic f64": lambda **e: trained((8, 12, 3), net=number_net("quadratic", "softmax"), **f64, **e),
        "whole batch f32": lambda **e: trained((20, 16, 3), batch_size=None, shuffle=False, **e),
        "own sigma f64": lambda **e: own_pair(**f64, **e),
        "classifier adam": lambda **e: fitted("MLPClassifier", classes, y3, hidden_layer_sizes=(16, 7), **e),
        "classifier sgd, early stopping f32": lambda **e: fitted(
            "MLPClassifier", classes.astype("f"), yes, solver="sgd", early_stopping=True, learning_rate="adaptive", **e
        ),
        "classifier partial fits, labels": lambda **e: fitted(
            "MLPClassifier", classes, labels, calls=3, dropout=0.3, **e
        ),
        "regressor lbfgs": lambda **e: fitted("MLPRegressor", *numbers, solver="lbfgs", **e),
        "regressor poisson, weights": lambda **e: fitted(
            "MLPRegressor", numbers[0], counts, loss="poisson", fit={"sample_weight": weights() + 0.5}, **e
        ),
        "table": lambda **e: table(**e),
    }


def results(engine):
    """The digest of every training on this engine."""
    warnings.simplefilter("ignore")
    return {name: digest(*run(engine=engine)) for name, run in trainings().items() if fits(name, engine)}


def fits(name, engine):
    return not (engine == "native" and name.startswith("own"))


def run_pinned(engine, instruction_set=None):
    """{"probe": ..., "bits": {training: digest}} from a process of its own, in the pinned environment."""
    command = [sys.executable, __file__, engine]
    environment = pinned_environment(instruction_set)
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr)
    return json.loads(done.stdout.splitlines()[-1])


def main():
    if sys.argv[1:] == ["--record"]:
        found = {"reference": run_pinned("reference")}
        found |= {f"native-{name}": run_pinned("native", name) for name in SETS}
        record = {"probe": found["reference"]["probe"], "compiler": found["native-base"]["compiler"]}
        record["bits"] = {engine: here["bits"] for engine, here in found.items()}
        RECORD.write_text(json.dumps(record, indent=1) + "\n", "utf-8")
    else:
        try:
            from deltaprop import _native
        except ImportError:
            _native = None
        found = {"probe": probe(), "compiler": getattr(_native, "COMPILER", None), "bits": results(sys.argv[1])}
        print(json.dumps(found))


if __name__ == "__main__":
    main()
