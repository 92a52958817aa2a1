# The versions of Node before 24.22.1 and 26.12.1 have holes that a remote peer can use.
ARG NODE_VERSION=24.22.1

FROM node:${NODE_VERSION}-slim AS dependencies
WORKDIR /opt/sluice
COPY package.json package-lock.json ./
# What runs in production comes as it runs; nothing is compiled, so no package has to run a script.
# better-sqlite3 brings the sources it was built from, and itself for other systems: 28 MB that nothing reads.
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund \
    && cd node_modules/better-sqlite3 && rm -rf deps src prebuilds/darwin-* prebuilds/win32-*

FROM node:${NODE_VERSION}-slim
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="sluice" \
      org.opencontainers.image.description="A pull-through caching mirror for container registries" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
# By hand and not with useradd, which the bases that are smaller than Debian do not have.
RUN echo 'sluice:x:10001:10001:sluice:/var/lib/sluice:/bin/false' >> /etc/passwd \
    && echo 'sluice:x:10001:' >> /etc/group \
    && mkdir -m 0700 /var/lib/sluice \
    && chown 10001:10001 /var/lib/sluice \
    && ln -s /opt/sluice/bin/sluice /usr/local/bin/sluice
WORKDIR /opt/sluice
COPY --from=dependencies /opt/sluice/node_modules node_modules
COPY package.json LICENSE ./
COPY bin bin
COPY src src
COPY mirror.config.yaml /etc/sluice/mirror.config.yaml
RUN mkdir -m 0755 /opt/sluice/cache && chown 10001:10001 /opt/sluice/cache

ENV NODE_ENV=production \
    SLUICE_DIRECTORY=/var/lib/sluice \
    CACHE_DIRECTORY=/opt/sluice/cache
# As numbers, so that Kubernetes can see that it is not root.
USER 10001:10001
# Serves once, without a network, so that what Node makes of the sources is in the image: a container may write nowhere, and starts
# in two thirds of the time and with 20 MiB less by it.
RUN printf '{"server":{"listen":"127.0.0.1:0"},"admin":{"listen":"127.0.0.1:0"},"storage":{"directory":"/tmp/once"}}' > /tmp/once.json \
    && { sluice serve --config /tmp/once.json & } \
    && for try in $(seq 60); do sluice health --config /tmp/once.json && break; sleep 1; done \
    && kill $! && wait $! \
    && rm -rf /tmp/once /tmp/once.json
VOLUME /var/lib/sluice
EXPOSE 5000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 CMD ["sluice", "health"]
ENTRYPOINT ["sluice"]
CMD ["serve"]
