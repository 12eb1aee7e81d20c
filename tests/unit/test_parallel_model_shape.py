"""Reading the shape of a model: presets, Hugging Face's names, and what is wrong with a file in one sentence."""

import json

import pytest

from kernbench.common.errors import UsageError
from kernbench.runtime_api.parallel.model_shape import MOST_BYTES, ModelShape, model_shape, presets

LLAMA = {
    "hidden_size": 64, "num_attention_heads": 8, "num_key_value_heads": 2, "intermediate_size": 96,
    "num_hidden_layers": 3, "vocab_size": 100, "hidden_act": "silu", "rms_norm_eps": 1e-6,
}  # fmt: skip


def written(tmp_path, content):
    path = tmp_path / "config.json"
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return str(path)


def test_the_presets_have_the_published_shapes_and_a_source():
    assert list(presets()) == ["gpt-13b", "llama3-70b", "llama3-8b", "tiny"]
    assert all(len(source) > 40 for source in presets().values())
    assert model_shape("gpt-13b") == ModelShape("gpt-13b", 5120, 40, 40, 128, 20480, 40, 50257, gated=False, rms=False)
    assert model_shape("llama3-8b") == ModelShape(
        "llama3-8b", 4096, 32, 8, 128, 14336, 32, 128256, gated=True, rms=True
    )
    assert model_shape("llama3-70b") == ModelShape(
        "llama3-70b", 8192, 64, 8, 128, 28672, 80, 128256, gated=True, rms=True
    )


def test_llamas_and_gpt2s_names_are_read_and_unknown_ones_ignored(tmp_path):
    llama = model_shape(written(tmp_path, {**LLAMA, "head_dim": 16, "rope_theta": 1e4, "architectures": ["X"]}))
    gpt2 = {
        "n_embd": 48,
        "n_head": 4,
        "n_layer": 2,
        "n_inner": None,
        "vocab_size": 9,
        "activation_function": "gelu_new",
    }
    small = model_shape(written(tmp_path, gpt2))
    assert (llama.kv_heads, llama.head_dim, llama.ffn, llama.gated, llama.rms) == (2, 16, 96, True, True)
    assert (small.hidden_size, small.kv_heads, small.head_dim, small.ffn) == (48, 4, 12, 192)
    assert (small.gated, small.rms, small.queries_per_group) == (False, False, 1)


def test_a_vocabulary_is_padded_as_megatron_pads_it():
    assert [model_shape("gpt-13b").padded_vocab_size(tp) for tp in (1, 8)] == [50304, 51200]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"{", "it is not JSON"),
        (b"[" * 100_000, "it is not JSON"),
        (b"\xff\xfe", "it is not JSON"),
        ([1], "expected a JSON object"),
        ({}, "hidden_size is missing (or n_embd, d_model)"),
        ({**LLAMA, "vocab_size": "many"}, "vocab_size is 'many'; expected a whole number from 1"),
        ({**LLAMA, "num_hidden_layers": True}, "num_hidden_layers is 'True'"),
        ({**LLAMA, "hidden_size": 0}, "hidden_size is '0'"),
        ({**LLAMA, "hidden_size": 10**30}, "hidden_size is '1000000"),
        ({**LLAMA, "hidden_size": 64.5}, "hidden_size is '64.5'"),
        ({**LLAMA, "num_key_value_heads": 3}, "num_attention_heads 8 is no multiple of num_key_value_heads 3"),
        ({**LLAMA, "hidden_size": 65}, "hidden_size 65 is no multiple of num_attention_heads 8"),
        ({**LLAMA, "hidden_act": "relu"}, "hidden_act is 'relu'; there are silu"),
        ({**LLAMA, "hidden_act": None}, "hidden_act is missing (or activation_function)"),
        ({**LLAMA, "hidden_act": ["silu"]}, "hidden_act is"),
        ({**LLAMA, "hidden_act": "gelu_pytorch_tanh", "model_type": "gemma2"}, "a gated MLP with gelu_pytorch_tanh"),
        (b" " * (MOST_BYTES + 1), "1048577 bytes are over the limit of 1048576"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_file_is_one_sentence_with_its_name(tmp_path, content, said):
    path = written(tmp_path, content)
    with pytest.raises(UsageError) as caught:
        model_shape(path)
    assert said in str(caught.value)
    assert str(caught.value).startswith(path)
    assert "\n" not in str(caught.value)


def test_an_unknown_model_and_an_absent_file_are_named():
    with pytest.raises(UsageError, match=r"unknown model 'gpt-14b'; there are gpt-13b, llama3-70b"):
        model_shape("gpt-14b")
    with pytest.raises(UsageError, match=r"absent.json: No such file"):
        model_shape("absent.json")
