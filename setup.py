"""Build and package: CMake compiles ``op/`` and ``nvnmd/op/`` against the TensorFlow the package will run with.

Options are environment variables: ``DEEPMD_TF_BUILD_JOBS`` (parallel compilations), ``CXX`` (the compiler).
"""

from __future__ import annotations

import ast
import json
import os
import platform
import re
import shutil
import subprocess
import sys
from pathlib import Path

from setuptools import Extension, find_packages, setup
from setuptools.command.build_ext import build_ext

ROOT = Path(__file__).resolve().parent
OLDEST, NEWEST = (2, 15), (2, 21)
# Folder with sources -> folder of the package that gets the libraries.
NATIVE = {"op": "deepmd_tf/ops/lib", "nvnmd/op": "nvnmd/ops/lib"}
SUPPORTED = f">={OLDEST[0]}.{OLDEST[1]},<{NEWEST[0]}.{NEWEST[1] + 1}"

# Runs in the interpreter that will use the package; importing TensorFlow would take seconds, its metadata do not.
PROBE = """
import importlib.metadata, importlib.util, json
found = None
for name in ("tensorflow", "tensorflow-cpu", "tensorflow-intel", "tensorflow-rocm"):
    try:
        version = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        continue
    spec = importlib.util.find_spec("tensorflow")
    if spec is not None and spec.origin:
        found = {"distribution": name, "version": version, "origin": spec.origin}
        break
print(json.dumps(found))
"""


def read_version() -> str:
    """The version in ``deepmd_tf/__init__.py``, read as text."""
    text = (ROOT / "deepmd_tf" / "__init__.py").read_text(encoding="utf-8")
    for node in ast.parse(text).body:
        if isinstance(node, ast.Assign) and node.targets[0].id == "__version__":
            return ast.literal_eval(node.value)
    raise SystemExit("deepmd_tf/__init__.py does not set __version__")


def find_tensorflow() -> dict | None:
    """TensorFlow of the environment that is installed into, else that of the build environment, else None.

    pip hides the outer environment from a build by environment variables; without them the same interpreter
    sees its own packages again.
    """
    outer = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "PIP_"))}
    for environment in (outer, dict(os.environ)):
        run = subprocess.run(
            [sys.executable, "-c", PROBE], env=environment, capture_output=True, text=True, cwd=os.sep, check=False
        )
        found = json.loads(run.stdout) if run.returncode == 0 and run.stdout.strip() else None
        if found is not None:
            return check_tensorflow(found)
    return None


def check_tensorflow(found: dict) -> dict:
    """Refuse a TensorFlow outside the supported range; add the paths the compiler needs."""
    minor = tuple(int(part) for part in found["version"].split(".")[:2])
    if not OLDEST <= minor <= NEWEST:
        raise SystemExit(
            f"deepmd-tf works with tensorflow{SUPPORTED}, found {found['distribution']} {found['version']}. "
            f"Install a supported one, for example: pip install 'tensorflow-cpu{SUPPORTED}'"
        )
    package = Path(found["origin"]).parent
    found["include"] = str(package / "include")
    libraries = sorted(package.glob("libtensorflow_framework.*"), key=lambda path: len(path.name))
    if not libraries:
        raise SystemExit(f"no libtensorflow_framework library in {package}; reinstall {found['distribution']}")
    found["library"] = str(libraries[0])
    return found


def cxx11_abi(include: str, library: str) -> int:
    """Which ABI of the C++ library TensorFlow was compiled with: its symbols tell."""
    return int(b"__cxx11" in Path(library).read_bytes())


