FROM base
ENTRYPOINT ["/bin/sh", "-c"]
CMD echo hello
HEALTHCHECK --interval=1m30s --timeout=3s --start-period=10s --retries=2 CMD ["true", "x"]
STOPSIGNAL SIGQUIT
VOLUME ["/data", "/more data"]
VOLUME /third /fourth
EXPOSE 80 443/tcp 53/udp
USER app
SHELL ["/bin/sh", "-ec"]
ONBUILD RUN echo child
ONBUILD COPY . /child
LABEL version="1" description='single quoted'
