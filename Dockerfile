# The daemon of a region, and the tidemark command. One image for every region: the configuration is a file of regions/
# or one that is mounted, and TIDEMARK_* in the environment override it.
# Debian, because classic-level ships no binary for musl on arm64.
FROM node:22.21.1-bookworm-slim AS packages
WORKDIR /app
COPY .npmrc package.json package-lock.json ./

FROM packages AS build
RUN npm ci --include=dev --no-audit --no-fund
COPY tsconfig.json tsconfig.build.json ./
COPY src ./src
RUN npm run build

FROM packages AS production
RUN npm ci --omit=dev --no-audit --no-fund

FROM node:22.21.1-bookworm-slim
WORKDIR /app
COPY package.json ./
COPY --from=production /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
COPY regions ./regions
RUN install --directory --owner=node --group=node /data
ENV NODE_ENV=production \
    TIDEMARK_ENDPOINT_HOSTS=0.0.0.0 \
    TIDEMARK_ENDPOINT_PORT=8000 \
    TIDEMARK_OPERATIONS_HOSTS=0.0.0.0 \
    TIDEMARK_OPERATIONS_PORT=9000
USER node
VOLUME /data
EXPOSE 8000 9000
# The process is the first of its container and handles SIGTERM itself: it answers what is in flight, syncs and exits.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
  CMD ["node", "-e", "fetch('http://127.0.0.1:' + process.env.TIDEMARK_OPERATIONS_PORT + '/readyz').then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "--v8-pool-size=1", "--heap-growing-percent=150", "dist/cli/main.js"]
CMD ["serve", "--config", "regions/us-east-1.yaml", "--data", "/data"]
