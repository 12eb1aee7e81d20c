"""RMSNorm, SwiGLU and cross entropy as functions with their own backward, inside modules, against torch's references."""
# ruff: noqa: N806, N812, PLR0402, B905  # written as users write such files

import torch
import torch.nn as nn
import torch.nn.functional as F
import triton
import triton.language as tl
from triton.language.extra.libdevice import rsqrt


def calculate_settings(n: int) -> tuple[int, int]:
    block = triton.next_power_of_2(n)
    if block > 65536:
        raise RuntimeError(f"Cannot launch Triton kernel since n = {n} exceeds the maximum block size = 65536.")
    return block, 16 if block >= 8192 else 8 if block >= 2048 else 4


@triton.jit
def _rms_forward(Y, Y_stride, X, X_stride, W, RSTD, n_cols, eps, CAST_LLAMA: tl.constexpr, BLOCK_SIZE: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    offs = tl.arange(0, BLOCK_SIZE)
    mask = offs < n_cols
    x = tl.load(X + row * X_stride + offs, mask=mask, other=0)
    x_dtype = x.dtype
    w = tl.load(W + offs, mask=mask, other=0)
    x = x.to(tl.float32)
    rstd = rsqrt(tl.sum(x * x, axis=0) / n_cols + eps)
    tl.store(RSTD + row, rstd)
    x = x * rstd
    if CAST_LLAMA:
        x = x.to(x_dtype)
    tl.store(Y + row * Y_stride + offs, x * w, mask=mask)


@triton.jit
def _rms_backward(dY, dY_stride, dX, dX_stride, X, X_stride, W, RSTD, dW, dW_stride, n_rows, n_cols,
                  rows_per_program: tl.constexpr, BLOCK_SIZE: tl.constexpr):  # fmt: skip
    pid = tl.program_id(0).to(tl.int64)
    offs = tl.arange(0, BLOCK_SIZE)
    mask = offs < n_cols
    dw = tl.zeros((BLOCK_SIZE,), dtype=tl.float32)
    w = tl.load(W + offs, mask=mask, other=0.0).to(tl.float32)
    for row in range(pid * rows_per_program, min((pid + 1) * rows_per_program, n_rows)):
        dy = tl.load(dY + row * dY_stride + offs, mask=mask, other=0.0).to(tl.float32)
        x = tl.load(X + row * X_stride + offs, mask=mask, other=0.0).to(tl.float32)
        rstd = tl.load(RSTD + row)
        m = dy * w
        dx = rstd * m - (1 / n_cols) * rstd * rstd * rstd * tl.sum(m * x, axis=0) * x
        dw += dy * (x * rstd)
        tl.store(dX + row * dX_stride + offs, dx.to(dX.dtype.element_ty), mask=mask)
    tl.store(dW + pid * dW_stride + offs, dw, mask=mask)


class RMSNormFunction(torch.autograd.Function):
    @staticmethod
    def forward(ctx, X, W, eps):
        shape = X.shape
        X = X.contiguous().view(-1, shape[-1])
        n_rows, n_cols = X.shape
        block, warps = calculate_settings(n_cols)
        Y = torch.empty_like(X)
        RSTD = torch.empty(n_rows, dtype=torch.float32, device=X.device)
        assert X.shape[1] == W.shape[0], "Incompatible hidden size dimension between input and weight"
        _rms_forward[(n_rows,)](
            Y, Y.stride(0), X, X.stride(0), W, RSTD, n_cols, eps, True, BLOCK_SIZE=block, num_warps=warps
        )
        ctx.save_for_backward(X, W, RSTD)
        ctx.block, ctx.warps = block, warps
        return Y.view(*shape)

    @staticmethod
    def backward(ctx, dY):
        X, W, RSTD = ctx.saved_tensors
        shape = dY.shape
        dY = dY.contiguous().view(-1, shape[-1])
        n_rows, n_cols = dY.shape
        sms = torch.cuda.get_device_properties(X.device).multi_processor_count
        dW = torch.empty((sms, n_cols), dtype=torch.float32, device=W.device)
        dX = torch.zeros_like(dY)
        _rms_backward[(sms,)](dY, dY.stride(0), dX, dX.stride(0), X, X.stride(0), W, RSTD, dW, dW.stride(0), n_rows, n_cols,
                              triton.cdiv(n_rows, sms), BLOCK_SIZE=ctx.block, num_warps=ctx.warps)  # fmt: skip
        return dX.view(*shape), dW.sum(dim=0).to(W.dtype), None


@triton.jit
def silu(x):
    return x * tl.sigmoid(x)


@triton.jit
def _swiglu_forward(a_ptr, b_ptr, c_ptr, stride, n_cols: tl.constexpr, BLOCK_SIZE: tl.constexpr):
    program_id = tl.program_id(0).to(tl.int64)
    a_ptr += program_id * stride
    b_ptr += program_id * stride
    c_ptr += program_id * stride
    offs = tl.arange(0, BLOCK_SIZE)
    mask = offs < n_cols
    a = tl.load(a_ptr + offs, mask=mask, other=0).to(tl.float32)
    b = tl.load(b_ptr + offs, mask=mask, other=0)
    tl.store(c_ptr + offs, silu(a).cast(b.dtype) * b, mask=mask)


@triton.jit
def _swiglu_backward(dc_ptr, a_ptr, b_ptr, stride, n_cols: tl.constexpr, BLOCK_SIZE: tl.constexpr):
    at = tl.program_id(0).to(tl.int64) * stride + tl.arange(0, BLOCK_SIZE)
    mask = tl.arange(0, BLOCK_SIZE) < n_cols
    dc = tl.load(dc_ptr + at, mask=mask, other=0)
    a = tl.load(a_ptr + at, mask=mask, other=0).to(tl.float32)
    b = tl.load(b_ptr + at, mask=mask, other=0)
    sig_a = tl.sigmoid(a)
    silu_a = a * sig_a
    tl.store(a_ptr + at, dc * (silu_a * (1 - sig_a) + sig_a) * b, mask=mask)
    tl.store(b_ptr + at, dc * silu_a, mask=mask)


class SiLUMulFunction(torch.autograd.Function):
    @staticmethod
    def forward(ctx, a, b):
        shape, n_cols = a.shape, a.shape[-1]
        a, b = a.contiguous().view(-1, n_cols), b.contiguous().view(-1, n_cols)
        c = torch.empty_like(a)
        block, warps = calculate_settings(n_cols)
        _swiglu_forward[(a.shape[0],)](a, b, c, c.stride(-2), n_cols=n_cols, BLOCK_SIZE=block, num_warps=warps)
        ctx.save_for_backward(a, b)
        return c.view(*shape)

    @staticmethod
    def backward(ctx, dc):
        a, b = ctx.saved_tensors
        shape, n_cols = dc.shape, dc.shape[-1]
        dc = dc.contiguous().view(-1, n_cols)
        block, warps = calculate_settings(n_cols)
        _swiglu_backward[(dc.shape[0],)](dc, a, b, dc.stride(-2), n_cols=n_cols, BLOCK_SIZE=block, num_warps=warps)
        return a.view(*shape), b.view(*shape)


@triton.jit
def _cross_entropy(X_ptr, X_stride, Y_ptr, loss_ptr, n_cols, n_non_ignore, ignore_index, label_smoothing: tl.constexpr,
                   BLOCK_SIZE: tl.constexpr):  # fmt: skip
    pid = tl.program_id(0).to(tl.int64)
    y = tl.load(Y_ptr + pid)
    X_ptr += pid * X_stride
    if y == ignore_index:
        for i in range(0, n_cols, BLOCK_SIZE):
            offs = i + tl.arange(0, BLOCK_SIZE)
            tl.store(X_ptr + offs, 0.0, mask=offs < n_cols)
        return
    m = float("-inf")
    d = 0.0
    scaled_sum = 0.0
    ori_y = tl.load(X_ptr + y).cast(tl.float32)
    eps = label_smoothing / n_cols
    for i in range(0, n_cols, BLOCK_SIZE):
        offs = i + tl.arange(0, BLOCK_SIZE)
        x = tl.load(X_ptr + offs, mask=offs < n_cols, other=float("-inf")).cast(tl.float32)
        block_max = tl.max(x)
        if label_smoothing > 0:
            scaled_sum += tl.sum(tl.where(offs < n_cols, -eps * x, 0.0))
        m_new = tl.maximum(m, block_max)
        d = d * tl.exp(m - m_new) + tl.sum(tl.exp(x - m_new))
        m = m_new
    lse = m + tl.log(d)
    for i in range(0, n_cols, BLOCK_SIZE):
        offs = i + tl.arange(0, BLOCK_SIZE)
        x = tl.load(X_ptr + offs, mask=offs < n_cols, other=float("-inf"))
        grad = tl.exp(x.cast(tl.float32) - m) / d - eps
        grad = tl.where(offs != y, grad, grad - (1 - label_smoothing))
        tl.store(X_ptr + offs, (grad / n_non_ignore).to(x.dtype), mask=offs < n_cols)
    tl.debug_barrier()
    loss = lse - ori_y
    if label_smoothing > 0:
        loss = loss * (1 - label_smoothing) + scaled_sum + label_smoothing * lse
    tl.store(loss_ptr + pid, loss / n_non_ignore)


@triton.jit
def _element_mul(X_ptr, X_stride, grad_output_ptr, n_cols, BLOCK_SIZE: tl.constexpr):
    X_ptr += tl.program_id(0).to(tl.int64) * X_stride
    grad_output = tl.load(grad_output_ptr)
    for i in range(0, n_cols, BLOCK_SIZE):
        offs = i + tl.arange(0, BLOCK_SIZE)
        x = tl.load(X_ptr + offs, mask=offs < n_cols)
        tl.store(X_ptr + offs, x * grad_output, mask=offs < n_cols)


class CrossEntropyFunction(torch.autograd.Function):
    @staticmethod
    def forward(ctx, logits, target, ignore_index=-100, label_smoothing=0.0):
        BT, V = logits.shape
        assert (target * (target != ignore_index)).max() < logits.shape[-1], "Target is out of bounds"
        block = min(64, triton.next_power_of_2(V))
        loss = torch.zeros(BT, dtype=logits.dtype, device=logits.device)
        n_non_ignore = (target != ignore_index).sum().item()
        _cross_entropy[(BT,)](logits, logits.stride(-2), target, loss, V, n_non_ignore, ignore_index,
                              label_smoothing=label_smoothing, BLOCK_SIZE=block, num_warps=32)  # fmt: skip
        ctx.save_for_backward(logits.detach())
        return torch.sum(loss)

    @staticmethod
    def backward(ctx, grad_output):
        (grad,) = ctx.saved_tensors
        if not torch.equal(grad_output, torch.tensor(1.0, device=grad_output.device)):
            BT, V = grad.shape
            _element_mul[(BT,)](grad, grad.stride(-2), grad_output, V, BLOCK_SIZE=64, num_warps=32)
        return grad, None, None, None


class FusedRMSNorm(nn.Module):
    def __init__(self, hidden_size, eps=1e-6):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(hidden_size))
        self.variance_epsilon = eps

    def forward(self, x):
        return RMSNormFunction.apply(x, self.weight, self.variance_epsilon)


