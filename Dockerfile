# A Holdfast node on Debian 12. It has SoftHSM, for trying out; for a device, add its PKCS#11 module and name it in the
# configuration. Nothing secret is in the image: the configuration, the token's folder and the PIN file are mounted, and
# the ports are those of the configuration.
#
#   docker build -t holdfast .          or, without Docker: scripts/image build
#   docker run -v ./node-1.json:/etc/holdfast/node.json:ro -v ./node-1:/var/lib/holdfast holdfast

FROM debian:12-slim AS packages
WORKDIR /opt/holdfast
COPY package.json package-lock.json .npmrc ./
COPY scripts/setup.sh scripts/
RUN scripts/setup.sh

# The page that verifies in a browser, which "holdfast fleet evidence" publishes: the same bytes as in a release.
FROM packages AS page
COPY src src
COPY scripts/pages scripts/pages
RUN node_modules/.bin/node scripts/pages/main.ts

FROM packages AS build
# What only development needs goes: by copies of the npm of the lock and of the runtime, which are in what is changed.
RUN arch=$(node_modules/.bin/node -p process.arch) \
 && cp -a node_modules/node-linux-$arch /tmp/runtime && cp -a node_modules/npm /tmp/npm \
 && PATH="/tmp/runtime/bin:$PATH" node /tmp/npm/bin/npm-cli.js prune --omit=dev --no-save --ignore-scripts --no-audit \
 && test ! -e node_modules/typescript \
 && ln -sf ../node-linux-$arch/bin/node node_modules/.bin/node \
 && node_modules/.bin/node -e 'require("pkcs11js")'
COPY src src
COPY softhsm softhsm
COPY LICENSE ./
COPY scripts/container-health.mjs scripts/
COPY --from=page /opt/holdfast/share share

FROM debian:12-slim
RUN apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends ca-certificates softhsm2 opensc libengine-pkcs11-openssl \
 && rm -rf /var/lib/apt/lists/* \
 && ln -s /usr/lib/*/engines-3 /usr/lib/openssl-engines \
 && useradd --uid 10001 --user-group --home-dir /var/lib/holdfast --create-home holdfast \
 && chmod 0700 /var/lib/holdfast
COPY --from=build /opt/holdfast /opt/holdfast
WORKDIR /opt/holdfast
ENV PATH=/opt/holdfast/node_modules/.bin:/usr/local/bin:/usr/bin:/bin \
    NODE_ENV=production \
    SOFTHSM2_CONF=/var/lib/holdfast/softhsm2.conf \
    PKCS11_MODULE_PATH=/usr/lib/softhsm/libsofthsm2.so \
    OPENSSL_ENGINES=/usr/lib/openssl-engines
USER holdfast
VOLUME /var/lib/holdfast
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s CMD ["node", "scripts/container-health.mjs", "/etc/holdfast/node.json"]
# SoftHSM makes its files with the umask of the process.
ENTRYPOINT ["/bin/sh", "-c", "umask 077 && exec node src/cli/main.ts \"$@\"", "holdfast"]
CMD ["node", "start", "--config", "/etc/holdfast/node.json"]
