# The image of the messenger: `messenger serve` as a user without rights, on port 8000, with its data in /data.
# `messenger worker`, `messenger migrate` and all other commands run in it too. deploy/compose.yaml uses it.

FROM node:24-trixie-slim AS scripts
WORKDIR /src
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --no-audit --no-fund
COPY static static
COPY templates templates
COPY messenger/assets/bundle-scripts.js messenger/assets/
RUN npm run bundle

FROM python:3.13-slim-trixie AS build
RUN python -m venv --without-pip /app
WORKDIR /src
# The packages are a layer of their own, which is built again only if the lock file changes.
COPY requirements.lock ./
RUN pip --python /app/bin/python install --no-cache-dir --require-hashes --no-deps -r requirements.lock
COPY . .
COPY --from=scripts /src/messenger/assets/bundles messenger/assets/bundles
RUN pip --python /app/bin/python install --no-cache-dir --no-deps .

FROM python:3.13-slim-trixie
# The PostgreSQL programs are for `messenger backup` and `messenger restore`. Debian keeps one version of them.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends postgresql-client \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin messenger \
    && install --directory --owner messenger --mode 700 /data
COPY --from=build /app /app
ENV PATH=/app/bin:$PATH PYTHONUNBUFFERED=1 DATA_DIR=/data HOST=0.0.0.0 PORT=8000
USER 10001
WORKDIR /data
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen(f'http://127.0.0.1:{os.environ[\"PORT\"]}/healthz', timeout=4)"]
CMD ["messenger", "serve"]
