# A web application whose lock file may be any package manager's.
FROM base AS base
WORKDIR /app

FROM base AS dependencies
COPY package.json yarn.lock* package-lock.json* pnpm-lock.yaml* ./
RUN \
  if [ -f yarn.lock ]; then echo yarn > used; \
  elif [ -f package-lock.json ]; then echo npm > used; \
  else echo "no lock file" && exit 1; \
  fi
RUN mkdir -p node_modules/.bin node_modules/tool && echo run > node_modules/tool/run.js && \
    chmod 755 node_modules/tool/run.js && ln -s ../tool/run.js node_modules/.bin/tool

FROM base AS build
COPY --from=dependencies /app/node_modules ./node_modules
COPY app ./src
ENV NEXT_TELEMETRY_DISABLED 1
RUN mkdir -p .next/standalone/src .next/static public && cp src/main.py .next/standalone/src && \
    echo style > .next/static/style.css

FROM base AS run
ENV NODE_ENV production
RUN echo 'nodejs:x:1001:' >> /etc/group && echo 'nextjs:x:1001:1001::/:/bin/sh' >> /etc/passwd
COPY --from=build /app/public ./public
RUN mkdir .next && chown nextjs:nodejs .next
COPY --from=build --chown=nextjs:nodejs /app/.next/standalone ./
COPY --from=build --chown=nextjs:nodejs /app/.next/static ./.next/static
COPY --from=dependencies /app/node_modules node_modules
USER nextjs
EXPOSE 3000
ENV PORT=3000 HOSTNAME="0.0.0.0"
CMD HOSTNAME="0.0.0.0" node server.js
