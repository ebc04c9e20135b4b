# syntax=docker/dockerfile:1
FROM base AS made
RUN mkdir -p /out/bin && echo x > /out/bin/x
FROM base
COPY --link --from=made /out/bin/ /linked/bin/
COPY --link --chown=1000:1000 app /linked/app
ADD --link archive.tar /linked/
COPY --parents app/util/text.py /parents/
COPY --exclude=*.pyc --exclude=util app /excluded/
COPY --link <<EOF /linked/text
$UNSET text
EOF
