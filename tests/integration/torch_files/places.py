"""Orders, places, products and shapes, against numpy."""

import numpy as np
import torch

rng = np.random.default_rng(4)
A = rng.permutation(24).reshape(2, 3, 4).astype(np.float32)
I = rng.integers(0, 3, (2, 2, 4))  # noqa: E741
x, i = torch.tensor(A), torch.tensor(I)


def same(found, expected):
    expected = np.asarray(expected)
    found = found.numpy()
    assert (found.shape, found.dtype) == (expected.shape, expected.dtype), (found.dtype, expected.dtype)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


values, order = x.sort(dim=1)
same(values, np.sort(A, 1))
same(order, np.argsort(A, 1))
same(torch.argsort(x, dim=-1, descending=True), np.argsort(-A, -1))
same(torch.topk(x, 2, dim=-1).values, -np.sort(-A, -1)[..., :2])
same(x.topk(1, largest=False)[1], np.argsort(A, -1)[..., :1])
same(x.max(dim=1).values, A.max(1))
same(torch.max(x, 1, keepdim=True)[1], A.argmax(1)[:, None])
same(torch.min(x, dim=-1)[0], A.min(-1))
same(torch.max(x, x.flip(0)), np.maximum(A, A[::-1]))
same(torch.kthvalue(x, 2)[0], np.sort(A, -1)[..., 1])
same(x.sum(dim=(0, 2)), A.sum((0, 2)))
same(x.mean((1, 2), keepdim=True), A.mean((1, 2), keepdims=True))
same(x.sum(-1, dtype=torch.float64), A.astype(np.float64).sum(-1))
same(x.var(-1, unbiased=False), A.var(-1))
same(torch.var(x, dim=1, correction=0), A.var(1))
same(x.cumsum(-1), A.cumsum(-1))
same(torch.logsumexp(x / 8, dim=-1), np.log(np.exp(A / 8).sum(-1)))
same(x.norm(2, dim=-1), np.sqrt((A**2).sum(-1)))
same(torch.linalg.vector_norm(x, dim=0), np.sqrt((A**2).sum(0)))
same(torch.nonzero(x > 20), np.argwhere(A > 20))
same(torch.unique(i), np.unique(I))
same(torch.searchsorted(torch.tensor([1.0, 3.0, 5.0]), torch.tensor([3.0, 4.0])), np.array([1, 2]))

same(x.gather(1, i), np.take_along_axis(A, I, 1))
same(
    torch.zeros(2, 3, 4).scatter_add_(1, i, torch.ones(2, 2, 4)),
    sum(I[:, k, None] == np.arange(3)[:, None] for k in (0, 1)).astype(np.float32),
)
same(torch.zeros(3, 4).scatter(0, torch.tensor([[2, 1, 0, 2]]), 1.0), np.eye(3, dtype=np.float32)[[2, 1, 0, 2]].T)
same(x.index_select(2, torch.tensor([3, 0])), A[..., [3, 0]])
same(
    torch.zeros(4, 2).index_add_(0, torch.tensor([1, 1, 3]), torch.ones(3, 2)),
    np.array([[0, 0], [2, 2], [0, 0], [1, 1]], np.float32),
)
same(x[torch.tensor([1, 0])], A[[1, 0]])
same(x[:, torch.tensor([2, 0]), 1:], A[:, [2, 0], 1:])
same(x[x > 11], A[A > 11])
y, B = x.clone(), A.copy()
y[torch.tensor([0, 1]), torch.tensor([2, 0])] = 5.0
B[[0, 1], [2, 0]] = 5
y[y > 20] = 0
B[B > 20] = 0
same(y, B)
same(torch.tril(x[0], -1), np.tril(A[0], -1))
same(x.triu(1), np.triu(A, 1))
same(torch.diag(x[0, :, :3]), np.diag(A[0, :, :3]))
same(torch.flip(x, dims=[0, 2]), A[::-1, :, ::-1])
same(torch.roll(x, 1, 2), np.roll(A, 1, 2))
same(x.repeat_interleave(2, dim=0), A.repeat(2, 0))
same(x.repeat(2, 1, 1), np.tile(A, (2, 1, 1)))
same(torch.repeat_interleave(torch.tensor([1, 2]), torch.tensor([2, 1])), np.array([1, 1, 2]))

