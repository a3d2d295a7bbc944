# The server as a small image: docker build -t durable-workflow-server .
# It runs as nobody in particular, on a root file system that may be read-only; what SQLite writes
# lies on the volume /var/lib/durable.

ARG PYTHON_IMAGE=python:3.12-slim-bookworm

FROM ${PYTHON_IMAGE} AS build
# Where the server comes from: this folder, the URL of a Git repository, or `pypi`; and which
# branch, tag, commit or version of it.
ARG WORKFLOW_PACKAGE_SOURCE=/source
ARG WORKFLOW_PACKAGE_REF=""
RUN case "${WORKFLOW_PACKAGE_SOURCE}" in *://*|*.git) \
        apt-get update && apt-get install --yes --no-install-recommends git ca-certificates;; \
    esac
COPY . /source
RUN sh /source/tools/package.sh python "${WORKFLOW_PACKAGE_SOURCE}" "${WORKFLOW_PACKAGE_REF}" /wheels
RUN python -m venv /opt/durable \
    && /opt/durable/bin/pip install --no-cache-dir --disable-pip-version-check \
        --constraint /wheels/requirements.lock "$(echo /wheels/*.whl)[otel]" \
    && /opt/durable/bin/pip uninstall --yes --quiet pip

FROM ${PYTHON_IMAGE}
LABEL org.opencontainers.image.title="Durable Workflow Server" \
    org.opencontainers.image.licenses="MIT"
RUN useradd --uid 10001 --no-create-home --home-dir /var/lib/durable --shell /usr/sbin/nologin durable \
    && install -d -o durable -g durable /var/lib/durable
COPY --from=build /opt/durable /opt/durable
ENV PATH=/opt/durable/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    WORKFLOW_SERVER_HOST=0.0.0.0 \
    WORKFLOW_SERVER_PORT=8080 \
    DATABASE_URL=sqlite:////var/lib/durable/durable.sqlite
USER 10001:10001
WORKDIR /var/lib/durable
VOLUME /var/lib/durable
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=5s --timeout=5s --start-period=30s --retries=6 \
    CMD ["durable-server", "probe"]
CMD ["durable-server", "serve"]
