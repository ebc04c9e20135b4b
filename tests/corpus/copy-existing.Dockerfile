FROM base AS made
RUN mkdir -p /data/kept /real && chmod 700 /data/kept && chown 1000:1000 /data/kept && \
    ln -s /real /by-link && ln -s real /relative && echo old > /data/file && \
    ln -s file /data/pointer && echo one > /hard && ln /hard /hard2 && mkfifo -m 640 /pipe && \
    mkdir -p /merged/util /merged/own && chmod 700 /merged/* /merged
COPY app /data/kept
COPY app/main.py /by-link/main.py
COPY app /relative/app/
COPY config/app.conf /data/file
COPY app/main.py /data/pointer
COPY --chown=1000:1000 app /merged
RUN mv /relative/app /relative/old && mkdir -p /relative/app/util/deep && echo new > /relative/app/util/deep/file && \
    rm -r /real/old
FROM base
COPY --from=made /relative/ /replaced/
COPY --from=made /data /copied
COPY --from=made /hard /hard2 /names/
COPY --from=made /by-link /followed
COPY --from=made /by-link/main.py /main.py
COPY --from=made /data/pointer /dir/
COPY --from=made /data/poin* /wild/
COPY --from=made /data/fil? /wild-one
COPY --from=made /data/* /globbed/
RUN mkdir -p /above/merged/util
COPY --from=made /merged/* /none* /above/merged/
COPY --from=made /merged /above/merged
COPY --from=made /none* /nowhere/
COPY --from=made /tmp /empty/
COPY package.json yarn.lock* /optional/
COPY yarn.lock* /missing/
