"""Wrong backprops as functions: loss_and_grads(params, X, Y), rows as examples, Z = A @ W + b.

Some take params as pairs, some as a dictionary, some as two lists; the batch is averaged unless it says otherwise.
"""

from __future__ import annotations

import numpy as np
from kinds import planted
from their_maths import F, cost, delta_L, grad_a, output, relu_prime, tanh_prime


def of_kind(code, kind):
    """The function for this kind of network."""

    def loss_and_grads(params, X, Y):
        return code(kind, params, X, Y)

    loss_and_grads.__name__ = code.__name__
    return loss_and_grads


def forward(kind, Ws, bs, X):
    A, Zs = [X], []
    for i, (W, b) in enumerate(zip(Ws, bs, strict=True)):
        Zs.append(A[-1] @ W + b)
        A.append(output(kind, Zs[-1], 1) if i == len(Ws) - 1 else F[kind.activation][0](Zs[-1]))
    return Zs, A


def mean_loss(kind, A, Y):
    return float(np.mean(cost(kind, A, Y, 1)))


@planted("BP1", "sigma_prime_forgotten", kinds="book deep counts robust one")
def output_without_sigma_prime(kind, params, X, Y):
    Ws, bs = [p[0] for p in params], [p[1] for p in params]
    Zs, A = forward(kind, Ws, bs, X)
    grads, D = [], grad_a(kind.cost, A[-1], Y) / len(X)
    for i in reversed(range(len(Ws))):
        grads.insert(0, (A[i].T @ D, D.sum(axis=0)))
        if i > 0:
            D = (D @ Ws[i].T) * F[kind.activation][1](Zs[i - 1])
    return mean_loss(kind, A[-1], Y), grads


@planted("BP2", "sigma_prime_forgotten", kinds="book classes yesno")
def hidden_without_sigma_prime(kind, params, X, Y):
    L, m = len(params) // 2, X.shape[0]
    Ws, bs = [params[f"W{l}"] for l in range(1, L + 1)], [params[f"b{l}"] for l in range(1, L + 1)]
    Zs, A = forward(kind, Ws, bs, X)
    grads, D = {}, delta_L(kind, Zs[-1], A[-1], Y, 1)
    for l in range(L, 0, -1):
        grads[f"dW{l}"] = A[l - 1].T @ D / m
        grads[f"db{l}"] = D.sum(axis=0) / m
        D = D @ Ws[l - 1].T
    return mean_loss(kind, A[-1], Y), grads


@planted("BP2", "transpose_missing", kinds="book squares deep")
def weights_not_transposed(kind, params, X, Y):
    Ws, bs = [p[0] for p in params], [p[1] for p in params]
    Zs, A = forward(kind, Ws, bs, X)
    D = delta_L(kind, Zs[-1], A[-1], Y, 1) / len(X)
    grads = [None] * len(Ws)
    for i in reversed(range(len(Ws))):
        grads[i] = (A[i].T @ D, D.sum(axis=0))
        if i:
            D = (D @ Ws[i]) * F[kind.activation][1](Zs[i - 1])
    return mean_loss(kind, A[-1], Y), grads


@planted("BP2", "sigma_prime_of_a", kinds="deep classes counts")
def derivative_at_the_activation(kind, params, X, Y):
    Ws, bs = params
    Zs, A = forward(kind, Ws, bs, X)
    D = delta_L(kind, Zs[-1], A[-1], Y, 1) / len(X)
    dWs, dbs = [], []
    for i in range(len(Ws) - 1, -1, -1):
        dWs.append(A[i].T @ D)
        dbs.append(D.sum(axis=0))
        D = np.matmul(D, Ws[i].T) * F[kind.activation][1](A[i])
    return mean_loss(kind, A[-1], Y), (dWs[::-1], dbs[::-1])


@planted("BP2", "sigma_prime_of_another_activation", kinds="book classes")
def derivative_of_relu(kind, params, X, Y):
    Ws, bs = [p[0] for p in params], [p[1] for p in params]
    Zs, A = forward(kind, Ws, bs, X)
    D = delta_L(kind, Zs[-1], A[-1], Y, 1) / len(X)
    grads = []
    for i in reversed(range(len(Ws))):
        grads.append((A[i].T @ D, D.sum(axis=0)))
        if i:
            D = (D @ Ws[i].T) * relu_prime(Zs[i - 1])
    return mean_loss(kind, A[-1], Y), grads[::-1]


