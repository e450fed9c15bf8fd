# The image for pipeline pods: TFX, the component, and what they need, as locked in requirements/.
#
#   docker build --tag tfx-lr-finder:0.1.0 .
#
# Behind a mirror or a proxy hand pip's configuration, and the certificate it names, to the build; neither
# stays in the image:
#
#   docker build --secret id=pip_conf,src=pip.conf --secret id=ca,src=ca.crt --tag tfx-lr-finder:0.1.0 .
#
# where pip.conf says `cert = /run/secrets/ca.crt`. With podman and buildah add `--format docker`: OCI images
# have no HEALTHCHECK.

ARG BASE_IMAGE=python:3.10-slim-bookworm

FROM ${BASE_IMAGE} AS builder

# pyfarmhash comes as source only.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends g++ \
    && rm -rf /var/lib/apt/lists/*

ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1 \
    PATH=/opt/venv/bin:$PATH

WORKDIR /build
COPY requirements/tfx-1.16-py3.10.txt requirements.txt

# What builds the source packages is locked as well, so it goes in first.
RUN --mount=type=secret,id=pip_conf,target=/etc/pip.conf \
    --mount=type=secret,id=ca,target=/run/secrets/ca.crt \
    python3 -m venv /opt/venv \
    && awk '/^[^ #]/ { keep = /^(packaging|pip|setuptools|wheel)==/ } keep' requirements.txt > bootstrap.txt \
    && python -m pip install --no-deps --require-hashes --requirement bootstrap.txt \
    && python -m pip install --no-deps --require-hashes --no-build-isolation --requirement requirements.txt

COPY LICENSE README.md pyproject.toml ./
COPY component component
RUN python -m pip wheel --no-deps --no-build-isolation --no-index --wheel-dir dist . \
    && python -m pip install --no-deps --no-index dist/*.whl

FROM ${BASE_IMAGE}

ARG VERSION=0.1.0
LABEL org.opencontainers.image.title="tfx-lr-finder" \
      org.opencontainers.image.description="TFX with a component that finds a learning rate and checks it" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.licenses="Apache-2.0"

RUN useradd --create-home --uid 1000 finder
COPY --from=builder /opt/venv /opt/venv

# Which Keras tf.keras is would otherwise depend on what is imported first, and TensorFlow Transform sets this
# to 1 for child processes alone. One value for every process of a pod; 1 (Keras 2, by tf_keras) is what TFX's
# own image sets from 1.21 on. Modules written for Keras 3 set it to 0.
ENV TF_USE_LEGACY_KERAS=1 \
    PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1

USER 1000
WORKDIR /home/finder

HEALTHCHECK --interval=5m --timeout=30s CMD ["python", "-c", "import tfx_lr_finder"]
CMD ["python"]
