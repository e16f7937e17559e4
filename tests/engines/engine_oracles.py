"""What an engine is held to: the loops of tests/naive.py for the reference engine, the reference engine for the rest.

An oracle always computes in float64, on the very numbers that the engine under test gets.
"""

from __future__ import annotations

from dataclasses import replace

import naive
import numpy as np

from deltaprop.engines.reference import ReferenceEngine

KINDS = {"SGD": "sgd", "RMSprop": "rmsprop", "Adam": "adam", "AdamW": "adamw"}


def oracle_for(engine, spec):
    return NaiveOracle(spec) if engine.name == "reference" else ReferenceOracle(spec)


def written_out(Y, n):
    return np.eye(n)[Y] if Y.ndim == 1 else np.asarray(Y, np.float64)


class NaiveOracle:
    """tests/naive.py behind arrays."""

    def __init__(self, spec):
        self.spec = spec

    def layers(self, theta):
        parts = zip(self.spec.weights(theta), self.spec.biases(theta), self.spec.activations, strict=True)
        return [naive.NaiveLayer(W.tolist(), b.tolist(), sigma.name) for W, b, sigma in parts]

    def backprop(self, theta, X, Y, weight, masks=None):
        rows = written_out(Y, self.spec.sizes[-1]).tolist()
        weights = None if weight is None else weight.tolist()
        return naive.backprop(self.layers(theta), X.tolist(), rows, self.spec.cost.name, weights, masks)

    def forward(self, theta, X):
        layers = self.layers(theta)
        outputs = [naive.forward_one(layers, x, {})[1][-1] for x in X.tolist()]
        return np.array(outputs).reshape(len(X), self.spec.sizes[-1])

    def evaluate(self, theta, X, Y, weight):
        found = self.backprop(theta, X, Y, weight)
        return found.cost, np.array(found.outputs)

    def gradients(self, theta, X, Y, weight, masks=None):
        found = self.backprop(theta, X, Y, weight, masks)
        return found.cost, np.concatenate([np.ravel(part) for part in (*found.dW, *found.db)])

    def input_gradient(self, theta, X, Y, weight):
        return np.array(self.backprop(theta, X, Y, weight).dx)

    def masks(self, rules, step, m):
        widths = enumerate(self.spec.sizes[1:-1], 1)
        drawn = ((l, n, rules.dropout[l - 1]) for l, n in widths if rules.dropout and rules.dropout[l - 1])
        return {l: naive.dropout_rows(p, n, m, rules.seed, step, l) for l, n, p in drawn}

    def train(self, theta, rules, steps):
        """(θ, slots, costs) after the steps, from zeroed slots."""
        theta, n_weights = theta.copy(), self.spec.n_weights
        slots, costs = np.zeros((2, theta.size)), []
        for s, rate in enumerate(steps.rates.tolist()):
            X, Y, weight = steps.batch(s)
            t = steps.first + s
            cost, g = self.gradients(theta, X, Y, weight, self.masks(rules, t, len(X)))
            costs.append(cost)
            W = theta[:n_weights]
            heavy = 1.0 if not rules.by_weight else len(X) if weight is None else sum(weight.tolist())
            signs = np.array([naive.sign(w) for w in W])
            g[:n_weights] += (rules.l2 * W + rules.l1 * signs) / heavy
            length = sum(v * v for v in g) ** 0.5
            if rules.clip_norm is not None and length > rules.clip_norm:
                g *= rules.clip_norm / length
            theta[:n_weights] *= 1 - rate * rules.optimizer.weight_decay
            move(rules.optimizer, theta, g, slots, rate, t + 1)
        return theta, slots[: len(rules.optimizer.slots)], np.array(costs)


def move(optimizer, theta, g, slots, rate, t):
    rule = naive_rule(optimizer)
    for i in range(theta.size):
        own = slots[:, i].tolist()
        theta[i] = rule.step(theta[i], g[i], own, rate, t)
        slots[:, i] = own


def naive_rule(optimizer):
    kind = KINDS[type(optimizer).__name__]
    if kind == "sgd" and optimizer.momentum:
        kind = "nesterov" if optimizer.nesterov else "momentum"
        return naive.NaiveRule(kind, {"momentum": optimizer.momentum})
    return naive.NaiveRule(kind)


class ReferenceOracle:
    """The reference engine in float64."""

    def __init__(self, spec):
        self.plan = ReferenceEngine().plan(replace(spec, dtype=np.dtype("float64")), 1 << 20)

    def forward(self, theta, X):
        return self.plan.forward(theta, X)

    def evaluate(self, theta, X, Y, weight):
        return self.plan.evaluate(theta, X, Y, weight)

    def gradients(self, theta, X, Y, weight):
        return self.plan.gradients(theta, X, Y, weight), self.plan.grad.copy()

    def input_gradient(self, theta, X, Y, weight):
        return self.plan.input_gradient(theta, X, Y, weight)

    def train(self, theta, rules, steps):
        theta, slots = theta.copy(), tuple(np.zeros(theta.size) for _ in rules.optimizer.slots)
        mine = replace_rows(steps)
        assert self.plan.train(theta, slots, rules, mine) == len(steps.rates)
        return theta, slots, mine.costs


def replace_rows(steps):
    """The same steps over float64 copies of the rows, with costs of their own."""
    Y = steps.Y if steps.Y.ndim == 1 else steps.Y.astype(np.float64)
    return replace(steps, X=steps.X.astype(np.float64), Y=Y)
