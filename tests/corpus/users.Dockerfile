FROM base
RUN echo 'web:x:1500:1500::/home/web:/bin/sh' >> /etc/passwd && echo 'web:x:1500:' >> /etc/group && \
    mkdir -p /home/web && chown web:web /home/web
USER web
WORKDIR /home/web/run
RUN echo "$(id -u) $(id -g)" > who && umask > mask && pwd > where && echo "$HOME" > home
COPY app/main.py .
COPY --chown=web app/main.py mine.py
USER 1000:extra
RUN echo "$(id -u) $(id -g)" > /tmp/second
USER root
WORKDIR deeper
WORKDIR deeper/still
RUN touch here
CMD ["sh"]
