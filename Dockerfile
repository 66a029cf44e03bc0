# A node in a container: `docker build -t millrace .`, then compose.yaml says how it is run. The image brings Node 24
# itself, so that the packaged one, a development dependency, is left out.
ARG NODE=node:24-bookworm-slim

FROM ${NODE} AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
COPY console/package.json console/
RUN npm ci
COPY console console
RUN cd console && node ../node_modules/vite/bin/vite.js build --logLevel warn

FROM ${NODE} AS packages
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
COPY console/package.json console/
RUN npm ci --omit=dev --workspaces=false

FROM ${NODE}
# SRT, and files that no demuxer of ours reads: both are programs that are used where they are installed.
ARG PROGRAMS="srt-tools"
RUN if [ -n "$PROGRAMS" ]; then apt-get update && apt-get install --yes --no-install-recommends $PROGRAMS \
  && rm -rf /var/lib/apt/lists/*; fi
WORKDIR /app
COPY package.json LICENSE ./
COPY bin bin
COPY src src
COPY --from=packages /app/node_modules node_modules
COPY --from=build /app/console/dist console/dist
RUN mkdir /data && chown node:node /data && ln -s /app/bin/millrace /usr/local/bin/millrace
USER node
# The root may be read-only: what is written is the data directory alone, and code that was compiled lies there too.
ENV NODE_ENV=production \
  NODE_COMPILE_CACHE=/data/cache/control \
  MILLRACE_DATA=/data \
  MILLRACE_LISTEN=0.0.0.0:8080 \
  MILLRACE_RTMP=0.0.0.0:1935
VOLUME /data
EXPOSE 8080 1935
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 \
  CMD ["node", "-e", "fetch('http://127.0.0.1:' + process.env.MILLRACE_LISTEN.split(':').pop() + '/healthz').then(it => process.exit(it.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["/app/bin/millrace"]
CMD ["serve"]
