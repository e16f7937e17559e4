"""JAX: the whole step compiled, its parameters donated; and the whole epoch as one lax.scan.

Each with W^l as it is, (n_l, n_(l-1)), and transposed: which one is faster in XLA depends on the net.
"""

from functools import partial

import numpy as np

from deltaprop.bench.cases import RATE, Job
from deltaprop.bench.timing import Contender


def _logits(theta, a, turned):
    import jax

    *hidden, (W, b) = [(W if turned else W.T, b) for W, b in theta]
    for W_l, b_l in hidden:
        a = jax.nn.sigmoid(a @ W_l + b_l)
    return a @ W + b


def _step(theta, X, y, rows, turned):
    import jax

    def cost(theta):
        log_p = jax.nn.log_softmax(_logits(theta, X[rows], turned))
        return -(jax.nn.one_hot(y[rows], log_p.shape[1]) * log_p).sum(axis=1).mean()

    value, gradient = jax.value_and_grad(cost)(theta)
    return jax.tree.map(lambda array, d: array - RATE * d, theta, gradient), value


class _Net:
    """Parameters on JAX's side, which every step replaces; run ends when the last step has."""

    def __init__(self, job: Job, turned: bool) -> None:
        import jax.numpy as jnp

        self.job, self.turned = job, turned
        self.name = "W turned" if turned else "W as it is"
        self.X, self.y = jnp.asarray(job.X), jnp.asarray(job.y, dtype=np.int32)
        self.reset()

    def reset(self) -> None:
        import jax.numpy as jnp

        pairs = zip(self.job.W(), self.job.b(), strict=True)
        self.theta = [(jnp.array(np.ascontiguousarray(W.T) if self.turned else W), jnp.array(b)) for W, b in pairs]


def jit(job: Job, turned: bool) -> Contender:
    import jax
    import jax.numpy as jnp

    net = _Net(job, turned)
    step = jax.jit(partial(_step, turned=turned), donate_argnums=0)
    batches = [jnp.asarray(rows, dtype=np.int32) for rows in job.batches]

    def run():
        costs = []
        for rows in batches:
            net.theta, cost = step(net.theta, net.X, net.y, rows)
            costs.append(cost)
        jax.block_until_ready(net.theta)
        return costs

    return Contender(f"jit, {net.name}", run, net.reset)


def scan(job: Job, turned: bool) -> Contender:
    import jax
    import jax.numpy as jnp

    net = _Net(job, turned)
    order = jnp.asarray(np.stack(job.batches), dtype=np.int32)

    def epoch(theta, X, y, order):
        return jax.lax.scan(lambda theta, rows: _step(theta, X, y, rows, turned), theta, order)

    epoch = jax.jit(epoch, donate_argnums=0)

    def run():
        net.theta, costs = epoch(net.theta, net.X, net.y, order)
        return jax.block_until_ready(costs)

    return Contender(f"scan, {net.name}", run, net.reset)


def prediction(job: Job, turned: bool) -> Contender:
    import jax
    import jax.numpy as jnp

    net, x = _Net(job, turned), jnp.asarray(job.unseen)
    forward = jax.jit(lambda theta, x: jax.nn.softmax(_logits(theta, x, turned)))
    return Contender(f"forward, {net.name}", lambda: jax.block_until_ready(forward(net.theta, x)))


def _both(make) -> list:
    return [partial(make, turned=turned) for turned in (False, True)]


TRAINING = {"JAX jit: step": _both(jit), "JAX scan: epoch": _both(scan)}
PREDICTION = {"JAX jit": _both(prediction)}
