# The workflow in a container, without a GPU:
#   docker build -t nd2fd .
#   docker run --rm -v "$PWD/results:/nd2fd/results" nd2fd results/figs/fig2.pdf
FROM python:3.11-slim-bookworm

RUN apt-get update \
    && apt-get install --yes --no-install-recommends gcc g++ libc6-dev make \
    && rm -rf /var/lib/apt/lists/*

WORKDIR /nd2fd

# PyTorch without CUDA, which is 2 GB smaller. An empty value takes PyPI's.
ARG PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu

# What is installed changes less often than the rest.
COPY Makefile pyproject.toml requirements.lock README.md LICENSE ./
COPY src src
COPY tools/pip_progress.awk tools/
RUN PIP_NO_CACHE_DIR=1 make setup

COPY . .
ENV PATH=/nd2fd/.venv/bin:$PATH
ENTRYPOINT ["snakemake"]
CMD ["--cores", "all"]
