# Waypost as an image: Node, the compiled program and what it needs at run time, on a base with glibc.
#
#   docker build -t waypost .
#   docker run -p 60000:60000 -p 8000:8000 -v waypost-data:/data --read-only --cap-drop=ALL waypost
#
# The last stage runs nothing, so that any base will do, one without a shell too:
#   --build-arg BASE_IMAGE=<a distroless image with glibc and libstdc++>
# deploy/test-image.sh builds it without an engine and holds it to what is promised here.

ARG BUILD_IMAGE=node:22.16.0-bookworm
ARG BASE_IMAGE=debian:12.11-slim

FROM ${BUILD_IMAGE} AS build
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
# No package of ours needs its install script, so none runs.
RUN npm ci --ignore-scripts
COPY . .
RUN npm run --silent build \
 && npm prune --omit=dev --ignore-scripts \
 && sh deploy/image/gather.sh /out

FROM ${BASE_IMAGE}
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Waypost" \
      org.opencontainers.image.description="A Waku node: relays and stores encrypted envelopes" \
      org.opencontainers.image.licenses="MIT OR Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build /out/usr/ /usr/
COPY --from=build /out/waypost/ /waypost/
# The parent of the folder is copied, or its owner and mode would be lost.
COPY --from=build --chown=10001:10001 /out/volume/ /

# config/store.toml, with the data in the volume. REST stays on loopback inside of the container, where the health check
# asks; so do the metrics until somebody who knows the network says WAYPOST_METRICS_SERVER_ADDRESS=0.0.0.0.
ENV NODE_ENV=production \
    WAYPOST_CONFIG_FILE=/waypost/config/store.toml \
    WAYPOST_DATA_DIR=/data
WORKDIR /data
USER 10001:10001
VOLUME /data
# libp2p over TCP, and WebSocket.
EXPOSE 60000 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
  CMD ["/usr/local/bin/node", "/waypost/healthcheck.js"]
# The launcher becomes the node (execve), which is process 1 and ends on SIGTERM by itself.
ENTRYPOINT ["/usr/local/bin/node", "/waypost/bin/waypost.js"]
CMD ["run"]
