"""`torch.autocast` for "cuda", with torch on a CPU."""


def test_autocast_for_cuda_computes_in_its_type(run):
    run("""
a, b = torch.randn(4, 4, device="cuda"), torch.randn(4, 4, device="cuda")
assert not torch.is_autocast_enabled() and torch.get_autocast_dtype("cuda") == torch.float16

def told():
    return (a @ b).dtype, torch.get_autocast_dtype("cuda"), torch.is_autocast_enabled("cuda")

with torch.autocast("cuda"):
    assert told() == (torch.float16, torch.float16, True)
    with torch.amp.autocast(a.device.type, dtype=torch.bfloat16):
        assert told() == (torch.bfloat16, torch.bfloat16, True)
        with torch.autocast("cuda", enabled=False):
            assert told() == (torch.float32, torch.bfloat16, False)
    assert told() == (torch.float16, torch.float16, True)
with torch.cuda.amp.autocast(dtype=torch.bfloat16):
    assert told() == (torch.bfloat16, torch.bfloat16, True)
assert told() == (torch.float32, torch.float16, False)

@torch.autocast("cuda", dtype=torch.bfloat16)
def product():
    return a @ b

assert product().dtype == torch.bfloat16 and isinstance(torch.autocast("cpu"), torch.amp.autocast)
with torch.autocast("cpu"):
    assert (a @ b).dtype == torch.bfloat16
""")


def test_a_function_may_cast_its_inputs_and_keeps_autocast_for_its_backward(run):
    run("""
seen = []

class Cast(torch.autograd.Function):
    @staticmethod
    @torch.amp.custom_fwd(device_type="cuda", cast_inputs=torch.float16)
    def forward(ctx, x, more):
        assert more[0].dtype == x.dtype
        seen.append((x.dtype, torch.is_autocast_enabled("cuda")))
        return x * 2

    @staticmethod
    @torch.amp.custom_bwd(device_type="cuda")
    def backward(ctx, gradient):
        seen.append(torch.is_autocast_enabled("cuda"))
        return gradient * 2, None

class Same(torch.autograd.Function):
    @staticmethod
    @torch.cuda.amp.custom_fwd
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x @ x

    @staticmethod
    @torch.cuda.amp.custom_bwd
    def backward(ctx, gradient):
        (x,) = ctx.saved_tensors
        seen.append((x.float() @ x.float()).dtype)
        return gradient.float()

x = torch.ones(4, 4, device="cuda", requires_grad=True)
with torch.autocast("cuda", dtype=torch.bfloat16):
    y, z = Cast.apply(x, [x.detach()]), Same.apply(x)
assert (y.dtype, z.dtype) == (torch.float16, torch.bfloat16)
y.sum().backward()
z.sum().backward()
Cast.apply(x, [x.detach()])
assert seen == [(torch.float16, False), False, torch.bfloat16, (torch.float32, False)]
""")
