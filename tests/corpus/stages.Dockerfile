FROM base AS a
RUN echo a > /a
FROM a AS b
RUN echo b > /b
FROM base AS unused
RUN exit 1
FROM scratch AS files
COPY --from=a /a /
COPY --from=1 /b /from-b
FROM b AS Final
COPY --from=files / /files/
COPY --from=FILES /a /upper
RUN cat /files/a /files/from-b /a > /all