same(torch.einsum("bij,bkj->bik", x, x), np.einsum("bij,bkj->bik", A, A))
same(torch.outer(x[0, 0], x[0, 1]), np.outer(A[0, 0], A[0, 1]))
same(torch.dot(x[0, 0], x[0, 1]), np.dot(A[0, 0], A[0, 1]))
same(torch.addmm(x[0, :, :3], x[0], x[0].T), A[0, :, :3] + A[0] @ A[0].T)
same(torch.stack([x, x], dim=1), np.stack([A, A], 1))
same(torch.cat([x[0], x[1].half().float()], dim=1), np.concatenate([A[0], A[1]], 1))
same(
    torch.meshgrid(torch.arange(2), torch.arange(3), indexing="ij")[1],
    np.meshgrid(range(2), range(3), indexing="ij")[1],
)

q, k, v = x.split([1, 1, 2], dim=-1)
same(v, A[..., 2:])
same(x[..., :2].view(2, 3, 2, 1), A[..., :2].reshape(2, 3, 2, 1))
same(x.transpose(0, 1).reshape(3, 8), A.transpose(1, 0, 2).reshape(3, 8))
same(x.flatten(1), A.reshape(2, 12))
same(x.movedim(0, -1), np.moveaxis(A, 0, -1))
same(x.unflatten(-1, (2, 2)), A.reshape(2, 3, 2, 2))
same(x.unbind(1)[2], A[:, 2])
same(x.narrow(2, 1, 2), A[..., 1:3])
same(x.view(torch.int32), A.view(np.int32))
same(torch.as_strided(x, (2, 2), (1, 4), 1), np.array([[A.flat[1], A.flat[5]], [A.flat[2], A.flat[6]]]))
assert torch.empty_strided((2, 3), (1, 2)).stride() == (1, 2)
same(x.new_full((2,), 3), np.full(2, 3, np.float32))
same(x.new_zeros(2, 2, dtype=torch.int64), np.zeros((2, 2), np.int64))
assert isinstance(i, torch.LongTensor)
assert not isinstance(x, torch.LongTensor)
same(torch.LongTensor([1, 2]), np.array([1, 2]))
assert x[: torch.tensor(1)].shape == (1, 3, 4)
np.testing.assert_array_equal(x, A)
same(torch.vstack([x[0], x[1, :1]]), np.vstack([A[0], A[1, :1]]))
same(torch.hstack([x[0], x[1]]), np.hstack([A[0], A[1]]))
drawn = torch.empty(4000).uniform_(2, 4)
assert 2 <= drawn.min() < drawn.max() <= 4
assert abs(torch.empty(4000).normal_(1, 0.5).mean() - 1) < 0.1
assert torch.unique(torch.empty(50).bernoulli_(0.5)).tolist() == [0, 1]
g = [torch.Generator().manual_seed(7) for _ in range(2)]
assert torch.equal(torch.randn(4, generator=g[0]), torch.randn(4, generator=g[1]))
torch.testing.assert_close([x, {"a": i}], [x.clone(), {"a": i}])
for refused, error, text in (
    (lambda: torch.testing.assert_close(x, x.double()), AssertionError, "'dtype' do not match: torch.float32"),
    (
        lambda: torch.testing.assert_close(x, x, rtol=1.0),
        ValueError,
        "must be either specified or omitted, but got no atol",
    ),
    (lambda: x.topk(9), RuntimeError, "selected index k out of range"),
    (lambda: x.split([1, 1], dim=-1), RuntimeError, "split_with_sizes expects split_sizes to sum exactly to 4"),
    (lambda: x.transpose(0, 1).view(24), RuntimeError, "view size is not compatible"),
):
    try:
        refused()
    except error as raised:
        assert text in str(raised), raised  # noqa: PT017  # torch runs this file without pytest
    else:
        raise AssertionError(text)
print("places ok")