@planted("BP1", "sigma_prime_of_another_activation", kinds="book one")
def derivative_of_tanh_at_the_output(kind, params, X, Y):
    Ws, bs = [p[0] for p in params], [p[1] for p in params]
    Zs, A = forward(kind, Ws, bs, X)
    D = (A[-1] - Y) * tanh_prime(Zs[-1]) / len(X)
    grads = []
    for i in reversed(range(len(Ws))):
        grads.append((A[i].T @ D, D.sum(axis=0)))
        if i:
            D = (D @ Ws[i].T) * F[kind.activation][1](Zs[i - 1])
    return mean_loss(kind, A[-1], Y), grads[::-1]


@planted("BP1", "mean_forgotten", kinds="book classes single line")
def mean_of_the_loss_sum_of_the_gradient(kind, params, X, Y):
    L = len(params) // 2
    Ws, bs = [params[f"W{l + 1}"] for l in range(L)], [params[f"b{l + 1}"] for l in range(L)]
    Zs, A = forward(kind, Ws, bs, X)
    grads, D = {}, delta_L(kind, Zs[-1], A[-1], Y, 1)
    for l in reversed(range(L)):
        grads[f"W{l + 1}"], grads[f"b{l + 1}"] = A[l].T @ D, D.sum(0)
        if l:
            D = D @ Ws[l].T * F[kind.activation][1](Zs[l - 1])
    return mean_loss(kind, A[-1], Y), grads


@planted("BP1", "mean_twice", kinds="book classes deep")
def divided_by_m_twice(kind, params, X, Y):
    m = len(X)
    Ws, bs = [p[0] for p in params], [p[1] for p in params]
    Zs, A = forward(kind, Ws, bs, X)
    D = delta_L(kind, Zs[-1], A[-1], Y, 1) / m
    grads = []
    for i in reversed(range(len(Ws))):
        grads.insert(0, (A[i].T @ D / m, D.mean(axis=0)))
        if i:
            D = (D @ Ws[i].T) * F[kind.activation][1](Zs[i - 1])
    return mean_loss(kind, A[-1], Y), grads


@planted("BP2", "mean_twice", kinds="book classes deep")
def divided_by_m_in_every_layer(kind, params, X, Y):
    m = len(X)
    Ws, bs = [p[0] for p in params], [p[1] for p in params]
    Zs, A = forward(kind, Ws, bs, X)
    D = delta_L(kind, Zs[-1], A[-1], Y, 1) / m
    grads = []
    for i in reversed(range(len(Ws))):
        grads.insert(0, (A[i].T @ D, D.sum(axis=0)))
        if i:
            D = (D @ Ws[i].T) * F[kind.activation][1](Zs[i - 1]) / m
    return mean_loss(kind, A[-1], Y), grads


@planted("BP3", "mean_forgotten", kinds="book classes counts")
def bias_summed_weights_averaged(kind, params, X, Y):
    Ws, bs = params
    Zs, A = forward(kind, Ws, bs, X)
    D = delta_L(kind, Zs[-1], A[-1], Y, 1)
    dWs, dbs = [], []
    for i in range(len(Ws) - 1, -1, -1):
        dWs.insert(0, A[i].T @ D / len(X))
        dbs.insert(0, D.sum(axis=0))
        D = D @ Ws[i].T * F[kind.activation][1](Zs[i - 1])
    return mean_loss(kind, A[-1], Y), (dWs, dbs)


@planted("BP4", "mean_forgotten", kinds="book classes yesno")
def weights_summed_bias_averaged(kind, params, X, Y):
    Ws, bs = [p[0] for p in params], [p[1] for p in params]
    Zs, A = forward(kind, Ws, bs, X)
    D = delta_L(kind, Zs[-1], A[-1], Y, 1)
    grads = []
    for i in reversed(range(len(Ws))):
        grads.append([A[i].T @ D, D.mean(axis=0)])
        if i:
            D = (D @ Ws[i].T) * F[kind.activation][1](Zs[i - 1])
    return mean_loss(kind, A[-1], Y), grads[::-1]


@planted("BP3", "wrong_axis", kinds="book classes deep")
def bias_summed_over_the_units(kind, params, X, Y):
    Ws, bs = [p[0] for p in params], [p[1] for p in params]
    Zs, A = forward(kind, Ws, bs, X)
    D = delta_L(kind, Zs[-1], A[-1], Y, 1) / len(X)
    grads = []
    for i in reversed(range(len(Ws))):
        grads.append((A[i].T @ D, D.sum(axis=1)))
        if i:
            D = (D @ Ws[i].T) * F[kind.activation][1](Zs[i - 1])
    return mean_loss(kind, A[-1], Y), grads[::-1]


