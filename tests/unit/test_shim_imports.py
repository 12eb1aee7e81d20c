"""The import function of a user's modules: what it gives them, and that nobody else notices."""

import inspect
import json
import sys
from types import ModuleType, SimpleNamespace

import pytest

from kernbench.triton_emu import language
from kernbench.triton_emu.jit import JitFunction
from kernbench.triton_emu.shim import Shim
from kernbench.triton_emu.shim_modules import triton_module


def execute(folder, source, name="kernels", packages=(), **files):
    """Run `source` as a file of `folder` beside `files`; its names."""
    for each, text in files.items():
        path = folder / f"{each}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    path = folder / f"{name}.py"
    path.write_text(source)
    module = ModuleType("a_kernel_file")
    module.__file__ = str(path)
    shim = Shim(folder, packages, {"triton": triton_module()})
    shim.execute(module, compile(source, str(path), "exec"))
    return module


@pytest.mark.parametrize(
    "source",
    [
        "import triton\nfound = triton.jit",
        "import triton as t\nfound = t.jit",
        "from triton import jit as found",
        "import triton.testing\nfound = triton.jit",
        "def later():\n    import triton\n    return triton.jit\nfound = later()",
        "import os.path, triton\nfound = triton.jit",
        "found = __import__('triton').jit",
    ],
)
def test_each_way_to_import_triton_gives_the_emulation(tmp_path, source):
    from kernbench.triton_emu.jit import jit

    assert execute(tmp_path, source).found is jit


def test_the_language_has_its_names_and_says_which_one_it_lacks(tmp_path):
    found = execute(tmp_path, "import triton.language as tl\nfrom triton.language import load, constexpr as c")
    assert (found.load, found.tl.load, found.c) == (language.load, language.load, language.constexpr)
    with pytest.raises(AttributeError, match=r"tl\.no_such_thing does not exist"):
        _ = found.tl.no_such_thing


@pytest.mark.parametrize(
    "path", ["triton.language.extra", "triton.language.extra.cuda", "triton.language.extra.hip", "triton.language"]
)
def test_libdevice_and_math_are_where_programs_look_for_them(tmp_path, path):
    name = "math" if path == "triton.language" else "libdevice"
    found = execute(tmp_path, f"from {path} import {name} as m\nimport {path}.{name} as again")
    assert found.m.exp is not None
    assert found.again is found.m


def test_the_other_modules_of_triton_that_programs_import_are_there(tmp_path):
    found = execute(
        tmp_path,
        "from triton.runtime import driver\n"
        "from triton.tools.tensor_descriptor import TensorDescriptor\n"
        "from triton.testing import do_bench, perf_report, Benchmark\n"
        "import triton.tools.experimental_descriptor\n"  # imported by programs that use it on newer GPUs only
        "from triton import cdiv, next_power_of_2, Config, autotune, heuristics, __version__\n"
        "sizes = [cdiv(5, 2), cdiv(4, 2), next_power_of_2(781), next_power_of_2(1), next_power_of_2(0)]\n",
    )
    assert found.sizes == [3, 2, 1024, 1, 0]
    assert found.driver.active.get_current_target().backend == "cuda"


@pytest.mark.parametrize(
    ("source", "error", "text"),
    [
        (
            "import triton\ntriton.profiler",
            AttributeError,
            r"triton\.profiler does not exist here; triton has jit, autotune",
        ),
        (
            "import triton\ntriton.runtime.build",
            AttributeError,
            r"triton\.runtime\.build does not exist here",
        ),
        ("import triton\ntriton.compile", AttributeError, r"triton\.compile does not exist here"),
        (
            "from triton import profiler",
            ImportError,
            r"cannot import name 'profiler' from 'triton': triton\.profiler does not",
        ),
        (
            "import triton.experimental",
            ModuleNotFoundError,
            r"no module named 'triton\.experimental': triton\.experimental does not",
        ),
        ("from triton.language import lod", ImportError, r"cannot import name 'lod' from 'triton\.language'"),
        ("from helper import missing", ImportError, r"cannot import name 'missing' from 'helper'"),
        ("import no_such_module_anywhere", ModuleNotFoundError, "No module named 'no_such_module_anywhere'"),
    ],
)
def test_what_is_missing_is_named(tmp_path, source, error, text):
    with pytest.raises(error, match=text):
        execute(tmp_path, source, helper="x = 1\n")


