# syntax=docker/dockerfile:1
ARG PYTHON=3.12
FROM python:${PYTHON}-slim AS build
ENV PIP_NO_CACHE_DIR=1 \
    PYTHONUNBUFFERED=1
WORKDIR /srv
COPY requirements.txt ./
RUN --network=default --mount=type=cache,target=/root/.cache/pip \
    pip install --prefix=/install -r requirements.txt

FROM python:${PYTHON}-slim
ARG PYTHON
LABEL org.opencontainers.image.title="app" \
      org.opencontainers.image.version=$PYTHON
COPY --from=build /install /usr/local
COPY --chown=1000:1000 app/ /srv/app/
USER 1000:1000
WORKDIR /srv/app
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=3s --retries=5 CMD python -c "import app"
ENTRYPOINT ["python", "-m"]
CMD ["app.main"]
