"""Hand-written NumPy in its fastest form: every array is allocated once and reused."""

import numpy as np

from deltaprop.bench.cases import RATE, Job
from deltaprop.bench.timing import Contender

ROWS = 1024


class ByHand:
    """Weights as rows see them, and buffers for one batch."""

    def __init__(self, job: Job, rows: int) -> None:
        self.W, self.b = job.W(), job.b()
        sizes = job.case.sizes
        self.a = [np.empty((rows, n), np.float32) for n in sizes]
        self.delta = [np.empty_like(a) for a in self.a]
        self.dW = [np.empty_like(W) for W in self.W]
        self.place = np.arange(rows)

    def forward(self) -> np.ndarray:
        last = len(self.W) - 1
        for l, (W, b) in enumerate(zip(self.W, self.b, strict=True)):
            a = self.a[l + 1]
            np.matmul(self.a[l], W.T, out=a)
            a += b
            if l < last:
                np.negative(a, out=a)
                np.exp(a, out=a)
                a += 1
                np.reciprocal(a, out=a)
        a -= a.max(axis=1, keepdims=True)
        np.exp(a, out=a)
        a /= a.sum(axis=1, keepdims=True)
        return a

    def step(self, X: np.ndarray, y: np.ndarray, rows: np.ndarray) -> float:
        np.take(X, rows, axis=0, out=self.a[0], mode="clip")
        classes, rate = y[rows], np.float32(RATE)
        p = self.forward()
        cost = -np.log(p[self.place, classes]).mean()
        p[self.place, classes] -= 1
        p /= len(rows)
        delta = p
        for l in range(len(self.W) - 1, -1, -1):
            W, a = self.W[l], self.a[l]
            np.matmul(delta.T, a, out=self.dW[l])
            db = delta.sum(axis=0)
            if l:
                np.matmul(delta, W, out=self.delta[l])
                delta = self.delta[l]
                delta *= a
                np.subtract(1, a, out=a)
                delta *= a
            self.dW[l] *= rate
            W -= self.dW[l]
            self.b[l] -= rate * db
        return cost


def step(job: Job) -> Contender:
    net, batches = ByHand(job, job.case.batch), job.batches

    def reset() -> None:
        for there, here in zip([*net.W, *net.b], [*job.W(), *job.b()], strict=True):
            there[...] = here

    return Contender("NumPy", lambda: [net.step(job.X, job.y, rows) for rows in batches], reset)


def prediction(job: Job) -> Contender:
    """A thousand rows at a time: the arrays of one batch stay in the cache."""
    parts = [slice(start, start + ROWS) for start in range(0, len(job.unseen), ROWS)]
    nets = {m: ByHand(job, m) for m in {len(job.unseen[part]) for part in parts}}
    out = np.empty((len(job.unseen), job.case.sizes[-1]), np.float32)

    def run() -> np.ndarray:
        for part in parts:
            rows = job.unseen[part]
            net = nets[len(rows)]
            net.a[0] = rows
            out[part] = net.forward()
        return out

    return Contender("NumPy", run)
