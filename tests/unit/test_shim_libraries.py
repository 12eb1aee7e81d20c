"""What kernel libraries ask of triton and of the import system besides kernels."""

import pytest

from kernbench.common.errors import UsageError
from kernbench.triton_emu.access import PointerArg
from kernbench.triton_emu.driver import DeviceFacts, set_host
from kernbench.triton_emu.jit import jit, set_launcher
from kernbench.triton_emu.shim import Shim
from kernbench.triton_emu.shim_modules import triton_module

triton = triton_module()


@jit
def scaled(x, n, BLOCK: "triton.language.constexpr" = 8):
    """A kernel to be asked about."""
    return x * n * BLOCK


class OneDevice:
    """A host that knows its device."""

    facts = DeviceFacts(8, 1 << 20, 10**9, 2 * 10**12, 3 * 10**12, 4 * 10**11)


@pytest.fixture
def launches():
    """The launches that reach the device."""
    seen = []
    set_launcher(seen.append)
    yield seen
    set_launcher(None)


def test_a_kernel_tells_its_parameters_and_its_text():
    told = [
        (each.num, each.name, each.is_constexpr, each.has_default, each.do_not_specialize) for each in scaled.params
    ]
    assert told == [(0, "x", False, False, False), (1, "n", False, False, False), (2, "BLOCK", True, True, False)]
    assert scaled.src.startswith("def scaled(x, n")
    assert list(scaled.signature.parameters) == ["x", "n", "BLOCK"]
    assert scaled.__globals__ is globals()
    assert scaled.cache_key == scaled.cache_key != jit(lambda x: x).cache_key


def test_kernels_and_choices_are_instances_of_triton_s_classes():
    assert isinstance(scaled, triton.JITFunction)
    assert triton.runtime.jit.JITFunction is triton.runtime.JITFunction is triton.JITFunction
    assert isinstance(scaled, triton.KernelInterface)
    assert not isinstance(triton.runtime.Autotuner(scaled, scaled.arg_names, [], []), triton.JITFunction)


def test_a_library_s_own_launcher_around_a_kernel_has_a_run_and_no_more(launches):
    class Entry(triton.KernelInterface):
        def __init__(self, fn):
            self.fn = fn

        def run(self, *args, **kwargs):
            return self.fn.run(*args, **kwargs)

    Entry(scaled)[2,](3, n=4)
    assert [(each.grid, each.arguments) for each in launches] == [((2, 1, 1), {"x": 3, "n": 4, "BLOCK": 8})]


def test_a_hook_before_a_run_sees_the_arguments_of_each_launch(launches):
    kernel = jit(lambda x, n: x)
    seen = []
    kernel.add_pre_run_hook(lambda *args, **kwargs: seen.append((args, kwargs)))
    kernel[(1,)](3, n=4)
    assert (seen, len(launches)) == ([((3,), {"n": 4})], 1)


def test_a_tensor_may_be_seen_as_one_of_another_type():
    class Lent:
        dtype = triton.language.uint8

        def data_ptr(self):
            return 64

        def as_pointer(self, name):
            return PointerArg(name, 64, 16, self.dtype)

    lent = Lent()
    wrapped = triton.reinterpret(lent, triton.language.float8e4nv)
    argument = scaled.warmup(wrapped, 1, grid=(1,)).launch.arguments["x"]
    assert argument == PointerArg("x", 64, 16, triton.language.float8e4nv)
    assert (type(wrapped), wrapped.data_ptr()) == (triton.TensorWrapper, 64)
    assert triton.runtime.jit.reinterpret(wrapped, triton.language.uint8) is lent
    with pytest.raises(TypeError, match=r"Cannot reinterpret a <class 'int'>"):
        triton.reinterpret(3, triton.language.uint8)


def test_the_backend_of_the_device_is_found_and_active():
    from types import SimpleNamespace

    assert [name for name, each in triton.backends.backends.items() if each.driver.is_active()] == ["nvidia"]
    compiler = triton.backends.backends["nvidia"].compiler
    assert compiler.supports_target(triton.runtime.driver.active.get_current_target())
    assert not compiler.supports_target(SimpleNamespace(backend="hip"))


def test_nothing_is_kept_from_one_run_to_the_next():
    cache = triton.runtime.cache
    manager = cache.get_cache_manager("a_key")
    path = manager.put(b"1", "best.json")
    assert path == f"{cache.default_cache_dir()}/a_key/best.json"
    assert (manager.get_file("best.json"), manager.get_group("best.json")) == (None, None)
    assert (manager.has_file("best.json"), type(manager)) == (False, cache.FileCacheManager)
    assert manager.put_group("all.json", {}) == f"{manager.cache_dir}/all.json"