class ReferenceRMSNorm(FusedRMSNorm):
    def forward(self, hidden_states):
        input_dtype = hidden_states.dtype
        hidden_states = hidden_states.to(torch.float32)
        variance = hidden_states.pow(2).mean(-1, keepdim=True)
        hidden_states = hidden_states * torch.rsqrt(variance + self.variance_epsilon)
        return self.weight * hidden_states.to(input_dtype)


class Model(nn.Module):
    def __init__(self, norm, hidden, inner, vocabulary, fused):
        super().__init__()
        self.norm = norm(hidden)
        self.gate_proj, self.up_proj = (nn.Linear(hidden, inner, bias=False) for _ in range(2))
        self.head = nn.Linear(inner, vocabulary)
        self.fused = fused

    def forward(self, x, target):
        x = self.norm(x)
        a, b = self.gate_proj(x), self.up_proj(x)
        x = SiLUMulFunction.apply(a, b) if self.fused else F.silu(a) * b
        logits = self.head(x).flatten(0, 1)
        if self.fused:
            return CrossEntropyFunction.apply(logits, target.flatten(), -100, 0.1)
        return F.cross_entropy(logits, target.flatten(), label_smoothing=0.1)


torch.manual_seed(42)
fused = Model(FusedRMSNorm, 40, 24, 70, fused=True).to("cuda")
plain = Model(ReferenceRMSNorm, 40, 24, 70, fused=False).to("cuda")
plain.load_state_dict(fused.state_dict())
_tensor = torch.randn(2, 6, 40, device="cuda", dtype=torch.float32)
x1, x2 = (_tensor.clone().requires_grad_(True) for _ in range(2))
target = torch.randint(0, 70, (2, 6), device="cuda", dtype=torch.long)
target[0, torch.randperm(6)[:2]] = -100
loss1, loss2 = fused(x1, target) * 3, plain(x2, target) * 3
assert torch.allclose(loss1, loss2, atol=1e-5, rtol=1e-5), (loss1, loss2)
loss1.backward()
loss2.backward()
torch.testing.assert_close(x1.grad, x2.grad, atol=1e-5, rtol=1e-3)
for (name, one), two in zip(fused.named_parameters(), plain.parameters()):
    assert torch.allclose(one.grad, two.grad, atol=1e-5, rtol=1e-3) is True, name

norm, reference = FusedRMSNorm(48).to("cuda").to(torch.bfloat16), ReferenceRMSNorm(48).to("cuda").to(torch.bfloat16)
h1, h2 = (torch.linspace(-2, 2, 192, device="cuda").view(4, 48).to(torch.bfloat16).requires_grad_() for _ in range(2))
do = torch.randn(4, 48, device="cuda", dtype=torch.bfloat16)
y1, y2 = norm(h1), reference(h2)
torch.testing.assert_close(y1, y2, atol=1e-2, rtol=2e-2)
y1.backward(do, retain_graph=True)
y2.backward(do, retain_graph=True)
torch.testing.assert_close(h1.grad, h2.grad, atol=2e-2, rtol=5e-2)
torch.testing.assert_close(norm.weight.grad, reference.weight.grad, atol=5e-2, rtol=5e-2)
