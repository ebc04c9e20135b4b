FROM debian:bookworm-slim
SHELL ["/bin/bash", "-o", "pipefail", "-c"]
RUN --network=default --mount=type=cache,target=/var/cache/apt,sharing=locked \
    --mount=type=cache,target=/var/lib/apt,sharing=locked \
    rm -f /etc/apt/apt.conf.d/docker-clean && \
    # the tools that the service calls
    apt-get update && \
    apt-get install -y --no-install-recommends \
        curl \
        git
RUN curl --version | head -n 1
MAINTAINER robin <robin@example.org>
