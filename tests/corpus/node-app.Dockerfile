FROM node:20-bookworm-slim AS base
ENV NODE_ENV=production
WORKDIR /usr/src/app

FROM base AS dependencies
COPY package.json package-lock.json ./
RUN --network=default npm ci --omit=dev

FROM base AS tests
COPY . .
RUN npm test

FROM base
COPY --from=dependencies /usr/src/app/node_modules node_modules
COPY --link app ./app
VOLUME /usr/src/app/data
EXPOSE 3000 9229/tcp
USER node
CMD [ "node", "app/main.js" ]
