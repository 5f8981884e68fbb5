# syntax=docker/dockerfile:1

# The image of a Tagwire server: `node server/main.ts`, which runs TypeScript as it is, and the built renderer.
# With MYSQL_URL, MONGO_URL and NATS_URL it is one of any number (docker-compose.yml); without them it runs alone on
# SQLite files in /data: docker run -p 8080:8080 -v tagwire:/data IMAGE

FROM node:26-slim AS manifest
WORKDIR /app
ENV ELECTRON_SKIP_BINARY_DOWNLOAD=1
COPY package.json package-lock.json .npmrc ./

FROM manifest AS renderer
RUN npm ci
COPY . .
RUN npm run build

FROM manifest AS dependencies
RUN npm ci --omit=dev --ignore-scripts

FROM node:26-alpine
ENV NODE_ENV=production HOST=0.0.0.0 PORT=8080 DATA_DIR=/data
WORKDIR /app
# 1000 is the image's user `node`, as a number so that an orchestrator can see that it is not root.
RUN mkdir /data && chown 1000:1000 /data
COPY --from=dependencies /app/node_modules ./node_modules
COPY package.json ./
COPY contract ./contract
COPY server ./server
COPY --from=renderer /app/out/renderer ./out/renderer
USER 1000:1000
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s \
  CMD ["wget", "-q", "-O", "/dev/null", "http://127.0.0.1:8080/healthz"]
CMD ["node", "server/main.ts"]
