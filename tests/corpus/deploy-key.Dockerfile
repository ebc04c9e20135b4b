ARG DEBIAN=bookworm
FROM debian:${DEBIAN:-stable}-slim AS fetch
RUN --network=default --mount=type=secret,id=key,mode=0400 git clone ssh://git.example/team/tool /tool
FROM debian:${DEBIAN}-slim
COPY --from=fetch /tool /opt/tool
ENTRYPOINT ["/opt/tool/run"]
