# File capabilities stay with what is unpacked, copied and changed; other attributes do not.
FROM base AS made
ADD capable.tar /made/

FROM base
ADD capable.tar /unpacked/
COPY --from=made /made/ /copied/
COPY --from=made --chown=5:6 /made/serve /usr/bin/serve
RUN chmod 700 /unpacked/serve && chmod 711 /usr/bin/serve
RUN chown 7 /copied/watch
