# Streamly as one image: `serve`, `worker` and `migrate` are commands of it.

FROM python:3.12-slim AS builder
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/venv
WORKDIR /src

# What Streamly stands on changes less often than Streamly, so it is a layer of its own.
# requirements-extras.lock has the extras too.
ARG LOCK=requirements-runtime.lock
COPY ${LOCK} ./
RUN /opt/venv/bin/pip install --require-hashes --no-deps --requirement ${LOCK}

COPY pyproject.toml LICENSE ./
COPY domain domain
COPY application application
COPY adapters adapters
COPY entrypoints entrypoints
# The tools that build it are not needed to run it.
RUN /opt/venv/bin/pip install --no-build-isolation --no-deps . \
    && /opt/venv/bin/pip uninstall --yes editables hatchling tomlkit trove-classifiers

FROM python:3.12-slim
RUN useradd --uid 10001 --user-group --no-create-home --home-dir /var/lib/streamly --shell /usr/sbin/nologin streamly \
    && install --directory --owner=streamly --group=streamly --mode=750 /var/lib/streamly
COPY --from=builder /opt/venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    ENV=production \
    HOST=0.0.0.0 \
    PORT=8000 \
    DATA_DIR=/var/lib/streamly
# By number: Kubernetes can see that it is not root.
USER 10001:10001
WORKDIR /var/lib/streamly
EXPOSE 8000
# For `serve`; docker-compose.yml has the worker's.
HEALTHCHECK --interval=5s --timeout=5s --start-period=30s --retries=3 CMD ["python", "-c", \
    "import os, urllib.request as web; web.urlopen(f'http://127.0.0.1:{os.environ[\"PORT\"]}/health/live', timeout=3)"]
ENTRYPOINT ["streamly"]
CMD ["serve", "--no-worker"]