@planted("BP3", "batch_sum_forgotten", kinds="book classes")
def bias_not_summed(kind, params, X, Y):
    Ws, bs = [p[0] for p in params], [p[1] for p in params]
    Zs, A = forward(kind, Ws, bs, X)
    D = delta_L(kind, Zs[-1], A[-1], Y, 1) / len(X)
    grads = []
    for i in reversed(range(len(Ws))):
        grads.append((A[i].T @ D, D))
        if i:
            D = (D @ Ws[i].T) * F[kind.activation][1](Zs[i - 1])
    return mean_loss(kind, A[-1], Y), grads[::-1]


@planted("BP4", "swapped", kinds="book deep squares")
def outer_product_swapped(kind, params, X, Y):
    Ws, bs = [p[0] for p in params], [p[1] for p in params]
    Zs, A = forward(kind, Ws, bs, X)
    D = delta_L(kind, Zs[-1], A[-1], Y, 1) / len(X)
    grads = []
    for i in reversed(range(len(Ws))):
        grads.append((D.T @ A[i], D.sum(axis=0)))
        if i:
            D = (D @ Ws[i].T) * F[kind.activation][1](Zs[i - 1])
    return mean_loss(kind, A[-1], Y), grads[::-1]


@planted("BP1", "factor", kinds="book line deep")
def half_in_the_loss_two_in_the_gradient(kind, params, X, Y):
    Ws, bs = [p[0] for p in params], [p[1] for p in params]
    Zs, A = forward(kind, Ws, bs, X)
    D = 2 * (A[-1] - Y) * F[kind.output][1](Zs[-1]) / len(X)
    grads = []
    for i in reversed(range(len(Ws))):
        grads.append((A[i].T @ D, D.sum(axis=0)))
        if i:
            D = (D @ Ws[i].T) * F[kind.activation][1](Zs[i - 1])
    return 0.5 * np.sum((A[-1] - Y) ** 2) / len(X), grads[::-1]


@planted("BP1", "sign", kinds="book classes single")
def target_minus_output(kind, params, X, Y):
    L = len(params) // 2
    Ws, bs = [params[f"W{l}"] for l in range(1, L + 1)], [params[f"b{l}"] for l in range(1, L + 1)]
    Zs, A = forward(kind, Ws, bs, X)
    D = -delta_L(kind, Zs[-1], A[-1], Y, 1) / len(X)
    grads = {}
    for l in range(L, 0, -1):
        grads[f"W{l}"], grads[f"b{l}"] = A[l - 1].T @ D, np.sum(D, axis=0, keepdims=True)
        D = D @ Ws[l - 1].T * F[kind.activation][1](Zs[l - 2])
    return mean_loss(kind, A[-1], Y), grads


@planted("BP1", "softmax_elementwise", kinds="classes squares soft single")
def softmax_as_if_elementwise(kind, params, X, Y):
    Ws, bs = [p[0] for p in params], [p[1] for p in params]
    Zs, A = forward(kind, Ws, bs, X)
    P = A[-1]
    dP = -Y / P if kind.cost == "cross_entropy" else P - Y
    D = dP * P * (1 - P) / len(X)
    grads = []
    for i in reversed(range(len(Ws))):
        grads.append((A[i].T @ D, D.sum(axis=0)))
        if i:
            D = (D @ Ws[i].T) * F[kind.activation][1](Zs[i - 1])
    return mean_loss(kind, P, Y), grads[::-1]


@planted("BP1", "softmax_twice", kinds="classes single")
def softmax_differentiated_twice(kind, params, X, Y):
    Ws, bs = [p[0] for p in params], [p[1] for p in params]
    Zs, A = forward(kind, Ws, bs, X)
    P, G = A[-1], A[-1] - Y
    D = P * (G - (P * G).sum(axis=1, keepdims=True)) / len(X)
    grads = []
    for i in reversed(range(len(Ws))):
        grads.append((A[i].T @ D, D.sum(axis=0)))
        if i:
            D = (D @ Ws[i].T) * F[kind.activation][1](Zs[i - 1])
    return mean_loss(kind, P, Y), grads[::-1]


@planted("BP4", "penalty", kinds="book classes one")
def penalty_in_the_gradient_alone(kind, params, X, Y):
    lam = 1e-2
    Ws, bs = [p[0] for p in params], [p[1] for p in params]
    Zs, A = forward(kind, Ws, bs, X)
    D = delta_L(kind, Zs[-1], A[-1], Y, 1) / len(X)
    grads = []
    for i in reversed(range(len(Ws))):
        grads.append((A[i].T @ D + lam * Ws[i], D.sum(axis=0)))
        if i:
            D = (D @ Ws[i].T) * F[kind.activation][1](Zs[i - 1])
    return mean_loss(kind, A[-1], Y), grads[::-1]


