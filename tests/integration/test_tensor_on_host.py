"""Methods of tensors that the host computes: numpy's results, torch's names and types, and a script that checks itself."""

import numpy as np
import pytest

from kernbench.cli import execute
from kernbench.common.errors import RankError

SMALL = ("sip.cube_mesh=1x1",)


def checks(torch):
    """Name each check that fails."""
    a = np.random.default_rng(2).standard_normal((5, 7)).astype(np.float32)
    a[1, 2], a[3, 3] = np.nan, np.inf
    whole = np.arange(12, dtype=np.int32).reshape(3, 4) - 4
    x, n = torch.from_numpy(a), torch.from_numpy(whole)
    finite = torch.from_numpy(np.nan_to_num(a, posinf=3.0))
    f = np.nan_to_num(a, posinf=3.0).astype(np.float64)
    pairs = [
        (n.all(), np.bool_(False)), (n.all(dim=0), (whole != 0).all(0)), (n.any(dim=1, keepdim=True), (whole != 0).any(1, keepdims=True)),
        (n.argmax(), np.int64(11)), (n.argmax(dim=0), whole.argmax(0)), (n.argmin(dim=1, keepdim=True), whole.argmin(1, keepdims=True)),
        (n.prod(dim=0), whole.prod(0)), (n.cumsum(0), whole.cumsum(0)), (n.count_nonzero(), np.int64(11)),
        (n.clamp(-2, 3), whole.clip(-2, 3)), (x.clamp(min=0), np.maximum(a, 0)), (n.pow(2), whole**2),
        (n.masked_fill(n > 2, 9), np.where(whole > 2, 9, whole)), (n.repeat(2, 1), np.tile(whole, (2, 1))),
        (x.isnan(), np.isnan(a)), (x.isinf(), np.isinf(a)), (x.isfinite(), np.isfinite(a)),
        (finite.var(dim=1), f.var(1, ddof=1).astype(np.float32)), (finite.std(), np.float32(f.std(ddof=1))),
        (finite.norm(dim=0), np.sqrt((f**2).sum(0)).astype(np.float32)), (n.t().all(dim=1), (whole != 0).all(0)),
    ]  # fmt: skip
    wrong = [
        f"{number}: {got!r} is not {want!r}"
        for number, (got, want) in enumerate(pairs)
        if got.numpy().dtype != want.dtype or not np.array_equal(got.numpy(), want, equal_nan=want.dtype.kind == "f")
    ]
    same = [n.equal(n.clone()), n.equal(n[:2]), finite.allclose(finite + 1e-9), finite.allclose(finite + 1)]
    return torch.Row({"wrong_ones": wrong, "same": same}, 0, 0)


def test_methods_of_the_host_are_numpys(sim):
    (row,) = sim(sips=1, overrides=SMALL).run(checks).rows
    assert (row.columns["wrong_ones"], row.columns["same"]) == ([], [True, False, True, False])


SCRIPT = """
import torch
x = torch.arange(10)
assert (x >= 0).all() and not (x > 8).all().item() and torch.any(x == 3)
assert torch.argmax(x).item() == 9 and torch.clamp(x, max=4).max().item() == 4 and torch.equal(x, x.clone())
print("checked")
"""


def test_a_script_checks_its_tensors_with_them(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "checking.py").write_text(SCRIPT)
    assert execute(["run", "checking.py", "--no-record", "--set", "sip.cube_mesh=1x1"]) == 0
    assert "checked" in "".join(capsys.readouterr())


def unbounded(torch):
    torch.ones(4).clamp()


def test_clamp_without_bounds_is_refused_in_torchs_words(sim):
    with pytest.raises(RankError, match="At least one of 'min' or 'max' must not be None"):
        sim(sips=1, overrides=SMALL).run(unbounded)