class CMakeBuild(build_ext):
    """Runs CMake on the folders of ``NATIVE`` and installs the libraries and ``build_info.json`` where it says."""

    def run(self):
        tensorflow = find_tensorflow()
        if tensorflow is None:
            raise SystemExit(
                "TensorFlow is needed to compile the ops, and was not found. "
                f"Install it (pip install 'tensorflow-cpu{SUPPORTED}') or build without --no-build-isolation"
            )
        base = ROOT if self.inplace else Path(self.build_lib).resolve()
        for source, target in NATIVE.items():
            self.build_ops(tensorflow, ROOT / source, base / target)

    def build_ops(self, tensorflow: dict, source: Path, target: Path) -> None:
        """Configure, compile and install the libraries of one folder."""
        abi = cxx11_abi(tensorflow["include"], tensorflow["library"])
        name = "-".join(source.relative_to(ROOT).parts)
        folder = Path(self.build_temp).resolve() / f"{name}-{tensorflow['version']}"
        folder.mkdir(parents=True, exist_ok=True)
        # A cache of another build environment names a cmake and a ninja that are gone.
        (folder / "CMakeCache.txt").unlink(missing_ok=True)
        cmake = tool("cmake")
        configure = [
            cmake,
            f"-S{source}",
            f"-B{folder}",
            "-GNinja",
            f"-DCMAKE_MAKE_PROGRAM={tool('ninja')}",
            "-DCMAKE_BUILD_TYPE=Release",
            "-DDP_BUILD_TF=ON",
            f"-DTENSORFLOW_INCLUDE={tensorflow['include']}",
            f"-DTENSORFLOW_LIBRARY={tensorflow['library']}",
            f"-DTENSORFLOW_FLAGS=-D_GLIBCXX_USE_CXX11_ABI={abi} -DEIGEN_MAX_ALIGN_BYTES=64",
        ]
        jobs = os.environ.get("DEEPMD_TF_BUILD_JOBS", str(os.cpu_count() or 1))
        subprocess.run(configure, check=True)
        subprocess.run([cmake, "--build", str(folder), "--parallel", jobs], check=True)
        staged = folder / "install"
        shutil.rmtree(staged, ignore_errors=True)
        subprocess.run([cmake, "--install", str(folder), "--strip", "--prefix", str(staged)], check=True)
        info = {
            "tensorflow": tensorflow["version"],
            "python": platform.python_version(),
            "abi": abi,
            "targets": targets_of(folder / "targets.txt"),
        }
        (staged / "build_info.json").write_text(json.dumps(info, indent=2) + "\n", encoding="utf-8")
        publish(staged, target)

    def get_outputs(self):
        return []

    def get_output_mapping(self):
        return {}


def publish(staged: Path, target: Path) -> None:
    """Replace each file of the target folder at once: a program that runs keeps the library that it has opened."""
    target.mkdir(parents=True, exist_ok=True)
    for source in sorted(staged.iterdir()):
        beside = target / f".{source.name}.new"
        shutil.copy2(source, beside)
        os.replace(beside, target / source.name)


def targets_of(path: Path) -> list[str]:
    """The SIMD targets that CMake compiled the kernels for."""
    return path.read_text(encoding="utf-8").split()


def tool(name: str) -> str:
    """Path of cmake or ninja: the one pip brought, else the one of the system."""
    found = shutil.which(name, path=os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]))
    if found is None:
        raise SystemExit(f"{name} was not found. Install it: pip install {name}")
    return found


def requirements() -> tuple[list[str], list[str]]:
    """What the build and the installed package need of TensorFlow: the minor version that the ops are built for."""
    found = find_tensorflow()
    if found is None:
        return [f"tensorflow-cpu{SUPPORTED}"], [f"tensorflow-cpu{SUPPORTED}"]
    minor = re.match(r"\d+\.\d+", found["version"]).group()
    return [], [f"{found['distribution']}=={minor}.*"]


build_needs, run_needs = requirements()
plot = ["matplotlib"]
ase = ["ase"]

setup(
    name="deepmd-tf",
    version=read_version(),
    description="Deep Potential models in TensorFlow graph mode",
    long_description=(ROOT / "README.md").read_text(encoding="utf-8") if (ROOT / "README.md").exists() else "",
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.10,<3.13",
    packages=find_packages(include=["deepmd_tf", "deepmd_tf.*", "nvnmd", "nvnmd.*"]),
    package_data={"deepmd_tf.config": ["*.json"], "deepmd_tf.ops": ["lib/*"], "nvnmd.ops": ["lib/*"]},
    ext_modules=[Extension(target.replace("/", "."), sources=[]) for target in NATIVE.values()],
    cmdclass={"build_ext": CMakeBuild},
    setup_requires=build_needs,
    install_requires=[*run_needs, "numpy", "h5py", "dargs>=0.4.10", "scipy", "pyyaml"],
    extras_require={
        "test": ["pytest", "pytest-xdist", *ase, *plot],
        "ase": ase,
        "plot": plot,
        "horovod": ["horovod>=0.28"],
    },
    entry_points={
        "console_scripts": ["dp=deepmd_tf.cli.main:main"],
        "deepmd_tf.plugins": ["nvnmd=nvnmd.plugin"],
        "deepmd_tf.operations": ["nvnmd=nvnmd.ops.library:op_module"],
        "deepmd_tf.commands": [
            "nvnmd-info=nvnmd.cli.info",
            "nvnmd-report=nvnmd.cli.report",
            "nvnmd-sim=nvnmd.cli.sim",
            "nvnmd-wrap=nvnmd.cli.wrap",
            "train-nvnmd=nvnmd.cli.train",
        ],
    },
    zip_safe=False,
)
