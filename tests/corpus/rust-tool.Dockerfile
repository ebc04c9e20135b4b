# syntax=docker/dockerfile:1.7
FROM rust:1.79 AS build
WORKDIR /src
RUN --mount=type=bind,source=src,target=src \
    --mount=type=bind,source=go.mod,target=Cargo.toml \
    --mount=type=cache,target=target,id=rust-$TARGETARCH \
    cargo build --release && cp target/release/tool /bin/
FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build /bin/tool /
CMD ["/tool"]
