#!/usr/bin/env bash
# Builds Horovod for the TensorFlow of the active Python environment, installs it there and checks it with two processes.
#
# The wheel is kept below HOROVOD_CACHE (default: ~/.cache/deepmd-tf) and used again for the same versions. With mpicxx on the
# PATH both MPI and Gloo are built in, else Gloo alone. Variables of Horovod's own build go through: HOROVOD_WITHOUT_MPI=1,
# HOROVOD_GPU_OPERATIONS=NCCL with HOROVOD_NCCL_HOME=folder, MAKEFLAGS=-j8. Needs g++ and the package index.
set -euo pipefail

version=0.28.1
recipe=$(cd "$(dirname "$0")" && pwd)
python=${PYTHON:-python}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
pip() { "$python" -m pip --disable-pip-version-check "$@"; }

if [[ -z ${HOROVOD_WITHOUT_MPI:-} ]] && command -v mpicxx > /dev/null; then
  export HOROVOD_WITH_MPI=1
  mpi=$(mpicxx --version 2> /dev/null | cksum | cut -d' ' -f1)-$(mpirun --version 2> /dev/null | cksum | cut -d' ' -f1)
else
  export HOROVOD_WITHOUT_MPI=1
  mpi=none
fi
built_for=$("$python" - << 'CODE'
import platform, sys
from importlib import metadata
names = {d.metadata["Name"].replace("_", "-"): d.version for d in metadata.distributions()}
found = [f"{name}-{names[name]}" for name in ("tensorflow", "tensorflow-cpu") if name in names]
if not found:
    sys.exit("There is no TensorFlow in this environment: install deepmd-tf first")
print(f"{'-'.join(found)}-py{sys.version_info[0]}{sys.version_info[1]}-{platform.machine()}")
CODE
)
kept=${HOROVOD_CACHE:-$HOME/.cache/deepmd-tf}/horovod-$version-$built_for-mpi-$mpi-gpu-${HOROVOD_GPU_OPERATIONS:-none}
kept+=-recipe-$(cat "$recipe/build_horovod.sh" "$recipe/wake_horovod.py" | cksum | cut -d' ' -f1)

if ! compgen -G "$kept/horovod-*.whl" > /dev/null; then
  echo "building Horovod $version for $built_for (some minutes)"
  pip install --quiet --target "$work/tools" 'cmake<4' setuptools wheel packaging cffi cloudpickle psutil pyyaml
  export PATH=$work/tools/bin:$PATH PYTHONPATH=$work/tools${PYTHONPATH:+:$PYTHONPATH}
  pip download --quiet --no-deps --no-binary :all: --no-build-isolation --dest "$work" "horovod==$version"
  tar -xzf "$work/horovod-$version.tar.gz" -C "$work"
  # An optional part whose headers newer releases of TensorFlow have elsewhere.
  sed -i '/xla_mpi_ops\.cc/d' "$work/horovod-$version/horovod/tensorflow/CMakeLists.txt"
  "$python" "$recipe/wake_horovod.py" "$work/horovod-$version"
  export HOROVOD_WITH_TENSORFLOW=1 HOROVOD_WITH_GLOO=1 HOROVOD_WITHOUT_PYTORCH=1 HOROVOD_WITHOUT_MXNET=1
  if ! MAKEFLAGS=${MAKEFLAGS:--j$(nproc)} pip wheel --no-build-isolation --no-deps --wheel-dir "$work/wheel" \
    "$work/horovod-$version" > "$work/build.log" 2>&1; then
    tail -n 50 "$work/build.log" >&2
    exit 1
  fi
  mkdir -p "$kept"
  mv "$work"/wheel/horovod-*.whl "$kept"
  unset PYTHONPATH
fi
pip install --quiet "$kept"/horovod-*.whl
# Another build of the same version counts as installed.
pip install --quiet --force-reinstall --no-deps "$kept"/horovod-*.whl

cat > "$work/check.py" << 'CODE'
import horovod.tensorflow as hvd
import tensorflow.compat.v1 as tf

tf.disable_eager_execution()
hvd.init()
total = hvd.allreduce(tf.constant([hvd.rank() + 1.0]), op=hvd.Sum)
with tf.Session() as session:
    found = session.run(total)[0]
assert (hvd.size(), found) == (2, 3.0), f"expected the sum 3 over 2 processes, found {found} over {hvd.size()}"
if hvd.rank() == 0:
    print("two processes have added their numbers", flush=True)
CODE
export TF_CPP_MIN_LOG_LEVEL=3 TF_ENABLE_ONEDNN_OPTS=0
bin=$(dirname "$("$python" -c 'import sys; print(sys.executable)')")
echo "horovodrun, Gloo:"
"$bin/horovodrun" --gloo -np 2 "$bin/python" "$work/check.py"
if [[ $mpi != none ]]; then
  echo "mpirun:"
  OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 mpirun -np 2 "$bin/python" "$work/check.py"
fi