@planted("BP4", "penalty_left_out", kinds="book classes line")
def penalty_in_the_loss_alone(kind, params, X, Y):
    Ws, bs = [p[0] for p in params], [p[1] for p in params]
    Zs, A = forward(kind, Ws, bs, X)
    D = delta_L(kind, Zs[-1], A[-1], Y, 1) / len(X)
    grads = []
    for i in reversed(range(len(Ws))):
        grads.append((A[i].T @ D, D.sum(axis=0)))
        if i:
            D = (D @ Ws[i].T) * F[kind.activation][1](Zs[i - 1])
    return mean_loss(kind, A[-1], Y) + 0.5 * 0.1 * sum(np.sum(W * W) for W in Ws), grads[::-1]


@planted("BP1", "broadcast", kinds="yesno")
def targets_flattened(kind, params, X, Y):
    Ws, bs = [p[0] for p in params], [p[1] for p in params]
    Zs, A = forward(kind, Ws, bs, X)
    D = (A[-1] - Y.ravel()).mean(axis=1, keepdims=True) / len(X)
    grads = []
    for i in reversed(range(len(Ws))):
        grads.append((A[i].T @ D, D.sum(axis=0)))
        if i:
            D = (D @ Ws[i].T) * F[kind.activation][1](Zs[i - 1])
    return mean_loss(kind, A[-1], Y), grads[::-1]


@planted("BP4", "activations_of_the_wrong_layer", kinds="squares square")
def activations_off_by_one(kind, params, X, Y):
    Ws, bs = [p[0] for p in params], [p[1] for p in params]
    Zs, A = forward(kind, Ws, bs, X)
    D = delta_L(kind, Zs[-1], A[-1], Y, 1) / len(X)
    grads = []
    for i in reversed(range(len(Ws))):
        grads.append((A[i + 1].T @ D, D.sum(axis=0)))
        if i:
            D = (D @ Ws[i].T) * F[kind.activation][1](Zs[i - 1])
    return mean_loss(kind, A[-1], Y), grads[::-1]


@planted("BP2", "updated_too_early", kinds="book classes")
def updates_its_params(kind, params, X, Y):
    Ws, bs = [p[0] for p in params], [p[1] for p in params]
    Zs, A = forward(kind, Ws, bs, X)
    loss = mean_loss(kind, A[-1], Y)
    D = delta_L(kind, Zs[-1], A[-1], Y, 1) / len(X)
    grads = []
    for i in reversed(range(len(Ws))):
        dW, db = A[i].T @ D, D.sum(axis=0)
        Ws[i] -= 0.5 * dW
        bs[i] -= 0.5 * db
        grads.insert(0, (dW, db))
        if i:
            D = (D @ Ws[i].T) * F[kind.activation][1](Zs[i - 1])
    return loss, grads


@planted("BP4", "sum_before_product", kinds="book classes")
def summed_before_the_product(kind, params, X, Y):
    Ws, bs = [p[0] for p in params], [p[1] for p in params]
    Zs, A = forward(kind, Ws, bs, X)
    D = delta_L(kind, Zs[-1], A[-1], Y, 1) / len(X)
    grads = []
    for i in reversed(range(len(Ws))):
        grads.append((np.outer(A[i].sum(axis=0), D.sum(axis=0)), D.sum(axis=0)))
        if i:
            D = (D @ Ws[i].T) * F[kind.activation][1](Zs[i - 1])
    return mean_loss(kind, A[-1], Y), grads[::-1]


@planted("BP3", "only_the_last_example", kinds="book classes")
def overwritten_in_the_loop(kind, params, X, Y):
    """One example after another, and = where += belongs, in both gradients."""
    Ws, bs = [p[0] for p in params], [p[1] for p in params]
    loss, m = 0.0, len(X)
    dWs, dbs = [None] * len(Ws), [None] * len(Ws)
    for x, y in zip(X, Y, strict=True):
        Zs, A = forward(kind, Ws, bs, x[None])
        loss += mean_loss(kind, A[-1], y[None]) / m
        D = delta_L(kind, Zs[-1], A[-1], y[None], 1)
        for i in reversed(range(len(Ws))):
            dWs[i], dbs[i] = A[i].T @ D / m, D[0] / m
            D = (D @ Ws[i].T) * F[kind.activation][1](Zs[i - 1])
    return loss, list(zip(dWs, dbs, strict=True))
