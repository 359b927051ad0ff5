# syntax=docker/dockerfile:1
ARG PYTHON=3.12
FROM python:${PYTHON}-slim AS base
ENV PYTHONUNBUFFERED=1 \
    PIP_NO_CACHE_DIR=1
WORKDIR /app

FROM base AS deps
RUN apt-get update \
 && apt-get install -y --no-install-recommends gcc libc6-dev \
 && rm -rf /var/lib/apt/lists/*
COPY requirements.txt .
RUN python -m venv /venv && /venv/bin/pip install -r requirements.txt

FROM base
COPY --from=deps /venv /venv
COPY --chown=1000:1000 src/ ./src/
ENV PATH=/venv/bin:$PATH
USER 1000
EXPOSE 8000
HEALTHCHECK --interval=30s CMD ["python", "-m", "app.health"]
ENTRYPOINT ["python", "-m", "app"]
CMD ["--port", "8000"]
