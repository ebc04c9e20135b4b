ARG DEBIAN=bookworm
FROM debian:${DEBIAN:-stable}-slim AS fetch
ARG MIRROR=https://downloads.example
ARG VERSION
ADD --checksum=sha256:01ba4719c80b6fe911b091a7c05124b64eeece964e09c058ef8f9805daca546b \
    $MIRROR/${VERSION:-1.0}/tool /opt/tool/
RUN --mount=type=secret,id=key ["/opt/tool/tool", "--verify", "/run/secrets/key"]
FROM debian:${DEBIAN}-slim
COPY --from=fetch /opt/tool /opt/tool
ENTRYPOINT ["/opt/tool/tool"]
