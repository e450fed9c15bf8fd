# The image for every node of a pipeline: TFX, this package and the example modules, as locked in requirements/.
#
#   docker build --target cpu --tag tfx-lr-finder:0.1.0 .
#   docker build --target gpu --tag tfx-lr-finder:0.1.0-gpu .
#   docker run --rm tfx-lr-finder:0.1.0          # versions
#
# These commands install TFX 1.16. TFX 1.21 needs the libc of Debian 13:
#
#   docker build --build-arg LOCK=tfx-1.21-py3.11 --build-arg BASE_IMAGE=python:3.11-slim-trixie --target cpu ...
#
# `cpu` has tensorflow-cpu. `gpu` has TensorFlow with its CUDA libraries, so the machine needs only the driver.
# Add your own module as pipelines/taxi's module is added below, and name it by its dotted path.
#
# Behind a mirror or a proxy, pass pip's configuration and the certificate that it names as secrets:
# --secret id=pip_conf,src=pip.conf --secret id=ca,src=ca.crt, with `cert = /run/secrets/ca.crt` in pip.conf.
# Neither stays in the image. With podman and buildah add `--format docker`: OCI images have no HEALTHCHECK.

ARG BASE_IMAGE=python:3.10-slim-bookworm
ARG LOCK=tfx-1.16-py3.10

FROM ${BASE_IMAGE} AS packages

# pyfarmhash has no wheel and is compiled.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends g++ \
    && rm -rf /var/lib/apt/lists/*

ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1 \
    PATH=/opt/venv/bin:$PATH

ARG LOCK
WORKDIR /build
COPY requirements/${LOCK}.txt locked.txt

# The locked build tools go in first, to build the source packages. TensorFlow follows in the next stages.
RUN --mount=type=secret,id=pip_conf,target=/etc/pip.conf \
    --mount=type=secret,id=ca,target=/run/secrets/ca.crt \
    python3 -m venv /opt/venv \
    && awk '/^[^ #]/ { keep = /^(packaging|pip|setuptools|wheel)==/ } keep' locked.txt > first.txt \
    && awk '/^[^ #]/ { keep = !/^tensorflow==/ } keep' locked.txt > most.txt \
    && python -m pip install --no-deps --require-hashes --requirement first.txt \
    && python -m pip install --no-deps --require-hashes --no-build-isolation --requirement most.txt

FROM packages AS packages-cpu
ARG LOCK
COPY requirements/${LOCK}-cpu.txt tensorflow.txt
RUN --mount=type=secret,id=pip_conf,target=/etc/pip.conf \
    --mount=type=secret,id=ca,target=/run/secrets/ca.crt \
    python -m pip install --no-deps --require-hashes --requirement tensorflow.txt
COPY LICENSE README.md pyproject.toml ./
COPY component component
RUN python -m pip install --no-deps --no-build-isolation --no-index . \
    && rm -rf /opt/venv/lib/python3*/site-packages/tensorflow/include

FROM packages AS packages-gpu
ARG LOCK
COPY requirements/${LOCK}-cuda.txt tensorflow.txt
RUN --mount=type=secret,id=pip_conf,target=/etc/pip.conf \
    --mount=type=secret,id=ca,target=/run/secrets/ca.crt \
    python -m pip install --no-deps --require-hashes --no-build-isolation --requirement tensorflow.txt
COPY LICENSE README.md pyproject.toml ./
COPY component component
RUN python -m pip install --no-deps --no-build-isolation --no-index . \
    && rm -rf /opt/venv/lib/python3*/site-packages/tensorflow/include \
    && ln -s /opt/venv/lib/python3*/site-packages/nvidia /opt/venv/nvidia

FROM ${BASE_IMAGE} AS base

ARG LOCK
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="tfx-lr-finder" \
      org.opencontainers.image.description="TFX with a component that finds a learning rate and checks it, ${LOCK}" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.licenses="Apache-2.0"

RUN useradd --create-home --uid 1000 finder
COPY pipelines/taxi/module/taxi_module.py pipelines/penguin/module/penguin_module.py \
    pipelines/kfp_native/module/penguin_steps.py /opt/modules/
COPY pipelines/penguin/__init__.py pipelines/penguin/verdict_alert.py /opt/modules/penguin/

# TF_USE_LEGACY_KERAS: without it, tf.keras depends on the order of imports, and TensorFlow Transform sets it to 1
# in child processes only. It must be the same in every process of a pod. 1 means Keras 2 (tf_keras), as in TFX's
# own image from 1.21 on. `import keras` gives Keras 3 in any case. If your module needs Keras 3 as tf.keras, build
# an image from this one with `ENV TF_USE_LEGACY_KERAS=0`.
# TF_FORCE_GPU_ALLOW_GROWTH lets nodes share a card. Everything but the outputs is written to /tmp, so that the root
# file system can be read-only.
ENV TF_USE_LEGACY_KERAS=1 \
    TF_FORCE_GPU_ALLOW_GROWTH=true \
    PATH=/opt/venv/bin:$PATH \
    PYTHONPATH=/opt/modules \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    HOME=/tmp \
    MPLCONFIGDIR=/tmp/matplotlib

USER 1000
WORKDIR /tmp

HEALTHCHECK --interval=5m --timeout=30s CMD ["python", "-c", "import tfx_lr_finder.kfp_entrypoint"]
ENTRYPOINT ["python", "-m", "tfx_lr_finder.kfp_entrypoint"]
CMD ["--version"]

FROM base AS gpu
COPY --from=packages-gpu /opt/venv /opt/venv
# TensorFlow 2.16 does not find the CUDA libraries of its own wheels, and XLA does not find their compiler.
ENV NVIDIA=/opt/venv/nvidia
ENV PATH=$NVIDIA/cuda_nvcc/bin:$PATH \
    XLA_FLAGS=--xla_gpu_cuda_data_dir=$NVIDIA/cuda_nvcc \
    LD_LIBRARY_PATH=$NVIDIA/cublas/lib:$NVIDIA/cuda_cupti/lib:$NVIDIA/cuda_nvrtc/lib:$NVIDIA/cuda_runtime/lib:$NVIDIA/cudnn/lib:$NVIDIA/cufft/lib:$NVIDIA/curand/lib:$NVIDIA/cusolver/lib:$NVIDIA/cusparse/lib:$NVIDIA/nccl/lib:$NVIDIA/nvjitlink/lib

FROM base AS cpu
COPY --from=packages-cpu /opt/venv /opt/venv
