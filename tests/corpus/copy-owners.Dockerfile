FROM base
COPY --chown=1000:2000 app /srv/numbers
COPY --chown=app app /srv/user
COPY --chown=app:extra --chmod=0750 app/main.py /srv/both/deep/main.py
COPY --chmod=700 config /srv/modes
ARG OWNER=1000
ENV GROUP=app
COPY --chown=${OWNER}:$GROUP app/main.py /srv/expanded.py
COPY --chmod=700 app /srv/modes2