def test_errors_that_programs_catch_have_triton_s_names():
    error = triton.runtime.errors.OutOfResources(200, 100, "shared memory")
    assert str(error) == "out of resource: shared memory, required: 200, limit: 100"
    assert triton.OutOfResources is triton.runtime.OutOfResources is triton.runtime.autotuner.OutOfResources
    assert triton.compiler.errors.CompilationError is triton.CompilationError
    assert str(triton.runtime.autotuner.PTXASError("no such register")) == "no such register"
    assert issubclass(triton.runtime.errors.InterpreterError, triton.errors.TritonError)
    compiler = triton.compiler.errors
    for each in (compiler.CompileTimeAssertionFailure, compiler.UnsupportedLanguageConstruct):
        assert issubclass(each, triton.CompilationError)
    assert triton.compiler.CompiledKernel is type(scaled.warmup(1, 2, grid=(1,)))


def test_rates_of_the_device_come_from_its_facts():
    testing = triton.testing
    set_host(OneDevice())
    try:
        rates = testing.get_dram_gbps(), testing.get_max_tensorcore_tflops("f16", 1), testing.get_max_simd_tflops()
        assert (rates, testing.nvsmi(["clocks.max.sm"])) == ((2000, 3, 0.4), [1000])
        with pytest.raises(UsageError, match=r"power\.draw is no attribute of this device; it has clocks\.max\.sm"):
            testing.nvsmi(["power.draw"])
    finally:
        set_host(None)


def test_knobs_are_kept_and_followed_by_nobody():
    amd = triton.knobs.amd
    with amd.scope():
        amd.use_buffer_ops = False
        assert amd.use_buffer_ops is False
    assert amd.use_buffer_ops is None
    with pytest.raises(AttributeError, match=r"triton\.knobs\.amd\.no_such does not exist here"):
        _ = amd.no_such
    with pytest.raises(AttributeError, match=r"launch_enter_hook: no launch here calls it, so it cannot be set"):
        triton.knobs.runtime.launch_enter_hook = print
    assert triton_module().knobs.amd is not amd


def test_launch_control_and_libdevice_are_where_kernels_look_for_them():
    assert triton.language.extra.cuda.gdc_wait() is None
    assert triton.language.extra.cuda.gdc_launch_dependents() is None
    assert triton.language.libdevice is triton.language.extra.libdevice
    assert triton.constexpr_function(len) is len


def execute(folder, text, packages=()):
    """Run a file of `folder` through a shim; its names."""
    from types import ModuleType

    module = ModuleType("a_program")
    Shim(folder, packages, {"triton": triton}).execute(module, compile(text, str(folder / "program.py"), "exec"))
    return module


def test_a_file_that_a_library_has_written_imports_the_emulation(tmp_path):
    (tmp_path / "written.py").write_text("import triton\n@triton.jit\ndef kernel(x):\n    return x\n")
    found = execute(
        tmp_path,
        "import importlib.util\nfrom pathlib import Path\n"
        f"spec = importlib.util.spec_from_file_location('some_name', {str(tmp_path / 'written.py')!r})\n"
        "module = importlib.util.module_from_spec(spec)\nspec.loader.exec_module(module)\n",
    )
    assert isinstance(found.module.kernel, triton.JITFunction)
    assert "kernel(x)" in found.module.kernel.src


def test_a_given_module_is_loaded_by_its_spec(tmp_path):
    found = execute(
        tmp_path,
        "import importlib.util, triton\nspec = importlib.util.find_spec('triton.language.extra.libdevice')\n"
        "module = importlib.util.module_from_spec(spec)\nspec.loader.exec_module(module)\n"
        "same = module is triton.language.extra.libdevice\n",
    )
    assert found.same


def test_an_emulated_package_may_put_a_folder_of_its_own_on_python_s_path(tmp_path, monkeypatch):
    site = tmp_path / "site"
    inner = site / "lab_with_vendors" / "vendors" / "_vendor_of_this_test"
    inner.mkdir(parents=True)
    (inner / "__init__.py").write_text("import triton\nfound = triton\n")
    (site / "lab_with_vendors" / "__init__.py").write_text(
        "import sys, importlib\nfrom pathlib import Path\nsys.path.append(str(Path(__file__).parent / 'vendors'))\n"
        "found = importlib.import_module('_vendor_of_this_test').found\n"
    )
    monkeypatch.syspath_prepend(str(site))
    mine = tmp_path / "mine"
    mine.mkdir()
    assert execute(mine, "from lab_with_vendors import found", ["lab_with_vendors"]).found is triton


