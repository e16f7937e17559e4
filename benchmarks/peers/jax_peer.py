"""JAX: the whole step compiled, its parameters donated; and the whole epoch as one lax.scan."""

import numpy as np

from deltaprop.bench.cases import RATE, Job
from deltaprop.bench.timing import Contender


def _logits(theta, a):
    import jax

    *hidden, (W, b) = theta
    for W_l, b_l in hidden:
        a = jax.nn.sigmoid(a @ W_l.T + b_l)
    return a @ W.T + b


def _step(theta, X, y, rows):
    import jax

    def cost(theta):
        log_p = jax.nn.log_softmax(_logits(theta, X[rows]))
        return -(jax.nn.one_hot(y[rows], log_p.shape[1]) * log_p).sum(axis=1).mean()

    value, gradient = jax.value_and_grad(cost)(theta)
    return jax.tree.map(lambda array, d: array - RATE * d, theta, gradient), value


class _Net:
    """Parameters on JAX's side, which every step replaces; run ends when the last step has."""

    def __init__(self, job: Job) -> None:
        import jax.numpy as jnp

        self.job, self.X, self.y = job, jnp.asarray(job.X), jnp.asarray(job.y, dtype=np.int32)
        self.reset()

    def reset(self) -> None:
        import jax.numpy as jnp

        self.theta = [tuple(map(jnp.array, layer)) for layer in zip(self.job.W(), self.job.b(), strict=True)]


def jit(job: Job) -> Contender:
    import jax
    import jax.numpy as jnp

    net = _Net(job)
    step = jax.jit(_step, donate_argnums=0)
    batches = [jnp.asarray(rows, dtype=np.int32) for rows in job.batches]

    def run():
        costs = []
        for rows in batches:
            net.theta, cost = step(net.theta, net.X, net.y, rows)
            costs.append(cost)
        jax.block_until_ready(net.theta)
        return costs

    return Contender("JAX jit", run, net.reset)


def scan(job: Job) -> Contender:
    import jax
    import jax.numpy as jnp

    net = _Net(job)
    order = jnp.asarray(np.stack(job.batches), dtype=np.int32)

    def epoch(theta, X, y, order):
        return jax.lax.scan(lambda theta, rows: _step(theta, X, y, rows), theta, order)

    epoch = jax.jit(epoch, donate_argnums=0)

    def run():
        net.theta, costs = epoch(net.theta, net.X, net.y, order)
        return jax.block_until_ready(costs)

    return Contender("JAX scan", run, net.reset)


def prediction(job: Job) -> Contender:
    import jax
    import jax.numpy as jnp

    theta, x = _Net(job).theta, jnp.asarray(job.unseen)
    forward = jax.jit(lambda theta, x: jax.nn.softmax(_logits(theta, x)))
    return Contender("JAX jit", lambda: jax.block_until_ready(forward(theta, x)))
