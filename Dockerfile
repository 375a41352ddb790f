# syntax=docker/dockerfile:1
#
# An image with the program and nothing else: no shell, no package manager, no root.
#
#   docker build --tag flack .
#   docker run --detach --name flack --publish 3000:3000 --volume flack:/data flack
#
# Settings go behind that, or into the environment: docs/configuration.md. docs/operating.md has the
# rest.

FROM rust:1.95-bookworm AS build
WORKDIR /flack
COPY . .
# The same that builds it elsewhere, with what it downloads and compiles kept for the next time.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/flack/target \
    make build \
    && install --strip -D target/release/flack /image/usr/local/bin/flack \
    && install --directory --mode=0700 /image/data

# Only the C library and what comes with it, of the same Debian: what the program is linked to.
FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build /image/usr /usr
# A new volume takes over whose this is.
COPY --from=build --chown=65532:65532 /image/data /data
ENV FLACK_DATA_DIR=/data \
    LEPTOS_SITE_ADDR=0.0.0.0:3000
USER 65532:65532
VOLUME /data
EXPOSE 3000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=10s --start-period=10s \
    CMD ["/usr/local/bin/flack", "healthcheck"]
ENTRYPOINT ["/usr/local/bin/flack"]