def test_a_long_kernel_is_read_like_a_short_one(tmp_path):
    """Jumps of more than 255 instructions have another length where names are looked up another way."""
    steps = "        y = tl.abs(y) + tl.abs(i)\n" * 60
    (tmp_path / "long.py").write_text(
        f"import triton\nimport triton.language as tl\n@triton.jit\ndef kernel(x):\n    y = 0\n    for i in range(2):\n{steps}"
    )
    kernel = execute(tmp_path, "from long import kernel\n").kernel
    assert kernel.fn.__code__.co_names[0] == "number named"


def test_a_package_may_give_a_module_a_second_name(tmp_path):
    (tmp_path / "pack" / "norm").mkdir(parents=True)
    (tmp_path / "pack" / "norm" / "l2norm.py").write_text("x = 7\n")
    (tmp_path / "pack" / "__init__.py").write_text(
        "import sys\nfrom importlib import import_module\n"
        "sys.modules['pack.l2norm'] = import_module('pack.norm.l2norm')\n"
    )
    found = execute(
        tmp_path,
        "import sys\nfrom pack.l2norm import x\nfrom pack import l2norm\nimport pack.norm.l2norm as same\n"
        "told = x, l2norm is same, 'pack.l2norm' in sys.modules\ndel sys.modules['pack.l2norm']\n"
        "gone = 'pack.l2norm' not in sys.modules\n",
    )
    assert (found.told, found.gone) == ((7, True, True), True)


def test_a_package_finds_its_own_files_by_its_name_and_is_not_loaded_twice(tmp_path):
    (tmp_path / "pack").mkdir()
    (tmp_path / "pack" / "table.txt").write_text("7")
    (tmp_path / "pack" / "__init__.py").write_text("import triton\n")
    found = execute(
        tmp_path,
        "import importlib.resources\nfrom importlib import resources\nfrom importlib.resources import files\n"
        "import pack\n"
        "told = [importlib.resources.files('pack').joinpath('table.txt').read_text(), files('pack').joinpath('table.txt').read_text()]\n"
        "told += [resources.files(pack).joinpath('table.txt').read_text()]\n",
    )
    assert found.told == ["7"] * 3


def test_a_program_asks_where_a_package_is_and_does_not_load_it(tmp_path):
    (tmp_path / "pack").mkdir()
    (tmp_path / "pack" / "__init__.py").write_text("import triton\n")
    (tmp_path / "pack" / "part.py").write_text("raise ImportError('it is loaded')\n")
    found = execute(
        tmp_path,
        "from importlib.util import find_spec\nimport sys\n"
        "spec, part = find_spec('pack'), find_spec('pack.part')\n"
        "told = spec.origin, list(spec.submodule_search_locations), part.origin, find_spec('pack.none')\n"
        "text = part.loader.get_data(part.origin)\nloaded = 'pack.part' in sys.modules\n",
    )
    folder = tmp_path / "pack"
    assert found.told == (str(folder / "__init__.py"), [str(folder)], str(folder / "part.py"), None)
    assert found.text.startswith(b"raise")
    assert not found.loaded


def test_a_program_walks_the_packages_of_a_library_as_it_imports_them(tmp_path):
    (tmp_path / "pack" / "inner").mkdir(parents=True)
    (tmp_path / "pack" / "__init__.py").write_text("import triton\n")
    (tmp_path / "pack" / "inner" / "__init__.py").write_text("import triton\nfound = triton\n")
    (tmp_path / "pack" / "inner" / "leaf.txt").write_text("7")
    (tmp_path / "pack" / "inner" / "leaf.py").write_text("")
    found = execute(
        tmp_path,
        "import pkgutil, pack, sys\n"
        "told = [each.name for each in pkgutil.walk_packages(pack.__path__, 'pack.')]\n"
        "found, data = sys.modules['pack.inner'].found, pkgutil.get_data('pack.inner', 'leaf.txt')\n",
    )
    assert (found.told, found.data) == (["pack.inner", "pack.inner.leaf"], b"7")
    assert found.found is triton
