"""What an engine is held to: the loops of tests/naive.py for the reference engine, the reference engine for the rest.

An oracle always computes in float64, on the very numbers that the engine under test gets.
"""

from __future__ import annotations

from dataclasses import replace

import naive
import numpy as np

from deltaprop.engines.reference import ReferenceEngine

RULES = {"SGD": "sgd", "RMSprop": "rmsprop", "Adam": "adam", "AdamW": "adamw"}


def oracle_for(engine, spec):
    return NaiveOracle(spec) if engine.name == "reference" else ReferenceOracle(spec)


def written_out(Y, n):
    return np.eye(n)[Y] if Y.ndim == 1 else np.asarray(Y, np.float64)


class NaiveOracle:
    """tests/naive.py behind arrays."""

    def __init__(self, spec):
        self.spec = spec

    def layers(self, theta):
        """Layer by layer; one of scales as the dense layer W = diag(s), b = 0."""
        found = []
        for l, sigma in enumerate(self.spec.activations, 1):
            p = self.spec.arrays(theta, l)
            W, b = (np.diag(p["s"]), 0 * p["s"]) if "s" in p else (p["W"], p["b"])
            found.append(naive.NaiveLayer(W.tolist(), b.tolist(), sigma.name))
        return found

    def backprop(self, theta, data, masks=None):
        rows = written_out(data.Y, self.spec.sizes[-1]).tolist()
        weights = None if data.weight is None else data.weight.tolist()
        return naive.backprop(self.layers(theta), data.X.tolist(), rows, self.spec.cost.name, weights, masks)

    def forward(self, theta, X):
        layers = self.layers(theta)
        outputs = [naive.forward_one(layers, x, {})[1][-1] for x in X.tolist()]
        return np.array(outputs).reshape(len(X), self.spec.sizes[-1])

    def evaluate(self, theta, data):
        found = self.backprop(theta, data)
        return found.cost, np.array(found.outputs)

    def gradients(self, theta, data, masks=None):
        found = self.backprop(theta, data, masks)
        of = {"W": found.dW, "b": found.db, "s": [np.diagonal(dW) if len(dW) == len(dW[0]) else () for dW in found.dW]}
        return found.cost, np.concatenate([np.ravel(of[block.name][block.layer - 1]) for block in self.spec.blocks])

    def input_gradient(self, theta, data):
        return np.array(self.backprop(theta, data).dx)

    def masks(self, rules, step, m):
        widths = enumerate(self.spec.sizes[1:-1], 1)
        drawn = ((l, n, rules.dropout[l - 1]) for l, n in widths if rules.dropout and rules.dropout[l - 1])
        return {l: naive.dropout_rows(p, n, m, rules.seed, step, l) for l, n, p in drawn}

    def by_number(self, what):
        """A field of the blocks, for every number of θ."""
        return np.repeat(
            [getattr(block, what) for block in self.spec.blocks], [np.prod(b.shape) for b in self.spec.blocks]
        )

    def train(self, theta, rules, data, steps):
        """(θ, slots, costs) after the steps, from zeroed slots."""
        theta, decays, factors = theta.copy(), self.by_number("decays"), self.by_number("rate")
        slots, costs = np.zeros((2, theta.size)), []
        for s, rate in enumerate(steps.rates.tolist()):
            batch, t = data.take(steps.rows(s)), steps.first + s
            cost, g = self.gradients(theta, batch, self.masks(rules, t, len(batch)))
            costs.append(cost)
            heavy = 1.0 if not rules.by_weight else len(batch) if batch.weight is None else sum(batch.weight.tolist())
            signs = np.array([naive.sign(w) for w in theta])
            g += decays * (rules.l2 * theta + rules.l1 * signs) / heavy
            length = sum(v * v for v in g) ** 0.5
            if rules.clip_norm is not None and length > rules.clip_norm:
                g *= rules.clip_norm / length
            theta *= 1 - decays * rate * factors * rules.optimizer.weight_decay
            move(rules.optimizer, theta, g, slots, rate * factors, t + 1)
        return theta, slots[: len(rules.optimizer.slots)], np.array(costs)


def move(optimizer, theta, g, slots, rates, t):
    rule = naive_rule(optimizer)
    for i in range(theta.size):
        own = slots[:, i].tolist()
        theta[i] = rule.step(theta[i], g[i], own, rates[i], t)
        slots[:, i] = own


def naive_rule(optimizer):
    kind = RULES[type(optimizer).__name__]
    if kind == "sgd" and optimizer.momentum:
        kind = "nesterov" if optimizer.nesterov else "momentum"
        return naive.NaiveRule(kind, {"momentum": optimizer.momentum})
    return naive.NaiveRule(kind)


class ReferenceOracle:
    """The reference engine in float64."""

    def __init__(self, spec):
        self.plan = ReferenceEngine().plan(replace(spec, dtype=np.dtype("float64")), 1 << 20)
        self.forward, self.evaluate, self.input_gradient = (
            self.plan.forward,
            self.plan.evaluate,
            self.plan.input_gradient,
        )

    def gradients(self, theta, data):
        return self.plan.gradients(theta, data), self.plan.grad.copy()

    def train(self, theta, rules, data, steps):
        theta, slots = theta.copy(), tuple(np.zeros(theta.size) for _ in rules.optimizer.slots)
        report = train(self.plan, theta, slots, rules, data, steps)
        assert report.done == len(steps)
        return theta, slots, report.costs


def wide(data):
    """The same examples in float64."""
    return replace(data, X=data.X.astype(np.float64), Y=data.Y if data.Y.ndim == 1 else data.Y.astype(np.float64))


def train(plan, theta, slots, rules, data, steps):
    """One training of these steps; its report."""
    training = plan.begin(theta, slots, rules, data)
    try:
        return training.run(steps)
    finally:
        training.close()