def test_whoever_else_imports_triton_keeps_the_one_that_is_installed(tmp_path, monkeypatch):
    installed, language_of_it, profiler = (
        ModuleType("triton"),
        ModuleType("triton.language"),
        ModuleType("triton.profiler"),
    )
    for module in (installed, language_of_it, profiler):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    found = execute(tmp_path, "import triton\nimport triton.language as tl\nimport helper", helper="import triton")
    import triton as seen_by_all  # what everybody else gets

    assert seen_by_all is installed
    assert (found.triton is installed, found.helper.triton is found.triton, found.tl is language_of_it) == (
        False,
        True,
        False,
    )
    with pytest.raises(ImportError, match="cannot import name 'profiler'"):  # not the installed one's by the back door
        execute(tmp_path, "from triton import profiler")


def test_modules_beside_two_files_may_have_the_same_name(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    first = execute(tmp_path / "a", "import shared_name", shared_name="value = 'a'")
    second = execute(tmp_path / "b", "import shared_name", shared_name="value = 'b'")
    assert (first.shared_name.value, second.shared_name.value) == ("a", "b")
    assert "shared_name" not in sys.modules


def test_a_module_is_executed_once_for_a_file_and_again_for_the_next(tmp_path):
    texts = {"counted": "made = object()", "other": "import counted"}
    first = execute(tmp_path, "import counted, other", **texts)
    again = execute(tmp_path, "import counted, other", **texts)
    assert first.counted.made is first.other.counted.made
    assert first.counted.made is not again.counted.made


def test_packages_below_the_folder_import_each_other_as_python_lets_them(tmp_path):
    found = execute(
        tmp_path,
        "from pack import deep\nimport pack.deep.inner as inner\nfrom pack import *\nfrom space.far import value",
        **{
            "pack/__init__": "from . import deep\nfrom .deep.inner import kernel\n__all__ = ['kernel', 'deep']",
            "pack/deep/__init__": "from .. import deep as itself\nfrom .inner import *",
            "pack/deep/inner": "import triton\nfrom ..side import number\n@triton.jit\ndef kernel(x):\n    return x",
            "pack/side": "number = 7",
            "space/far": "value = 3",
        },
    )
    assert (found.deep.inner.number, found.inner is found.deep.inner, found.value) == (7, True, 3)
    assert isinstance(found.kernel, JitFunction)


def test_a_file_outside_a_package_may_import_its_neighbours_relatively(tmp_path):
    found = execute(
        tmp_path, "from .beside import number\nfrom . import beside as module", beside="number = 5", other="x = 1"
    )
    assert (found.number, found.module.number) == (5, 5)
    with pytest.raises(ImportError, match="one folder up at most"):
        execute(tmp_path, "from ..beside import number")


def test_a_circle_of_imports_works_as_far_as_python_lets_it(tmp_path):
    found = execute(
        tmp_path, "import left", left="import right\nvalue = 1", right="import left\nlate = lambda: left.value"
    )
    assert found.left.right.late() == 1


def test_a_module_that_fails_is_not_half_there(tmp_path):
    source = "tries = []\nfor _ in range(2):\n    try:\n        import broken\n    except ZeroDivisionError as e:\n        tries.append(e)"
    assert len(execute(tmp_path, source, broken="1 / 0").tries) == 2


def test_source_of_a_kernel_and_dataclasses_of_a_helper_are_there(tmp_path):
    helper = (
        "from __future__ import annotations\nimport triton\nfrom dataclasses import dataclass\nfrom typing import ClassVar\n"
        "@dataclass\nclass Sizes:\n    kind: ClassVar[str] = 'x'\n    block: int = 4\n"
        "@triton.jit\ndef kernel(x):\n    return x + 1\n"
    )
    found = execute(tmp_path, "import helper\nsizes = helper.Sizes(8)", helper=helper)
    assert found.sizes.block == 8
    assert inspect.getsource(found.helper.kernel.fn) == "@triton.jit\ndef kernel(x):\n    return x + 1\n"


def test_an_installed_package_imports_the_emulation_only_if_it_is_named(tmp_path, monkeypatch):
    site = tmp_path / "site"
    package = site / "lab_kernels_of_this_test"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("from .ops import kernel\n")
    (package / "ops.py").write_text(
        "import triton\nimport triton.language as tl\n@triton.jit\ndef kernel(x):\n    return tl.abs(x)\n"
    )
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.setitem(sys.modules, "triton", SimpleNamespace(jit=lambda f: "the installed triton", language=None))
    monkeypatch.setitem(sys.modules, "triton.language", SimpleNamespace())
    folder = tmp_path / "mine"
    folder.mkdir()
    source = "from lab_kernels_of_this_test import kernel\n"
    assert isinstance(execute(folder, source, packages=["lab_kernels_of_this_test"]).kernel, JitFunction)
    assert "lab_kernels_of_this_test" not in sys.modules
    assert execute(folder, source).kernel == "the installed triton"
    for name in [each for each in sys.modules if each.startswith("lab_kernels_of_this_test")]:
        monkeypatch.delitem(sys.modules, name)


def test_what_an_environment_inside_the_folder_has_installed_is_not_the_folder_s_own(tmp_path, monkeypatch):
    site = tmp_path / ".venv" / "lib" / "site-packages"
    package = site / "installed_within"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(str(site))
    import installed_within

    found = execute(tmp_path, "import installed_within\nimport numpy")
    assert found.installed_within is installed_within
    monkeypatch.delitem(sys.modules, "installed_within")


def test_kernbench_itself_is_never_loaded_twice(tmp_path):
    source = "from kernbench.triton_emu.jit import JitFunction as found\nfrom benches import marked"
    files = {"kernbench/__init__": "other = 1", "benches/__init__": "marked = 'of the user'"}
    with pytest.raises(ImportError, match="cannot import name 'marked' from 'benches'"):
        execute(tmp_path, source, **files)  # a checkout of kernbench
    (tmp_path / "kernbench" / "__init__.py").unlink()
    (tmp_path / "kernbench").rmdir()
    files.pop("kernbench/__init__")
    found = execute(tmp_path, source, **files)
    assert (found.found, found.marked) == (JitFunction, "of the user")


def test_an_installed_module_may_be_seen_through_another_one(tmp_path):
    around = {name: ModuleType(name) for name in ("json", "json.decoder")}
    around["json"].decoder = around["json.decoder"]
    around["json"].found = around["json.decoder"].found = "seen"
    module = ModuleType("user")
    text = (
        "import json, json.decoder, json.tool as tool, importlib\n"
        "from json import found, decoder\nfrom json.decoder import found as inner\nfrom json.encoder import JSONEncoder\n"
        "same = [json.found, found, inner, json.decoder is decoder, importlib.import_module('json') is json]\n"
    )
    Shim(tmp_path, around=around).execute(module, compile(text, str(tmp_path / "user.py"), "exec"))
    assert module.same == ["seen", "seen", "seen", True, True]
    assert module.tool.__name__ == "json.tool"
    assert not hasattr(json, "found")


def test_sys_modules_agree_with_what_import_gives(tmp_path):
    files = {
        "pack/__init__": "import sys\nfrom . import part\nfound = sys.modules[__name__ + '.part'] is part\n",
        "pack/part": "import sys\ndef me():\n    return sys.modules[__name__]\n",
        "pack/lazy": "import sys, types\nmade = types.ModuleType(__name__)\nmade.x = 5\nsys.modules[__name__] = made\n",
    }
    found = execute(
        tmp_path,
        "import sys, json, triton, pack\nfrom pack.lazy import x\nimport pack.lazy as lazy\n"
        "same = [pack.found, pack.part.me() is pack.part, sys.modules['triton'] is triton, x == lazy.x == 5,\n"
        "        sys.modules['json'] is json, sys.modules['sys'] is sys, 'pack.part' in sys.modules, 'no_such' not in sys.modules,\n"
        "        {'pack', 'json', 'triton'} <= set(sys.modules), sys.modules.get('no_such') is None]\n"
        "sys.marked_by_this_test = 1\n",
        **files,
    )
    assert found.same == [True] * 10
    assert sys.marked_by_this_test == 1
    del sys.marked_by_this_test
    assert "pack" not in sys.modules


def test_importlib_agrees_with_what_import_gives(tmp_path):
    found = execute(
        tmp_path,
        "import importlib\nimport importlib.util as util\nfrom importlib import import_module\n"
        "from importlib.util import find_spec\nimport triton, beside, json\n"
        "same = [importlib.import_module('triton') is triton, import_module('triton.testing') is triton.testing,\n"
        "        import_module('beside') is beside, import_module('json') is json,\n"
        "        util.find_spec('triton') is not None, find_spec('triton.no_such') is None,\n"
        "        importlib.util.find_spec('json') is not None, find_spec('no_such_module_anywhere') is None,\n"
        "        importlib.reload.__name__ == 'reload', util.module_from_spec is not None]\n",
        beside="x = 1",
    )
    assert found.same == [True] * 10


def test_kernels_learn_which_gpu_ours_passes_for():
    info = triton_module().language.target_info
    assert info.current_target() == triton_module().runtime.driver.active.get_current_target()
    assert (info.is_cuda(), info.is_hip(), info.is_hip_cdna3()) == (True, False, False)
    assert (info.cuda_capability_geq(8), info.cuda_capability_geq(8, 6), info.cuda_capability_geq(9)) == (
        True,
        False,
        False,
    )
