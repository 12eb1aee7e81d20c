"""Hugging Face config.json files of anything: the shape of a model or one line with the file, soon and in little memory."""

import json
import tempfile
from pathlib import Path

from hypothesis import example, given, settings
from hypothesis import strategies as st

from kernbench.common.errors import UsageError
from kernbench.runtime_api.parallel.model_shape import ACTIVATIONS, MOST, MOST_BYTES, NAMES, ModelShape, model_shape

SOME = settings(max_examples=settings().max_examples)
GOOD = {
    "hidden_size": 64, "num_attention_heads": 8, "num_key_value_heads": 2, "intermediate_size": 96,
    "num_hidden_layers": 3, "vocab_size": 100, "hidden_act": "silu", "rms_norm_eps": 1e-6,
}  # fmt: skip
LONGEST = 400
"""Characters of an error, beside the name of the file."""
KEYS = [*(name for names in NAMES.values() for name in names), "text_config", "model_type", "\x1b[31m", ""]
ODD = [None, True, -1, 0, 1, 2, 3, MOST, MOST + 1, 2**63, 2**64, 10**400, 64.0, -0.0, 1e308, float("nan"), float("inf"),
       "", "64", "silu", "\x1b[2J", "a\nb", "x" * 1000, [], [[[]]], {}, {"hidden_size": 2}, "gemma2"]  # fmt: skip


@st.composite
def configs(draw):
    """A config.json with figures lost, renamed or changed."""
    config = dict(GOOD)
    for _ in range(draw(st.integers(0, 3))):
        key = draw(st.sampled_from(KEYS))
        if draw(st.booleans()):
            config.pop(key, None)
        else:
            config[key] = draw(st.one_of(st.sampled_from(ODD), st.sampled_from([*ACTIVATIONS]), st.integers(1, 2**25)))
    inner = draw(st.integers(0, 9)) == 0
    return {"text_config": config, "vocab_size": draw(st.sampled_from(ODD))} if inner else config


@st.composite
def contents(draw):
    """The bytes of such a file, some of them damaged."""
    content = json.dumps(draw(configs()), indent=draw(st.sampled_from([None, 2]))).encode()
    at, deed = draw(st.integers(0, len(content))), draw(st.sampled_from(["none"] * 4 + ["flip", "cut", "insert"]))
    extra = draw(st.one_of(st.binary(max_size=8), st.sampled_from([b"[" * 3000, b"9" * 5000, b"1e999", b"NaN", b"/*"])))
    if deed == "flip" and at < len(content):
        return content[:at] + bytes([content[at] ^ (1 << draw(st.integers(0, 7)))]) + content[at + 1 :]
    return {"cut": content[:at], "insert": content[:at] + extra + content[at:]}.get(deed, content)


@SOME
@given(st.one_of(contents(), st.binary(max_size=60)))
@example(json.dumps(GOOD).encode())
@example(json.dumps(GOOD).encode().replace(b"64", b"9" * 5000))
@example(b'{"hidden_size": ' + b"[" * 900 + b"]" * 900 + b"}")
@example(b'{"a":' * 100_000)
@example(b" " * (MOST_BYTES + 1))
@example(json.dumps({**GOOD, "hidden_act": "x" * 10**6}).encode())
@example(json.dumps({**GOOD, "vocab_size": "a\nb"}).encode())
@example(b'{"hidden_size": NaN}')
@example(b'{"hidden_size": -Infinity}')
def test_whatever_the_file_is_it_is_a_shape_or_one_line_with_its_name(content):
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "config.json"
        file.write_bytes(content)
        try:
            shape = model_shape(str(file))
        except UsageError as error:
            said = str(error)
            assert said.startswith(f"{file}: ")
            assert said.isprintable(), said
            assert len(said) < len(str(file)) + LONGEST
            return
    assert all(1 <= extent <= MOST for extent in extents(shape))
    assert shape.heads == shape.kv_heads * shape.queries_per_group
    assert shape.describe().startswith(str(file))


def extents(shape: ModelShape):
    return [
        getattr(shape, name) for name in ("hidden_size", "heads", "kv_heads", "head_dim", "ffn", "layers", "vocab_size")
    ]


def test_the_files_begin_with_one_that_is_read():
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "config.json"
        file.write_text(json.dumps(GOOD))
        assert extents(model_shape(str(file))) == [64, 8, 2, 8, 96, 3, 100]
